"""What every test may ask for: a database of each kind, with the real schema, for itself alone.

PostgreSQL comes from NURTURE_TEST_POSTGRES (the address of a server on which we may create databases) or
from Debian's binaries: each test process starts a throw-away cluster of its own that listens on a socket
file only. Without either, those tests are skipped with a line that says how to get it.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

from nurture.store import Store, schema

MIGRATIONS = Path(__file__).parent.parent / "migrations"
BINARIES = Path("/usr/lib/postgresql/15/bin")
NO_POSTGRES = "no PostgreSQL here: apt-get install postgresql, or set NURTURE_TEST_POSTGRES to a server's URL"

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """A PostgreSQL server on which databases may be created."""
    given = os.environ.get("NURTURE_TEST_POSTGRES")
    if given:
        yield make_url(given).set(drivername="postgresql+psycopg")
    elif (BINARIES / "postgres").exists():
        yield from _throw_away_cluster()
    else:
        pytest.skip(NO_POSTGRES)


def _throw_away_cluster() -> Iterator[URL]:
    folder = Path(tempfile.mkdtemp(prefix="nurture-pg-", dir=_quick_folder()))
    data = folder / "data"
    user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        other = pwd.getpwnam("postgres")
        os.chown(folder, other.pw_uid, other.pw_gid)
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    subprocess.run(
        [*user, BINARIES / "initdb", "-D", data, "-U", "nurture", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True, stdout=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    settings = ["listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "shared_buffers=32MB"]
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [*user, BINARIES / "postgres", "-D", data, *(word for each in settings for word in ("-c", each))],
        stdout=log, stderr=log, cwd="/",
    )  # fmt: skip
    url = URL.create("postgresql+psycopg", "nurture", database="postgres", query={"host": str(folder)})
    try:
        _wait_for(url, server, folder / "log")
        yield url
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(30)
        log.close()
        shutil.rmtree(folder)


def _quick_folder() -> str:
    """Memory, where there is enough: cloning a database takes 20 ms there and 130 ms on a disk."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30
    return str(memory) if roomy else "/tmp"


def _wait_for(url: URL, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(_plain(url)).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}") from None
            time.sleep(0.02)
        else:
            return


def _plain(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _on(server: URL, statement: str) -> None:
    with psycopg.connect(_plain(server), autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres_template(postgres_server: URL) -> Iterator[str]:
    """A migrated database to clone."""
    name = f"nurture_template_{os.getpid()}"
    _on(postgres_server, f"CREATE DATABASE {name}")
    schema.upgrade(postgres_server.set(database=name).render_as_string(hide_password=False), MIGRATIONS)
    yield name
    _on(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy."""
    path = tmp_path_factory.mktemp("template") / "nurture.db"
    schema.upgrade(f"sqlite:///{path}", MIGRATIONS)
    return path


@pytest.fixture
def empty_postgres(postgres_server: URL) -> Iterator[str]:
    """The address of a PostgreSQL database without tables."""
    yield from _postgres_database(postgres_server, "template0")


@pytest.fixture
def postgres_database(postgres_server: URL, postgres_template: str) -> Iterator[str]:
    """The address of a migrated PostgreSQL database."""
    yield from _postgres_database(postgres_server, postgres_template)


def _postgres_database(server: URL, template: str) -> Iterator[str]:
    name = f"nurture_{os.getpid()}_{next(_numbers)}"
    _on(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.set(database=name).render_as_string(hide_password=False)
    _on(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a migrated SQLite file."""
    path = tmp_path / "nurture.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> str:
    """The address of a migrated database; the test runs once for each kind."""
    address: str = request.getfixturevalue(f"{request.param}_database")
    return address


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """An open store; the test runs once for each kind of database."""
    with Store(database) as opened:
        yield opened


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything was installed (CI), a skipped test is a failure that nobody would see."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("NURTURE_NO_SKIPS") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

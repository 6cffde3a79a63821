"""A PostgreSQL server of one's own that can be restarted as after a crash."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import URL

from tests.conftest import BINARIES

DATABASE = "chaos"


class Cluster:
    """One server on a socket file, with one empty database."""

    def __init__(self, folder: Path, user: list[str]) -> None:
        self._folder, self._user = folder, user
        server = URL.create("postgresql+psycopg", "nurture", database=DATABASE, query={"host": str(folder)})
        self.url = server.render_as_string(hide_password=False)

    def crash(self) -> None:
        """End it without a word to anybody, and start it again: it recovers from its log."""
        self.control("restart", "-m", "immediate")

    def control(self, *words: str) -> None:
        """pg_ctl, and wait until it has happened."""
        options = f"-c listen_addresses= -c unix_socket_directories={self._folder} -c shared_buffers=32MB"
        subprocess.run(
            [*self._user, BINARIES / "pg_ctl", "-w", "-s", "-D", self._folder / "data",
             "-l", self._folder / "log", "-o", options, *words],
            check=True, stdout=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A fresh one, on disk; every commit is synced."""
    folder = Path(tempfile.mkdtemp(prefix="nurture-chaos-", dir="/tmp"))
    user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        other = pwd.getpwnam("postgres")
        os.chown(folder, other.pw_uid, other.pw_gid)
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    subprocess.run(
        [*user, BINARIES / "initdb", "-D", folder / "data", "-U", "nurture", "-A", "trust", "-E", "UTF8"],
        check=True, stdout=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    made = Cluster(folder, user)
    made.control("start")
    try:
        subprocess.run(
            [*user, BINARIES / "createdb", "-h", folder, "-U", "nurture", DATABASE], check=True, cwd="/"
        )
        yield made
    finally:
        made.control("stop", "-m", "immediate")
        shutil.rmtree(folder)

"""`nurture run` as a process in a workspace of its own: start it, look at it, stop it."""

import asyncio
import json
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from sqlalchemy import create_engine, text

from nurture.cli import nurture as program
from nurture.simulation.inbox import Fault, Inbox
from tests.cli.workspace import MAP, Ended, ended, process

PATIENCE = 40.0
"""Seconds after which something that should happen is given up; the machine may be busy."""


def command(folder: Path, *words: str) -> Ended:
    return ended(process(folder, *words), PATIENCE)


def ok(folder: Path, *words: str) -> str:
    """What a command prints that goes well; in this process, which is quicker."""
    with chdir(folder):
        done = CliRunner().invoke(program, list(words), prog_name="nurture", catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def edit(path: Path, **changes: str) -> None:
    """Give keys of a YAML or TOML file other values, wherever they stand first in a line."""
    lines = path.read_text().splitlines()
    for key, value in changes.items():
        places = [i for i, line in enumerate(lines) if line.strip().startswith((f"{key}:", f"{key} ="))]
        assert places, key
        sign = ":" if path.suffix == ".yaml" else " ="
        indent = lines[places[0]][: len(lines[places[0]]) - len(lines[places[0]].lstrip())]
        lines[places[0]] = f"{indent}{key}{sign} {value}"
    path.write_text("\n".join(lines) + "\n")


def noon_zone() -> str:
    """A zone in which it is about noon now, so that no test is run at midnight."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def begin(folder: Path) -> Path:
    """A new workspace in a folder, in which anybody may be written to at any hour."""
    ok(folder, "init", "mine")
    calendar = {"weekdays": "mon-sun", "hours": '"00:00-23:59"', "zone": noon_zone(), "holidays": "[]"}
    edit(folder / "mine/programme.yaml", **calendar, spread="0 minutes")
    (folder / "mine/map.yaml").write_text(MAP)
    return folder / "mine"


def set_port(folder: Path) -> int:
    port = free_port()
    edit(folder / "nurture.toml", bind=f'"127.0.0.1:{port}"', public=f'"http://127.0.0.1:{port}"')
    return port


def leads(folder: Path, *names: str) -> str:
    """Import people of grade A under these names."""
    head = "email,name,company,role,employees,industry,invoices,country"
    rows = [f"{name}@{name}.example,{name},{name},controller,400,manufacturing,3000,GB" for name in names]
    (folder / "leads.csv").write_text("\n".join([head, *rows]) + "\n")
    return ok(folder, "import", "prospects", "leads.csv", "--map", "map.yaml")


def server(folder: Path, port: int, connections: int = 2) -> None:
    """Mail goes to an SMTP server on this port."""
    with (folder / "nurture.toml").open("a") as file:
        file.write(f'\n[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n')
        file.write(f"connections = {connections}\n")


@contextmanager
def receiver(faults: Callable[[str, int], Fault | None] | None = None) -> Iterator[Inbox]:
    """A receiving server in a thread of its own."""
    loop, inbox = asyncio.new_event_loop(), Inbox(faults=faults)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(inbox.open(), loop).result(5)
    try:
        yield inbox
    finally:
        asyncio.run_coroutine_threadsafe(inbox.close(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    engine = create_engine(f"sqlite:///{folder / 'nurture.db'}")
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def states(folder: Path) -> Counter[str]:
    """How many messages are in which state, ended ones by their outcome."""
    query = "SELECT coalesce(outcome, state), count(*) FROM touches GROUP BY 1"
    return Counter(dict(rows(folder, query)))


def wait_for(what: Callable[[], object], running: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@contextmanager
def daemon(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`nurture run`, up and answering; killed at the end if it still lives."""
    running = process(folder, "run")
    try:
        wait_for(lambda: answers(folder), running)
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.communicate()


def public(folder: Path) -> str:
    (line,) = [
        line for line in (folder / "nurture.toml").read_text().splitlines() if line.startswith("public =")
    ]
    return line.split('"')[1]


def answers(folder: Path) -> bool:
    try:
        with urllib.request.urlopen(f"{public(folder)}/healthz", timeout=5) as answer:
            return bool(answer.read() == b"ok\n")
    except OSError:
        return False


def stop(running: subprocess.Popen[str], which: signal.Signals = signal.SIGTERM) -> tuple[Ended, float]:
    """Its end, and how many seconds it took."""
    started = time.monotonic()
    running.send_signal(which)
    done = ended(running, PATIENCE)
    return done, time.monotonic() - started


def mails(folder: Path) -> int:
    return len(list((folder / "outbox").glob("*.eml")))


def differences(folder: Path) -> list[str]:
    return list(json.loads(ok(folder, "verify", "--json"))["differences"])

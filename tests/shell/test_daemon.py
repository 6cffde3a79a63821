"""`nurture run` as a process of its own, in real time: what it does, beside whom, and how it ends."""

import asyncio
import json
import shutil
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

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, text

from nurture.cli import nurture as program
from nurture.simulation.inbox import Fault, Inbox
from tests.cli.workspace import MAP, Ended, ended, process

pytestmark = pytest.mark.slow
"""Real processes: for `make test-all`."""

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


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that may write on every day and at every hour, and has not been used yet."""
    folder = tmp_path_factory.mktemp("daemon")
    ok(folder, "init", "mine")
    calendar = {"weekdays": "mon-sun", "hours": '"00:00-23:59"', "zone": noon_zone(), "holidays": "[]"}
    edit(folder / "mine/programme.yaml", **calendar, spread="0 minutes")
    (folder / "mine/map.yaml").write_text(MAP)
    return folder / "mine"


@pytest.fixture
def folder(begun: Path, tmp_path: Path) -> Path:
    """A copy of it, with a port of its own."""
    folder = shutil.copytree(begun, tmp_path / "mine")
    set_port(folder)
    return folder


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


@pytest.fixture(scope="module")
def beside(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    """A daemon that has sent its first message, to run commands beside."""
    folder = shutil.copytree(begun, tmp_path_factory.mktemp("beside") / "mine")
    set_port(folder)
    leads(folder, "ada")
    with daemon(folder) as running:
        wait_for(lambda: mails(folder) == 1 and states(folder) == {"sent": 1}, running)
        yield folder, running


@pytest.mark.parametrize("second", ["run", "wake"])
def test_a_second_one_says_who_runs_and_ends(beside: tuple[Path, Any], second: str) -> None:
    folder, running = beside
    done = command(folder, second)
    assert done.code == 1
    assert done.err.strip() == (
        f"Error: nurture (process {running.pid}) already runs on {folder / 'nurture.db'}: "
        "stop it first, or use PostgreSQL to run several."
    )


def test_other_commands_work_beside_it(beside: tuple[Path, Any]) -> None:
    """What is imported is written to, without anybody starting anything."""
    folder, running = beside
    assert "ada@ada.example" in command(folder, "prospect", "list").out
    assert "sent" in ok(folder, "journey", "ada@ada.example")
    assert "new" in leads(folder, "bo", "cy")
    wait_for(lambda: states(folder) == {"sent": 3}, running)
    assert mails(folder) == 3
    ok(folder, "prospect", "hold", "bo@bo.example")
    wait_for(lambda: rows(folder, "SELECT wake_reason FROM prospects WHERE id = 2") == [("held",)], running)
    assert differences(folder) == []


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_once_where_nothing_is_on_its_way(folder: Path, which: signal.Signals) -> None:
    with daemon(folder) as running:
        done, seconds = stop(running, which)
    assert done.code == 0
    assert "Traceback" not in done.err
    assert seconds < 10
    assert not answers(folder)


def test_what_is_on_its_way_ends_before_it_stops_and_the_rest_goes_out_later(folder: Path) -> None:
    """20 messages over a server that takes half a second for each."""
    slow = Fault(delay=0.5)
    with receiver(lambda verb, k: slow if verb == "dot" else None) as inbox:
        server(folder, inbox.port)
        leads(folder, *(f"p{i}" for i in range(20)))
        with daemon(folder) as running:
            wait_for(lambda: len(inbox.ledger) >= 4, running)
            done, seconds = stop(running)
        assert done.code == 0, done.err
        assert seconds < 10
        taken, found = len(inbox.ledger), states(folder)
        assert 4 <= taken < 20
        assert found == {"sent": taken, "queued": 20 - taken}
        assert rows(folder, "SELECT max(attempts) FROM touches WHERE state = 'queued'") == [(0,)]
        slow = Fault(delay=0.01)
        with daemon(folder) as running:
            wait_for(lambda: states(folder) == {"sent": 20}, running)
            assert stop(running)[0].code == 0
        assert len(inbox.ledger) == 20
        assert inbox.duplicates() == 0
    assert differences(folder) == []


def test_after_a_kill_nothing_is_lost_and_nothing_goes_out_twice(folder: Path) -> None:
    """Two connections: one message was taken and its answer never came, one never got so far."""

    def faults(verb: str, k: int) -> Fault | None:
        return {
            ("dot", 1): Fault("", "hang", accepts=True),
            ("dot", 2): Fault("", "hang", accepts=False),
        }.get((verb, k))

    with receiver(faults) as inbox:
        server(folder, inbox.port)
        leads(folder, *(f"p{i}" for i in range(12)))
        with daemon(folder) as running:
            wait_for(lambda: states(folder)["fenced"] == 2, running)
            assert states(folder) == {"fenced": 2, "claimed": 10}
            running.send_signal(signal.SIGKILL)
            assert ended(running, PATIENCE).code == -signal.SIGKILL
        with daemon(folder) as running:
            wait_for(lambda: states(folder) == {"in_doubt": 2, "sent": 10}, running)
            assert stop(running)[0].code == 0
        assert len(inbox.ledger) == 11, "of the two in doubt one was taken; neither is sent again"
        assert inbox.duplicates() == 0
    assert differences(folder) == []


@pytest.mark.slow
def test_a_kill_between_any_two_steps_loses_and_doubles_nothing(folder: Path) -> None:
    """Killed three times while 40 messages go out; each ends once, and verify finds nothing."""
    with receiver(lambda verb, k: Fault(delay=0.1) if verb in ("MAIL", "dot") else None) as inbox:
        server(folder, inbox.port)
        leads(folder, *(f"p{i}" for i in range(40)))
        for wanted in (3, 9, 14):
            with daemon(folder) as running:
                wait_for(lambda wanted=wanted: len(inbox.ledger) >= wanted, running)  # type: ignore[misc]
                running.kill()
                ended(running, PATIENCE)
        with daemon(folder) as running:
            wait_for(lambda: sum(states(folder)[end] for end in ("sent", "in_doubt")) == 40, running)
            assert stop(running)[0].code == 0
        assert inbox.duplicates() == 0
        found = states(folder)
        assert found["sent"] <= len(inbox.ledger) <= 40
        assert found["in_doubt"] <= 6, "at most those on two connections at each kill"
    assert differences(folder) == []


def test_a_port_in_use_is_a_sentence(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(public(folder).rpartition(":")[2])))
        taken.listen()
        done = command(folder, "run")
    assert done.code == 1
    bind = public(folder).removeprefix("http://")
    assert done.err == f"Error: nurture.toml [web] bind: cannot listen on {bind}: Address already in use\n"


def test_wake_is_one_pass_of_the_same(folder: Path) -> None:
    leads(folder, "ada", "bo")
    assert "things done" in ok(folder, "wake")
    assert mails(folder) == 2
    assert states(folder) == {"sent": 2}
    assert ok(folder, "wake") == "Nothing is due.\n"
    assert (folder / "nurture.db.lock").stat().st_mode & 0o777 == 0o600

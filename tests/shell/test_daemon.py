"""`nurture run` as a process of its own, in real time: what it does, beside whom, and how it ends."""

import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nurture.simulation.inbox import Fault
from tests.cli.workspace import ended
from tests.shell.daemon_world import (
    PATIENCE,
    answers,
    begin,
    command,
    daemon,
    differences,
    leads,
    mails,
    ok,
    public,
    receiver,
    rows,
    server,
    set_port,
    states,
    stop,
    wait_for,
)

pytestmark = pytest.mark.slow
"""Real processes: for `make test-all`."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that may write on every day and at every hour, and has not been used yet."""
    return begin(tmp_path_factory.mktemp("daemon"))


@pytest.fixture
def folder(begun: Path, tmp_path: Path) -> Path:
    """A copy of it, with a port of its own."""
    folder = shutil.copytree(begun, tmp_path / "mine")
    set_port(folder)
    return folder


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

"""Stopped in every phase: what is on its way ends, nothing begins, nothing is in doubt that was answered."""

import asyncio
import signal
import subprocess
from pathlib import Path

import pytest

from nurture.simulation.inbox import Fault
from tests.cli.workspace import ended, process
from tests.ops.living import Living, living
from tests.shell.daemon_world import edit, receiver, states, wait_for

pytestmark = pytest.mark.slow

PEOPLE = 12
DELAY = 0.4
VERBS = ("EHLO", "MAIL", "RCPT", "DATA", "body", "dot")
"""Where the server is slow when the signal comes: claimed; before and after 354; the answer."""


def settled(there: Living) -> None:
    """Everything that was accepted is recorded, nothing is doubtful, the rest is as it was."""
    found = there.states()
    assert found["in_doubt"] == found["claimed"] == found["fenced"] == 0, found
    assert found["sent"] == len(there.inbox.ledger)
    assert found["sent"] + found["queued"] + found["deferred"] in (0, PEOPLE)
    assert there.inbox.duplicates() == 0
    assert there.differences() == ()
    assert all(tries == 0 for (tries,) in there.rows("SELECT attempts FROM touches WHERE state = 'queued'"))


@pytest.mark.parametrize(
    ("verb", "which"),
    [*((verb, signal.SIGTERM) for verb in VERBS), ("RCPT", signal.SIGINT), ("dot", signal.SIGINT)],
)
def test_while_a_server_is_slow(folder: Path, verb: str, which: signal.Signals) -> None:
    async def go() -> None:
        seen: list[str] = []

        def slow(at: str, k: int) -> Fault | None:
            if at != verb:
                return None
            seen.append(at)
            return Fault(delay=DELAY)

        async with living(folder, slow) as there:
            await there.until(lambda: len(seen) >= 2)
            begun_before = there.inbox.transactions
            seconds = await there.stop(which)
            assert seconds < 4
            assert there.inbox.transactions <= begun_before + 2, "each of two connections ends what it began"
            settled(there)

    asyncio.run(go())


@pytest.mark.parametrize("state", ["before the first tick", "waking", "claiming", "recording", "idle"])
def test_at_other_moments(folder: Path, state: str) -> None:
    async def go() -> None:
        async with living(folder) as there:
            moments = {
                "before the first tick": there.is_up,
                "waking": lambda: there.rows("SELECT 1 FROM prospects WHERE folded > 0"),
                "claiming": lambda: there.states()["claimed"],
                "recording": lambda: there.inbox.ledger,
                "idle": lambda: there.states()["sent"] == PEOPLE,
            }
            await there.until(moments[state])
            assert await there.stop() < 4
            settled(there)

    asyncio.run(go())


def test_what_takes_longer_than_the_drain_is_cut_and_in_doubt_at_the_next_start(folder: Path) -> None:
    async def first() -> None:
        async with living(folder, {("dot", 1): Fault("", "hang", accepts=True)}, drain=0.5) as there:
            await there.until(lambda: there.states()["fenced"] >= 1)
            assert await there.stop() < 4

    async def second() -> None:
        async with living(folder) as there:
            await there.until(lambda: there.states() == {"sent": PEOPLE - 1, "in_doubt": 1})
            assert there.differences() == ()

    asyncio.run(first())
    asyncio.run(second())


def test_a_second_interrupt_ends_at_once_and_what_was_fenced_is_in_doubt(folder: Path) -> None:
    with receiver(lambda verb, k: Fault("", "hang", accepts=True) if verb == "dot" else None) as inbox:
        edit(folder / "nurture.toml", port=str(inbox.port))
        running: subprocess.Popen[str] = process(folder, "run")
        try:
            wait_for(lambda: len(inbox.ledger) == 2, running)
            running.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                running.wait(1)
            running.send_signal(signal.SIGINT)
            done = ended(running, 5)
        finally:
            running.kill()
        assert done.code == 130
        assert "stopped at once" in done.err
        assert states(folder)["fenced"] == 2

    async def second() -> None:
        async with living(folder) as there:
            await there.until(lambda: there.states() == {"sent": PEOPLE - 2, "in_doubt": 2})
            assert there.differences() == ()

    asyncio.run(second())

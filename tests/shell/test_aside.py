"""Settling in a second process: the same is settled, and whatever becomes of it, nothing is lost."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from nurture.core import facts as f
from nurture.drafting import Draft, Settled, draft_all
from nurture.drafting.codec import decode_journey
from nurture.engine import aside as module
from nurture.engine.aside import WORTH_IT, Aside
from nurture.engine.outgoing import wake_due
from nurture.engine.verifying import verify
from nurture.engine.wake import Seen, look
from nurture.store import Store
from tests.shell.daemon_world import begin, daemon, differences, leads, set_port, states, stop
from tests.shell.engine_world import DAY, HOUR, ROOT, START, World, edited

PATIENCE = 20.0


@pytest.fixture
def world(sqlite_database: str) -> Iterator[World]:
    with Store(sqlite_database) as store:
        yield World(store)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def aside(said: list[str]) -> Iterator[Aside]:
    opened = Aside(said.append)
    yield opened
    opened.close()


def wait_for(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def is_there(pid: int) -> bool:
    """Whether a process lives: one that has ended may wait to be looked after by whoever adopts it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def crowd(world: World, count: int = WORTH_IT) -> Seen:
    """So many new people, as a wake sees them."""
    for number in range(count):
        world.enter(f"p{number}")
    return world.read(lambda c: look(c, world.shelf, START))


def readied(aside: Aside, seen: Seen) -> int:
    """The child, once it takes batches."""
    aside(seen.due, seen.programme, START)
    child = aside._child
    assert child is not None
    wait_for(child.is_ready)
    return child.process.pid


def comparable(drafts: list[Draft]) -> list[object]:
    """Snapshots as what they say: sets may stand in another order in other bytes."""
    return [
        each._replace(snapshot=decode_journey(each.snapshot)) if isinstance(each, Settled) else each  # type: ignore[arg-type]
        for each in drafts
    ]


def test_the_child_settles_as_this_process_does(world: World, aside: Aside) -> None:
    """Random lives, among them one whose snapshot is damaged, under two programmes by turns."""
    random, seen = Random(20261005), crowd(world)
    child = readied(aside, seen)
    dearer = edited("agreement.yaml", "pricing:    {points: 12", "pricing:    {points: 25").programme
    for step in range(12):
        now = START + step * 31 * HOUR
        for one in random.sample(seen.due, 12):
            heard = [f.PageViewed("/pricing"), f.FormSent("demo"), f.Held(now + DAY), f.Unsubscribed()]
            world.hear(one.id, random.choice(heard), at=now)
        due = world.read(lambda c, now=now: look(c, world.shelf, now)).due
        many = (due * WORTH_IT)[: max(WORTH_IT, len(due))]
        many = [*many, many[0]._replace(snapshot=b"\xc1")]
        for programme in (world.programme, dearer):
            here = draft_all(many, programme, now)
            assert comparable(aside(many, programme, now)) == comparable(here)
        world.wake_all(now)
    assert aside.pid == child, "it did all that"


def test_a_few_people_start_no_second_process(world: World, aside: Aside) -> None:
    seen = crowd(world, WORTH_IT - 1)
    assert len(aside(seen.due, seen.programme, START)) == WORTH_IT - 1
    assert aside.pid is None


def test_signals_are_left_to_the_parent(world: World, aside: Aside, said: list[str]) -> None:
    seen = crowd(world)
    child = readied(aside, seen)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(child, number)
    drafts = aside(seen.due, seen.programme, START)
    assert comparable(drafts) == comparable(draft_all(seen.due, seen.programme, START))
    assert (aside.pid, said) == (child, [])


def test_a_child_that_is_killed_in_the_middle_of_a_batch_loses_nothing(
    world: World, aside: Aside, said: list[str], tmp_path: Path
) -> None:
    seen = crowd(world, 60)
    child = readied(aside, seen)
    engine = world.engine(tmp_path)
    engine.drafting = aside
    os.kill(child, signal.SIGSTOP)  # it has the batch and is not done with it

    def kill() -> None:
        wait_for(aside._one_at_a_time.locked)
        time.sleep(0.1)
        os.kill(child, signal.SIGKILL)

    killing = threading.Thread(target=kill)
    killing.start()
    assert asyncio.run(wake_due(engine, START)) == 60
    killing.join()
    assert len(said) == 1
    assert aside.pid is None
    assert not is_there(child)
    assert {tuple(world.told(one.id)[2:]) for one in seen.due} == {("Enrolled", "Chosen")}
    verified = world.read(lambda c: verify(c, world.shelf))
    assert (verified.touches, verified.differences) == (60, ())


def test_a_child_that_hangs_is_killed(
    world: World, aside: Aside, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = crowd(world)
    child = readied(aside, seen)
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    os.kill(child, signal.SIGSTOP)
    assert len(aside(seen.due, seen.programme, START)) == WORTH_IT
    assert said == ["the second process is lost, this one does its work: TimeoutError it hangs"]
    assert not is_there(child)


def test_a_new_child_comes_after_a_pause(world: World, aside: Aside, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = crowd(world)
    first = readied(aside, seen)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not is_there(first))
    for _ in range(2):
        assert len(aside(seen.due, seen.programme, START)) == WORTH_IT
        assert aside.pid is None
    monkeypatch.setattr(module, "PAUSE", 0.0)
    second = readied(aside, seen)
    assert second != first
    assert is_there(second)


def test_other_code_than_ours_settles_nothing(
    world: World, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has installed another version while this process runs."""
    monkeypatch.setattr(module, "fingerprint", lambda: b"another")
    seen, aside = crowd(world), Aside(said.append)
    aside(seen.due, seen.programme, START)
    assert (child := aside.pid) is not None
    wait_for(lambda: aside(seen.due, seen.programme, START) and said)
    assert "other code" in said[0]
    assert not is_there(child)


def test_closing_ends_the_child_also_in_the_middle_of_a_batch(world: World, said: list[str]) -> None:
    seen, aside = crowd(world), Aside(said.append)
    child = readied(aside, seen)
    os.kill(child, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as other:
        drafts = other.submit(aside, seen.due, seen.programme, START)
        wait_for(aside._one_at_a_time.locked)
        aside.close()
        assert len(drafts.result(PATIENCE)) == WORTH_IT
    assert not is_there(child)
    assert said == []
    assert len(aside(seen.due, seen.programme, START)) == WORTH_IT
    assert aside.pid is None, "none begins after the end"


PARENT = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from nurture.assembly import load_folder
from nurture.drafting import Due
from nurture.engine.aside import WORTH_IT, Aside

programme, now = load_folder(Path(sys.argv[1])).programme, datetime(2026, 10, 5, 9, tzinfo=UTC)
due = [Due(number, 0, 0, "", "new", 0, now, None, ()) for number in range(1, WORTH_IT + 1)]
aside = Aside(print)
aside(due, programme, now)
while not aside._child.is_ready():
    time.sleep(0.01)
print(aside.pid, flush=True)
while True:
    aside(due, programme, now)
"""


def test_a_parent_that_is_killed_leaves_no_orphan() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(ROOT)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as parent:  # fmt: skip
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_there(child)
        parent.kill()
    wait_for(lambda: not is_there(child))


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(number) for numbers in found for number in numbers]


@pytest.mark.slow
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="a daemon settles in a child where there are two cores")
def test_a_daemon_that_is_killed_takes_its_child_along_and_loses_nothing(tmp_path: Path) -> None:
    folder = begin(tmp_path)
    set_port(folder)
    leads(folder, *(f"p{number}" for number in range(900)))
    with daemon(folder) as running:
        wait_for(lambda: children(running.pid))
        (child,) = children(running.pid)
        wait_for(lambda: states(folder)["queued"] + states(folder)["sent"] > 400)
        running.kill()
        wait_for(lambda: not is_there(child))
    with daemon(folder) as running:
        wait_for(lambda: (found := states(folder))["sent"] + found["in_doubt"] == 900)
        others = children(running.pid)
        assert stop(running)[0].code == 0
        assert not any(map(is_there, others))
    assert differences(folder) == []

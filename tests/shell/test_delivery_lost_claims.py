"""Who has lost a touch, and who was first: owners, epochs and leases on PostgreSQL, where others go on."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier, Event
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from nurture.core.facts import TouchEnded
from nurture.store import Store, suppress
from nurture.store.claims import claim_touches
from nurture.store.outbox import LEASE, end, fence, turn
from nurture.store.overdue import Rescued, rescue
from nurture.store.tables import TOUCHES
from nurture.store.touches import Answer, Claim, Deferral, Ending, Go, Lost, Refused
from tests.shell.outbox_world import HOUR, KEY, NOW, facts, queue, row, states

GONE = timedelta(seconds=-1)
"""A lease that has ended already."""
RACES = 200


def take(store: Store, owner: str, lease: timedelta = LEASE) -> list[Claim]:
    return store.write_now(lambda c: claim_touches(c, NOW, 100, owner=owner, key=KEY, lease=lease)).ready


def ask(store: Store, claims: list[Claim], lease: timedelta = LEASE) -> list[Answer]:
    answers = store.write_now(lambda c: fence(c, claims, NOW, key=KEY, lease=lease))
    return [answers[each.touch] for each in claims]


def test_after_a_rescue_the_first_owner_can_do_nothing_whatever_the_second_does(store: Store) -> None:
    touches = queue(store, 3)
    stale = take(store, "first", GONE)
    assert store.write_now(lambda c: rescue(c, NOW)) == Rescued(3, 0)
    fresh = take(store, "second")
    ask(store, fresh[1:])
    store.write_now(lambda c: end(c, [Ending(fresh[2], "sent", "250 ok")], NOW, key=KEY))
    before = [row(store, touch) for touch in touches]  # claimed, fenced, ended by the second
    assert ask(store, stale) == [Lost(), Lost(), Lost()]
    for results in (
        [Ending(each, "sent", "250 from the dead") for each in stale],
        [Ending(each, "in_doubt") for each in stale],
        [Deferral(each, NOW + HOUR, "450 from the dead") for each in stale],
    ):
        answers = store.write_now(lambda c: turn(c, results, stale, NOW, key=KEY))  # noqa: B023
        assert answers == dict.fromkeys(touches, Lost())
    assert [row(store, touch) for touch in touches] == before
    assert facts(store, touches[2]) == [TouchEnded(1, "sent", "250 ok")]
    assert store.write_now(lambda c: end(c, [Ending(fresh[1], "sent")], NOW, key=KEY)) == {touches[1]}


def test_the_same_owner_with_an_earlier_epoch_is_a_stranger_too(store: Store) -> None:
    (touch,) = queue(store)
    (old,) = take(store, "me", GONE)
    store.write_now(lambda c: rescue(c, NOW))
    (new,) = take(store, "me")
    assert (old.epoch, new.epoch) == (1, 2)
    assert ask(store, [old]) == [Lost()] and ask(store, [new]) == [Go()]
    assert store.write_now(lambda c: end(c, [Ending(old, "failed")], NOW, key=KEY)) == set()
    assert states(store) == {touch: ("fenced", None)}


SLEEPER = """
import sys
from datetime import timedelta
from nurture.store import Store
from nurture.store.claims import claim_touches
from nurture.store.outbox import (defer, end, fence)
from nurture.store.touches import Deferral, Ending
from tests.shell.outbox_world import HOUR, KEY, NOW
lease = timedelta(seconds=0.4)
with Store(sys.argv[1]) as store:
    def fences(some):
        answers = store.write_now(lambda c: fence(c, some, NOW, key=KEY, lease=lease))
        return " ".join(type(answers[each.touch]).__name__ for each in some)
    claims = store.write_now(lambda c: claim_touches(c, NOW, 9, owner="sleeper", key=KEY, lease=lease)).ready
    asks, ends, waits, left = claims
    print("claimed", fences([left]), flush=True)
    sys.stdin.readline()
    print(fences([asks]), flush=True)
    late = [Ending(ends, "failed", "550 from my sleep"), Ending(left, "sent", "250 from my sleep")]
    print(sorted(store.write_now(lambda c: end(c, late, NOW, key=KEY))), flush=True)
    store.write_now(lambda c: defer(c, [Deferral(waits, NOW + HOUR, "450 from my sleep")]))
    print("done", flush=True)
"""


@pytest.mark.postgres
def test_a_process_that_slept_through_its_lease_wakes_up_a_stranger(postgres_database: str) -> None:
    """Stopped by a signal, as by a suspended machine; another process takes over and has sent everything."""
    command = [sys.executable, "-c", SLEEPER, postgres_database]
    with (
        Store(postgres_database) as store,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": "."},
        ) as sleeper,
    ):
        touches = queue(store, 4)
        assert sleeper.stdin is not None and sleeper.stdout is not None
        assert sleeper.stdout.readline() == "claimed Go\n"
        sleeper.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + 10
        while states(store)[touches[3]] != ("ended", "in_doubt") and time.monotonic() < deadline:
            time.sleep(0.05)
            store.write_now(lambda c: rescue(c, NOW))
        mine = take(store, "awake")
        assert [each.touch for each in mine] == touches[:3]
        assert ask(store, mine) == [Go()] * 3
        store.write_now(lambda c: end(c, [Ending(each, "sent", "250 ok") for each in mine], NOW, key=KEY))
        sleeper.send_signal(signal.SIGCONT)
        sleeper.stdin.write("good morning\n")
        sleeper.stdin.flush()
        assert sleeper.stdout.readline() == "Lost\n"
        assert sleeper.stdout.readline() == f"[{touches[3]}]\n"  # its answer clears the doubt, and only that
        assert sleeper.stdout.readline() == "done\n"
        assert sleeper.wait(10) == 0
        for touch in touches[:3]:
            assert facts(store, touch) == [TouchEnded(1, "sent", "250 ok")]
        assert [body.outcome for body in facts(store, touches[3]) if isinstance(body, TouchEnded)] == [
            "in_doubt", "sent",
        ]  # fmt: skip


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(count) as pool:
        yield pool


def _state(connection: Connection, touch: int) -> str:
    return str(connection.scalar(select(TOUCHES.c.state).where(TOUCHES.c.id == touch)))


@pytest.mark.postgres
@pytest.mark.parametrize("name", ["d.example", "p0@d.example"])
def test_what_is_suppressed_without_a_row_waits_for_the_fence_or_is_seen_by_it(
    postgres_database: str, name: str
) -> None:
    """Both begin at once, 200 times. Whoever suppressed must have seen either that the message had left, or
    that it did not leave: that neither saw the other would be a message to somebody who had said no."""
    dice = random.Random(7)
    seen: dict[tuple[bool, str], int] = {}
    with Store(postgres_database) as store, threads(2) as pool:
        queue(store)
        (claim,) = take(store, "me")
        for _ in range(RACES):
            start, pauses = Barrier(2), [dice.choice((0, 0.0005, 0.001, 0.002)) for _ in range(2)]

            def suppressing(connection: Connection, pause: float = pauses[0], start: Barrier = start) -> str:
                start.wait(10)
                time.sleep(pause)
                suppress(connection, KEY, name, "manual", NOW)
                return _state(connection, claim.touch)

            def fencing(pause: float = pauses[1], start: Barrier = start) -> Answer:
                start.wait(10)
                time.sleep(pause)
                return ask(store, [claim])[0]

            suppressed, asked = pool.submit(store.write_now, suppressing), pool.submit(fencing)
            answer, state = asked.result(20), suppressed.result(20)
            went = answer == Go()
            assert went or answer == Refused("suppressed", "manual")
            seen[went, state] = seen.get((went, state), 0) + 1
            store.write_now(_as_before)
    assert seen.keys() == {(True, "fenced"), (False, "claimed")}, seen


def _as_before(connection: Connection) -> None:
    connection.execute(text("DELETE FROM suppressions"))
    connection.execute(text("UPDATE touches SET state = 'claimed', fenced_at = NULL"))


@pytest.mark.postgres
def test_a_fence_waits_for_a_domain_that_is_being_suppressed(postgres_database: str) -> None:
    held, go = Event(), Event()
    with Store(postgres_database) as store, threads(2) as pool:
        queue(store)
        claims = take(store, "me")

        def suppressing(connection: Connection) -> None:
            suppress(connection, KEY, "d.example", "manual", NOW)
            held.set()
            assert go.wait(10)

        first: Any = pool.submit(store.write_now, suppressing)
        assert held.wait(10)
        second = pool.submit(ask, store, claims)
        waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        deadline = time.monotonic() + 5
        while not store.read(lambda c: c.scalar(waiting)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not second.done()
        go.set()
        first.result(10)
        assert second.result(10) == [Refused("suppressed", "manual")]

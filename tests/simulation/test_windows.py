"""Downtime and a clock that jumps, over the real store and duties on a virtual clock.

Whatever happened, no minute holds more than a receiver's limit, nobody is written to outside their hours or
more often than their cap, nobody twice, and what got stale ended with a reason. NURTURE_OVERDUE sets how many
people wait; the long version is `NURTURE_OVERDUE=50000 pytest tests/simulation/test_windows.py`.
"""

import asyncio
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from nurture import clock
from nurture.core import facts as f
from nurture.delivery.outcomes import Accepted, Outcome, Refused
from nurture.delivery.tokens import Keys
from nurture.delivery.transports.seam import Fence, Mail
from nurture.engine import Engine, next_moment, run_all
from nurture.store import Limits, Store, enter_many, note
from nurture.store.journal import Journal
from nurture.store.limits import receiver_of
from nurture.store.tables import PROSPECTS, TOUCHES
from tests.shell.engine_world import DAY, GOOD, HOUR, START, World

OVERDUE = int(os.environ.get("NURTURE_OVERDUE", "0"))
FEW, MANY = OVERDUE or 250, OVERDUE or 1000
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
LIMITS = Limits()
LONDON = ZoneInfo("Europe/London")
WHERE = ("gmail.com", "googlemail.com", "outlook.com", "mill.example", "gmail.com")
"""Where people have their mailboxes, by turns; every tenth has a domain of their own."""


class Left(NamedTuple):
    """A message that left: by a clock that always runs on, by business time, and to whom."""

    elapsed: float
    at: datetime
    to: str
    id: str


class Overdue:
    """People who are due, an engine that delivers, and a ledger of what left when."""

    def __init__(self, store: Store, folder: Path, people: int) -> None:
        self.world = World(store)
        self.left: list[Left] = []
        self.elapsed = 0.0
        self.now = START
        self.slots, self.people = 20, people
        self.forward = 0
        """How often the clock was set forward."""
        self.said: list[str] = []
        self._enter(people)
        self.engine = Engine(
            store=store, shelf=self.world.shelf, transport=self, journal=Journal(folder / "journal"),
            keys=Keys("k1", {"k1": b"k" * 32}), suppression_key=b"s" * 32, public="http://127.0.0.1:1",
            tracked=True, owner="test", log=self.said.append, limits=LIMITS,
        )  # fmt: skip

    def _enter(self, people: int) -> None:
        rows = [
            {
                "address": f"p{number}@{_domain(number)}", "account": f"a{number}", "source": "newsletter",
                "source_kind": "content", "entered_at": START, "personal": {"first_name": "Tom"},
            }
            for number in range(people)
        ]  # fmt: skip
        ids = self.world.store.write_now(lambda c: enter_many(c, rows)).values()
        entered = f.Entered("newsletter", "content", basis="consent")
        bodies = [(entered, START), (f.Learned(dict(GOOD), ("first_name",), "test"), START)]
        programme = self.world.programme.hash
        news = dict.fromkeys(ids, bodies)
        self.world.store.write_now(lambda c: note(c, news, known=START, programme=programme))
        assert not self.world.wake_all(START)

    async def send(self, mail: Mail, fence: Fence) -> Outcome:
        """Take a message at once."""
        if not await fence():
            return Refused()
        self.left.append(Left(self.elapsed, self.now, mail.to, mail.id))
        return Accepted(250, "ok")

    async def close(self) -> None:
        """Nothing is open."""

    def jump(self, by: timedelta, *, down: bool = False) -> None:
        """Set the clock. `down`: time has really passed."""
        self.now += by
        self.forward += by > timedelta() and not down
        self.elapsed += by.total_seconds() if down else 0

    async def run(self, span: timedelta) -> None:
        """Work, from moment to moment, for so long."""
        end = self.elapsed + span.total_seconds()
        with clock.virtual(self.now):
            while self.elapsed < end:
                clock.set_virtual(self.now)
                await run_all(self.engine, self.now)
                moment = self.world.store.read(next_moment) or self.now + DAY
                step = min(max(moment - self.now, SECOND), timedelta(seconds=end - self.elapsed))
                self.jump(step, down=True)

    # What must hold

    def holds(self) -> None:
        assert not self.said
        assert Counter(left.id for left in self.left).most_common(1)[0][1] == 1
        for receiver, times in self.by_receiver().items():
            rate = LIMITS.rate(receiver)
            assert rate is not None
            assert fullest_minute(times) <= rate * (1 + self.forward), receiver
        outside = [left for left in self.left if not in_hours(left.at)]
        assert not outside
        rows = self.world.rows(TOUCHES)
        assert {row.outcome for row in rows if row.state == "ended"} <= {"sent", "expired"}
        assert sum(row.outcome == "sent" for row in rows) == len(self.left)
        assert all(row.words for row in rows if row.outcome == "expired" and row.line is not None)

    def by_receiver(self) -> dict[str, list[float]]:
        times: dict[str, list[float]] = defaultdict(list)
        for left in self.left:
            times[receiver_of(left.to)].append(left.elapsed)
        return times


def _domain(number: int) -> str:
    return f"c{number}.example" if number % 10 == 9 else WHERE[number % len(WHERE)]


def fullest_minute(times: Sequence[float]) -> int:
    """The most in any minute, both of its ends counted; `times` ascend."""
    most = first = 0
    for last, time in enumerate(times):
        while times[first] < time - 60:
            first += 1
        most = max(most, last - first + 1)
    return most


def in_hours(at: datetime) -> bool:
    """By the wall clock of London, where everybody is: the shipped calendar, written down anew."""
    here = at.astimezone(LONDON)
    return here.weekday() < 5 and 8 * 60 + 30 <= here.hour * 60 + here.minute < 17 * 60 + 30


@pytest.fixture
def world(request: pytest.FixtureRequest, sqlite_database: str, tmp_path: Path) -> Iterable[Overdue]:
    with Store(sqlite_database) as store:
        yield Overdue(store, tmp_path, getattr(request, "param", FEW))


@pytest.mark.parametrize(
    ("world", "down"),
    [
        pytest.param(FEW, HOUR, id="1h"),
        pytest.param(FEW, DAY, id="1d"),
        pytest.param(MANY, 7 * DAY, id="7d", marks=pytest.mark.slow),
        pytest.param(FEW, 30 * DAY, id="30d"),
    ],
    indirect=["world"],
)
def test_after_downtime_the_overdue_leave_at_their_pace(world: Overdue, down: timedelta) -> None:
    world.jump(down, down=True)
    asyncio.run(world.run(2 * DAY))
    world.holds()
    written_to = {left.to for left in world.left}
    assert len(written_to) == world.people or OVERDUE > 5000  # so many need more than two days
    stale = [row for row in world.world.rows(TOUCHES) if row.outcome == "expired"]
    assert bool(stale) == (down > 3 * DAY)
    assert all(row.ended_at >= row.expires for row in stale)


def test_the_longest_due_leave_first(world: Overdue) -> None:
    world.jump(HOUR, down=True)
    asyncio.run(world.run(HOUR))
    order: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    addresses = dict(world.world.read(lambda c: c.execute(_ADDRESSES).all()))
    when = {left.to: number for number, left in enumerate(world.left)}
    rows = [row for row in world.world.rows(TOUCHES) if row.outcome == "sent" and row.occurrence == 1]
    for row in sorted(rows, key=lambda row: when[addresses[row.prospect]]):
        order[receiver_of(addresses[row.prospect])].append((row.opens, row.id))
    assert all(each == sorted(each) for each in order.values())
    assert len(order["google"]) >= 20 * 3


JUMPS = [sign * step for step in (SECOND, HOUR, DAY, 400 * DAY) for sign in (1, -1)]


@pytest.mark.parametrize("by", JUMPS, ids=[f"{by.total_seconds():+.0f}s" for by in JUMPS])
def test_a_clock_that_jumps_there_and_back_fires_nothing_twice(world: Overdue, by: timedelta) -> None:
    """Set forward, a clock gives each receiver one bucket more; set back, nothing."""
    for jump in (by, -by):
        asyncio.run(world.run(4 * MINUTE))
        if not world.forward:
            world.holds()
        world.jump(jump)
        asyncio.run(world.run(4 * MINUTE))
    world.holds()


_ADDRESSES = select(PROSPECTS.c.id, PROSPECTS.c.address)

"""What a wake costs, end to end on SQLite: `python benchmarks/wake.py`.

Two questions. What one due prospect costs in CPU: when first taken in and written to, when the message has
been sent, and when the next one is chosen. And whether a thousand who are due cost more among a million
enrolled than among ten thousand: both databases are grown from one settled prospect by copying its rows in
SQL, so the second takes a minute and two gigabytes of the disk, given back at the end. SQLite syncs every
commit.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, select, update

sys.path.insert(0, str(Path(__file__).parents[1]))

from nurture import clock
from nurture.assembly import Nurture, begin, open_nurture
from nurture.core import facts as f
from nurture.drafting.codec import decode_journey, encode_journey
from nurture.engine.engine import Engine
from nurture.engine.outgoing import wake_due
from nurture.secrets import write_secrets
from nurture.store import enter_many, note
from nurture.store.tables import ENROLLMENTS, FACTS, PROSPECTS, TOUCHES

NOW = datetime(2026, 10, 6, 9, 30, tzinfo=UTC)
"""A Tuesday, half past ten in London: the calendar is open, and everybody's spread has passed."""
SENT = NOW + timedelta(minutes=2)
NEXT = NOW + timedelta(days=3, minutes=30)
DUE = 1000


def main() -> None:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--prospects", type=int, default=3000, help="for the cost of one")
    parser.add_argument("--many", type=int, default=1_000_000, help="enrolled in the large database")
    parser.add_argument("--few", type=int, default=10_000, help="enrolled in the small one")
    parser.add_argument("--rounds", type=int, default=5, help="wakes of each database, in turns")
    asked = parser.parse_args()
    with clock.virtual(NOW), tempfile.TemporaryDirectory(prefix="nurture-bench-") as home:
        costs(Path(home) / "costs", asked.prospects)
        crowds(Path(home), asked.few, asked.many, asked.rounds)


# What one prospect costs ---------------------------------------------------------------------------------


def costs(folder: Path, count: int) -> None:
    """The three wakes of a prospect's first days."""
    with opened(folder) as (nurture, engine):
        enter(nurture, count)
        for words, now in (
            ("first: taken in, written to", NOW),
            ("sent", SENT),
            ("second: written to", NEXT),
        ):
            if now == SENT:
                nurture.store.write_now(sent)
            woken, cpu, wall = timed(engine, now)
            print(f"{words:40}{cpu / woken * 1e6:8.1f} us CPU{woken / wall:10,.0f} a second")


def enter(nurture: Nurture, count: int) -> None:
    """People who are due, no two alike in everything the agreement asks for."""
    rng, hash = random.Random(7), nurture.programme().hash
    for start in range(0, count, 1000):
        numbers = range(start, min(start + 1000, count))
        nurture.store.write_now(partial(_enter, numbers=numbers, hash=hash, rng=rng))


def _enter(connection: Connection, numbers: Sequence[int], hash: str, rng: random.Random) -> None:
    rows = [
        {
            "address": f"someone@company{number}.example", "source": "newsletter", "source_kind": "content",
            "entered_at": NOW, "personal": {"first_name": "Zoë"},
        }
        for number in numbers
    ]  # fmt: skip
    entered = f.Entered("newsletter", "content", basis="consent")
    news: dict[int, list[tuple[f.Body, datetime]]] = {
        id: [(entered, NOW), (f.Learned(_somebody(rng), ("first_name",), "benchmark"), NOW)]
        for id in enter_many(connection, rows).values()
    }
    note(connection, news, known=NOW, programme=hash)


def _somebody(rng: random.Random) -> dict[str, f.Scalar | None]:
    return {
        "role": rng.choice(("controller", "ap-manager", "finance-director")),
        "employees": float(rng.randint(100, 2500)),
        "industry": rng.choice(("manufacturing", "wholesale", "construction")),
        "invoices": float(rng.randint(500, 9000)),
        "country": "GB",
        "zone": "Europe/London",
    }


def sent(connection: Connection) -> None:
    """Every message on its way was taken by the server."""
    queued = TOUCHES.c.state == "queued"
    rows = connection.execute(
        select(TOUCHES.c.prospect, TOUCHES.c.decision, TOUCHES.c.programme).where(queued)
    )
    live = rows.all()
    connection.execute(update(TOUCHES).where(queued).values(state="ended", outcome="sent", ended_at=SENT))
    news = {row.prospect: [(f.TouchEnded(row.decision, "sent", "250 ok"), SENT)] for row in live}
    note(connection, news, known=SENT, programme=live[0].programme)


# A thousand among many -----------------------------------------------------------------------------------


def crowds(home: Path, few: int, many: int, rounds: int) -> None:
    """The same thousand who are due, among few and among many, in turns."""
    with opened(home / "few") as small, opened(home / "many") as large:
        for (nurture, engine), count in ((small, few), (large, many)):
            enter(nurture, 1)
            timed(engine, NOW)
            nurture.store.write_now(sent)
            timed(engine, SENT)
            grow(nurture, count)
        runs: dict[int, list[tuple[float, float]]] = {few: [], many: []}
        for number in range(rounds):
            for (nurture, engine), count in ((small, few), (large, many)):
                nurture.store.write_now(partial(make_due, number=number, enrolled=count))
                woken, cpu, wall = timed(engine, NEXT)
                if woken != DUE:
                    sys.exit(f"{woken} were woken, not {DUE}: the figures would mean nothing")
                runs[count].append((cpu / DUE * 1e6, DUE / wall))
        plan = large[0].store.read(_plan)
    costs = {count: [statistics.median(each) for each in zip(*runs[count], strict=True)] for count in runs}
    for count, (cpu, rate) in costs.items():
        print(f"{f'{DUE:,} due among {count:,} enrolled':40}{cpu:8.1f} us CPU{rate:10,.0f} a second")
    by_cpu, by_rate = costs[few][0] / costs[many][0], costs[many][1] / costs[few][1]
    print(f"among many at {by_cpu:.2f} (CPU) and {by_rate:.2f} (a second) of among few; found by: {plan}")


def grow(nurture: Nurture, count: int) -> None:
    """Copies of the one prospect, with its facts, touches and enrollments, none of them due."""
    for start in range(2, count + 1, 20_000):
        nurture.store.write_now(partial(_copy, first=start, last=min(start + 19_999, count)))


def _copy(connection: Connection, first: int, last: int) -> None:
    snapshot = connection.scalar(select(PROSPECTS.c.snapshot).where(PROSPECTS.c.id == 1))
    journey = decode_journey(snapshot or b"")
    driver: Any = connection.connection.driver_connection
    driver.create_function("snapshot_of", 1, lambda id: encode_journey(journey._replace(prospect=id)))
    for table, changed in _CHANGED.items():
        same = [column.name for column in table.c if column.name not in changed]
        kept = ", ".join(f"t.{name}" for name in same)
        whose = "id" if table is PROSPECTS else "prospect"
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({', '.join((*changed, *same))}) "
            "WITH RECURSIVE ids (id) AS (SELECT ? UNION ALL SELECT id + 1 FROM ids WHERE id < ?) "
            f"SELECT {', '.join(changed.values())}, {kept} FROM ids, {table.name} AS t WHERE t.{whose} = 1",
            (first, last),
        )


_CHANGED: dict[Table, dict[str, str]] = {
    PROSPECTS: {
        "id": "ids.id",
        "address": "'someone@copy' || ids.id || '.example'",
        "wake_at": "NULL",
        "snapshot": "snapshot_of(ids.id)",
    },
    FACTS: {"prospect": "ids.id"},
    ENROLLMENTS: {"prospect": "ids.id"},
    TOUCHES: {"id": "(ids.id << 20) | t.decision", "prospect": "ids.id"},
}
"""What a copy of a row does not share with the row of prospect 1, `t`."""


def make_due(connection: Connection, number: int, enrolled: int) -> None:
    """A thousand, evenly spread over all, others at every round."""
    step = enrolled // DUE
    ids = [2 + place * step + number for place in range(DUE)]
    due = update(PROSPECTS).where(PROSPECTS.c.id.in_(ids))
    connection.execute(update(PROSPECTS).where(PROSPECTS.c.wake_at.is_not(None)).values(wake_at=None))
    connection.execute(due.values(wake_at=NEXT))


def _plan(connection: Connection) -> str:
    due = "SELECT id FROM prospects WHERE wake_at <= '2026' ORDER BY wake_at, id LIMIT 100"
    return "; ".join(row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {due}"))


# The program -------------------------------------------------------------------------------------------


@contextmanager
def opened(folder: Path) -> Iterator[tuple[Nurture, Engine]]:
    """A new workspace with the shipped programme, and what applying it began is done."""
    begin(folder)
    write_secrets(folder)
    with open_nurture(folder) as nurture:
        engine = nurture.engine(nurture.transport(), lambda error: sys.exit(f"something went wrong: {error}"))
        nurture.programme()
        timed(engine, NOW)
        yield nurture, engine


def timed(engine: Engine, now: datetime) -> tuple[int, float, float]:
    """Wake everybody who is due: how many, seconds of CPU, seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    woken = asyncio.run(_until_idle(engine, now))
    return woken, time.process_time() - cpu, time.perf_counter() - wall


async def _until_idle(engine: Engine, now: datetime) -> int:
    total = 0
    while done := await wake_due(engine, now):
        total += done
    return total


if __name__ == "__main__":
    main()

"""Verify finds nothing where nothing is wrong, and each thing that is."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from nurture import clock
from nurture.core import facts as f
from nurture.delivery.tokens import Keys
from nurture.delivery.transports.smtp import Account, SmtpTransport
from nurture.engine import Engine
from nurture.engine.shelf import Shelf
from nurture.engine.verifying import Verified, verify
from nurture.simulation.conductor import Conductor
from nurture.simulation.inbox import Inbox
from nurture.simulation.personas import Act
from nurture.store import Store
from nurture.store.journal import Journal
from nurture.store.tables import ENROLLMENTS, FACTS, HANDOFFS, PROSPECTS, TOUCHES
from tests.shell.engine_world import DAY, HOUR, START, World, edited

_DONE = {
    "pricing": f.PageViewed("/pricing"),
    "compare": f.PageViewed("/vs/spreadsheets"),
    "security": f.PageViewed("/security"),
    "read": f.PageViewed("/guides/four-ways"),
    "careers": f.PageViewed("/careers"),
    "demo": f.FormSent("demo"),
    "unsubscribe": f.Unsubscribed(),
    "hold": f.Held(START + 9 * DAY),
    "exit": f.Learned({"timeframe": "not-planned"}),
}


_SHELF = Shelf(START.date)  # loading a programme takes longer than verifying


def live(store: Store, folder: Path, people: int, days: int) -> Verified:
    """So many people through so many virtual days, with an agreement that changes on the way."""
    random, world = Random(7), World(store)
    for i in range(people):
        world.enter(f"p{i}", employees=random.choice([400.0, 400.0, 50.0]))

    async def go() -> None:
        async with Inbox() as inbox:
            transport = SmtpTransport(Account("127.0.0.1", inbox.port, security="none"))
            engine = Engine(
                store=store, shelf=world.shelf, journal=Journal(folder / "journal"), transport=transport,
                keys=Keys("k1", {"k1": b"k" * 32}), suppression_key=b"s" * 32, public="http://127.0.0.1:1",
                tracked=True, owner="test", log=pytest.fail,
            )  # fmt: skip

            async def do(act: Act) -> None:
                if act.kind == "apply":
                    workspace = edited("agreement.yaml", "click:      {points: 2", "click:      {points: 3")
                    await asyncio.to_thread(world.apply, workspace, act.at)
                else:
                    late = timedelta(hours=random.choice([0, 0, 5]))
                    person = int(act.person)
                    await asyncio.to_thread(
                        world.hear, person, _DONE[act.kind], at=act.at - late, known=act.at
                    )

            conductor = Conductor(engine, do, START + days * DAY)
            kinds = random.choices(list(_DONE), [30, 15, 10, 20, 3, 4, 3, 3, 2], k=people * days // 8)
            acts = [
                Act(START + random.uniform(0, days) * DAY, str(random.randint(1, people)), kind, "")
                for kind in kinds
            ]
            conductor.plan([*acts, Act(START + days * DAY / 2, "", "apply", "")])
            await conductor.run(START)
            await transport.close()
            assert inbox.duplicates() == 0

    with clock.virtual(START):
        asyncio.run(go())
    world.enter("last", at=START + days * DAY)  # whose message waits
    world.wake_all(START + days * DAY + HOUR)
    return found(store)


def found(store: Store) -> Verified:
    return store.read(lambda c: verify(c, _SHELF))


@pytest.fixture(scope="module")
def lived(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Verified]:
    """A database after 15 days of 24 people, and what was found in it."""
    folder = tmp_path_factory.mktemp("lived")
    shutil.copyfile(sqlite_template, folder / "nurture.db")
    with Store(f"sqlite:///{folder / 'nurture.db'}") as store:
        verified = live(store, folder, 24, 15)
    return folder / "nurture.db", verified


@pytest.fixture
def copy(lived: tuple[Path, Verified], tmp_path: Path) -> Any:
    """A copy of it to break."""
    for ending in ("", "-wal"):
        if (there := lived[0].with_name(lived[0].name + ending)).exists():
            shutil.copyfile(there, tmp_path / there.name)
    with Store(f"sqlite:///{tmp_path / 'nurture.db'}") as store:
        yield store


@pytest.mark.slow
def test_nothing_is_found_after_twenty_days_of_two_hundred_people(
    sqlite_database: str, tmp_path: Path
) -> None:
    with Store(sqlite_database) as store:
        verified = live(store, tmp_path, 200, 22)
    assert verified.differences == ()
    assert verified.prospects == 201
    assert verified.touches > 500
    assert verified.facts > 2000


def test_nothing_is_found_where_nothing_is_wrong(lived: tuple[Path, Verified]) -> None:
    assert lived[1].differences == ()
    assert lived[1].prospects == 25
    assert lived[1].touches > 50


def test_nothing_is_found_on_either_database(store: Store, tmp_path: Path) -> None:
    verified = live(store, tmp_path, 12, 12)
    assert verified.differences == ()
    assert verified.touches > 20
    store.write_now(lambda c: c.execute(delete(FACTS).where(FACTS.c.prospect == 5, FACTS.c.n == 2)))
    (difference,) = found(store).differences
    assert difference.startswith("prospect 5: the facts are not numbered 1 to ")


def somebody(store: Store, table: Any = PROSPECTS, **where: Any) -> Any:
    """The first row of a table that is like this."""
    query = select(table).where(*(table.c[name] == value for name, value in where.items()))
    query = query.order_by(*table.primary_key).limit(1)
    return store.read(lambda c: c.execute(query).one())


def change(store: Store, statement: Any) -> list[str]:
    """What verify says after a statement."""
    store.write_now(lambda c: c.execute(statement))
    return list(found(store).differences)


def test_every_changed_byte_of_a_snapshot_is_found(copy: Store) -> None:
    row = somebody(copy, lifecycle="nurturing")
    mine = update(PROSPECTS).where(PROSPECTS.c.id == row.id)
    random = Random(3)
    places = random.sample(range(len(row.snapshot)), 25)
    for place in places:
        damaged = bytearray(row.snapshot)
        damaged[place] ^= random.randint(1, 255)
        differences = change(copy, mine.values(snapshot=bytes(damaged)))
        assert differences, f"byte {place}"
        assert all(said.startswith(f"prospect {row.id}: ") for said in differences)
    assert change(copy, mine.values(snapshot=row.snapshot)) == []
    assert change(copy, mine.values(snapshot=b"")) == [f"prospect {row.id}: the snapshot cannot be read"]


@pytest.mark.parametrize("n", [1, 3, 4])
def test_a_deleted_fact_is_found(copy: Store, n: int) -> None:
    row = somebody(copy)
    (said,) = change(copy, delete(FACTS).where(FACTS.c.prospect == row.id, FACTS.c.n == n))
    assert said == f"prospect {row.id}: the facts are not numbered 1 to {row.n}"


def test_a_deleted_last_fact_is_found(copy: Store) -> None:
    row = somebody(copy)
    assert change(copy, delete(FACTS).where(FACTS.c.prospect == row.id, FACTS.c.n == row.n))


def test_a_changed_fact_is_found(copy: Store) -> None:
    fact = somebody(copy, FACTS, kind="Learned")
    one = update(FACTS).where(FACTS.c.prospect == fact.prospect, FACTS.c.n == fact.n)
    grown = fact.body.replace(b"\xcb\x40\x79", b"\xcb\x40\x89")
    assert grown != fact.body
    assert change(copy, one.values(body=grown)) == [
        f"prospect {fact.prospect}: evidence is not what the facts say"
    ]
    assert change(copy, one.values(body=fact.body[:-1])) == [
        f"prospect {fact.prospect}: a fact cannot be read"
    ]
    decided = somebody(copy, FACTS, kind="Chosen")
    other = one.values(body=decided.body, kind="Chosen")
    assert any("cannot be folded: IllegalFact" in said for said in change(copy, other))


@pytest.mark.parametrize("state", ["queued", "ended"])
def test_a_deleted_message_is_found(copy: Store, state: str) -> None:
    touch = somebody(copy, TOUCHES, state=state)
    differences = change(copy, delete(TOUCHES).where(TOUCHES.c.id == touch.id))
    assert f"prospect {touch.prospect}: " in differences[0]
    assert "messages were chosen" in differences[0]


def test_a_message_that_ended_unnoticed_is_found(copy: Store) -> None:
    touch = somebody(copy, TOUCHES, state="queued")
    end = update(TOUCHES).where(TOUCHES.c.id == touch.id)
    (said,) = change(copy, end.values(state="ended", outcome="sent", ended_at=START))
    assert said.startswith(f"prospect {touch.prospect}: ")
    assert "ended in the outbox" in said


@pytest.mark.parametrize(("column", "value"), [("lifecycle", "won"), ("stage", "late")])
def test_a_changed_column_is_found(copy: Store, column: str, value: str) -> None:
    row = somebody(copy, stage="early", lifecycle="nurturing")
    (said,) = change(copy, update(PROSPECTS).where(PROSPECTS.c.id == row.id).values(**{column: value}))
    assert said.startswith(f"prospect {row.id}: the row says ")


def test_a_mark_of_no_programme_is_found_and_one_of_an_older_fold_is_not(copy: Store) -> None:
    row = somebody(copy)
    mine = update(PROSPECTS).where(PROSPECTS.c.id == row.id)
    (said,) = change(copy, mine.values(mark=row.mark[:-1] + "!"))
    assert "is that of no programme that was ever active" in said
    assert change(copy, mine.values(mark="0:older")) == []


def test_a_deleted_handoff_and_a_deleted_enrollment_are_found(copy: Store) -> None:
    handoff = somebody(copy, HANDOFFS)
    (said,) = change(copy, delete(HANDOFFS).where(HANDOFFS.c.id == handoff.id))
    assert said.startswith(f"prospect {handoff.prospect}: was promoted ")
    other = somebody(copy, ENROLLMENTS)
    differences = change(copy, delete(ENROLLMENTS).where(ENROLLMENTS.c.prospect == other.prospect))
    assert f"prospect {other.prospect}: the sequences of the table are not those of the facts" in differences

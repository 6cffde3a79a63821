"""Rows written in bulk are what SQLAlchemy would have written, value by value."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from nurture.store import Store
from nurture.store.bulk import Bulk, instants, raw
from nurture.store.tables import ENROLLMENTS, FACTS, PROSPECTS

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
INSTANTS = (
    NOW,
    NOW.replace(microsecond=123),
    datetime(2026, 3, 2, 9, 30, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    datetime.max.replace(tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
)
NAMES = ("prospect", "n", "at", "known", "programme", "kind", "body", "channel", "external_id")
FILL = Bulk(insert(FACTS), NAMES)


def rows_for(prospect: int) -> list[tuple[Any, ...]]:
    return [
        (prospect, n, at, NOW, "p%s?:x", "Happened", bytes([n, 0, 255]), "a" if n % 2 else None, str(n))
        for n, at in enumerate(INSTANTS, 1)
    ]


@pytest.fixture
def people(store: Store) -> list[int]:
    def work(connection: Connection) -> list[int]:
        rows = [{"address": f"p{i}@d.example", "entered_at": NOW, "wake_at": NOW} for i in range(2)]
        connection.execute(insert(PROSPECTS), rows)
        return list(connection.scalars(select(PROSPECTS.c.id).order_by(PROSPECTS.c.id)))

    return store.write_now(work)


def test_bulk_writes_what_sqlalchemy_writes(store: Store, people: list[int]) -> None:
    """Compared as the database holds them: instants in UTC whatever their zone, bytes, text, nothing."""
    ours, theirs = people
    assert store.write_now(lambda c: FILL.run(c, rows_for(ours))) == len(INSTANTS)
    dicts = [{**dict(zip(NAMES, row, strict=True)), "channel": row[7] and "b"} for row in rows_for(theirs)]
    store.write_now(lambda c: c.execute(insert(FACTS), dicts))

    def held(connection: Connection, prospect: int) -> list[tuple[Any, ...]]:
        columns = [FACTS.c[name] for name in NAMES if name not in ("prospect", "channel")]
        rows = select(*columns).where(FACTS.c.prospect == prospect).order_by(FACTS.c.n)
        return raw(connection.execute(rows))

    assert store.read(lambda c: held(c, ours)) == store.read(lambda c: held(c, theirs))


def test_raw_instants_are_read_as_the_tables_type_reads_them(store: Store, people: list[int]) -> None:
    store.write_now(lambda c: FILL.run(c, rows_for(people[0])))
    query = select(FACTS.c.at).order_by(FACTS.c.n)
    plain = store.read(lambda c: [instants(c.dialect)(value) for (value,) in raw(c.execute(query))])
    assert plain == list(INSTANTS)
    assert {moment.tzinfo for moment in plain} == {UTC}
    assert store.read(lambda c: list(c.scalars(query))) == plain


def test_an_instant_without_a_zone_is_refused(store: Store, people: list[int]) -> None:
    row = (people[0], "s", datetime(2026, 3, 2, 9))
    bulk = Bulk(insert(ENROLLMENTS), ("prospect", "sequence", "since"))
    with pytest.raises(ValueError, match="timezone"):
        store.write_now(lambda c: bulk.run(c, [row]))


def test_it_counts_the_rows_that_were_found(store: Store, people: list[int]) -> None:
    """Values stand in the order of the names, whatever the order in the statement."""
    statement = (
        update(PROSPECTS)
        .where(PROSPECTS.c.id == bindparam("which"), PROSPECTS.c.n == bindparam("was"))
        .values(stage=bindparam("stage"), wake_at=bindparam("wake_at"), errors=text("errors + 1"))
    )
    bulk = Bulk(statement, ("which", "stage", "was", "wake_at"))
    later = NOW + timedelta(days=1)
    rows = [(people[0], "mid", 0, later), (people[1], "late", 7, later)]
    assert store.write_now(lambda c: bulk.run(c, rows)) == 1
    assert store.write_now(lambda c: bulk.run(c, [])) == 0
    found = select(PROSPECTS.c.stage, PROSPECTS.c.wake_at, PROSPECTS.c.errors).order_by(PROSPECTS.c.id)
    assert store.read(lambda c: [tuple(row) for row in c.execute(found)]) == [("mid", later, 1), ("", NOW, 0)]


def test_what_the_database_refuses_is_sqlalchemys_error(store: Store, people: list[int]) -> None:
    """So the wake tells a bad row from trouble with the database."""
    row = rows_for(people[0])[0]
    with pytest.raises(IntegrityError):
        store.write_now(lambda c: FILL.run(c, [row, row]))

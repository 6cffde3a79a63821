"""Prospects as rows: entering them, finding them, their personal values, and lists of them.

Addresses come normalised (lower case, domain in its ASCII form): one spelling is one person.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.facts import Fact
from nurture.core.freemail import FREE_MAIL
from nurture.drafting.codec import Unreadable
from nurture.store.facts import HEARD, chunks, histories, history
from nurture.store.tables import PROSPECTS

_DEFAULTS: Mapping[str, Any] = {
    "kind": "person", "personal": {}, "source": "", "source_kind": "unknown", "campaign": "", "n": 0,
    "folded": 0, "lifecycle": "new", "stage": "", "mark": "", "wake_reason": HEARD, "errors": 0,
}  # fmt: skip


def account_of(address: str) -> str:
    """The company an address stands for: its domain; empty where everybody may have an address there."""
    domain = address.rpartition("@")[2]
    return "" if domain in FREE_MAIL else domain


def enter_many(connection: Connection, people: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Rows for people who are not there yet; the ids of all of them by address, old and new.

    Each mapping holds columns of `prospects`: `address` and `entered_at` at least. Without an `account` it is
    the address's domain. Whoever is there already is left as they are. The caller notes an Entered fact.
    """
    rows = [
        {
            **_DEFAULTS,
            "account": account_of(each["address"]),
            "wake_at": each["entered_at"],
            **{name: value for name, value in each.items() if name != "account" or value},
        }
        for each in sorted(people, key=lambda each: str(each["address"]))  # two writers wait in no circle
    ]
    if rows:
        kind = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(kind.insert(PROSPECTS).on_conflict_do_nothing(index_elements=["address"]), rows)
    return ids_of(connection, [row["address"] for row in rows])


def ids_of(connection: Connection, addresses: Sequence[str]) -> dict[str, int]:
    """The ids of those of these addresses that are there."""
    found: dict[str, int] = {}
    for some in chunks(addresses):
        rows = select(PROSPECTS.c.address, PROSPECTS.c.id).where(PROSPECTS.c.address.in_(some))
        found.update((address, id) for address, id in connection.execute(rows))
    return found


def find(connection: Connection, address: str) -> Row[Any] | None:
    """The prospect's row by address; None if there is none."""
    return connection.execute(select(PROSPECTS).where(PROSPECTS.c.address == address)).one_or_none()


def by_id(connection: Connection, prospect: int) -> Row[Any] | None:
    """The prospect's row; None if there is none."""
    return connection.execute(select(PROSPECTS).where(PROSPECTS.c.id == prospect)).one_or_none()


def learn_personal(
    connection: Connection, news: Mapping[int, Mapping[str, Any]]
) -> dict[int, tuple[str, ...]]:
    """Write personal values; None takes one away. The names that changed, by prospect, for a Learned fact.

    Locks the rows in order of id. Somebody who is not there is left out.
    """
    changed: dict[int, tuple[str, ...]] = {}
    for some in chunks(sorted(news)):
        rows = select(PROSPECTS.c.id, PROSPECTS.c.personal).where(PROSPECTS.c.id.in_(some))
        for id, before in connection.execute(rows.order_by(PROSPECTS.c.id).with_for_update()).all():
            merged = {**before, **news[id]}
            names = tuple(sorted(name for name in news[id] if before.get(name) != merged[name]))
            if names:
                kept = {name: value for name, value in merged.items() if value is not None}
                connection.execute(update(PROSPECTS).where(PROSPECTS.c.id == id).values(personal=kept))
                changed[id] = names
    return changed


def listing(
    connection: Connection,
    *,
    lifecycle: str | None = None,
    stage: str | None = None,
    source: str | None = None,
    account: str | None = None,
    contains: str = "",
    after: int = 0,
    limit: int | None = None,
) -> Sequence[Row[Any]]:
    """Prospects in order of id, those beyond `after`, that match all that is given.

    `contains` is a part of the address, taken as it is: % and _ are plain characters.
    """
    wanted = {"lifecycle": lifecycle, "stage": stage, "source": source, "account": account}
    query = select(PROSPECTS).where(PROSPECTS.c.id > after).order_by(PROSPECTS.c.id).limit(limit)
    for name, value in wanted.items():
        if value is not None:
            query = query.where(PROSPECTS.c[name] == value)
    if contains:
        query = query.where(PROSPECTS.c.address.contains(contains.lower(), autoescape=True))
    return connection.execute(query).all()


def every_prospect(
    connection: Connection, batch: int = 500
) -> Iterator[list[tuple[Row[Any], tuple[Fact, ...] | None]]]:
    """Everybody with all their facts, so many at a time, in order of id: for whoever checks everything.

    Somebody whose facts cannot be read has None. Memory holds one batch. Inside one `store.read` it is one
    moment of the database.
    """
    last = 0
    while rows := listing(connection, after=last, limit=batch):
        try:
            facts: Mapping[int, tuple[Fact, ...] | None] = histories(connection, [row.id for row in rows])
        except Unreadable:
            facts = {row.id: _readable(connection, row.id) for row in rows}
        yield [(row, facts[row.id]) for row in rows]
        last = rows[-1].id


def _readable(connection: Connection, prospect: int) -> tuple[Fact, ...] | None:
    try:
        return history(connection, prospect)
    except Unreadable:
        return None

"""The table of returns: all that came back, under its channel and id, once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from nurture.store.facts import chunks
from nurture.store.tables import PROSPECTS, RETURNS, TOUCHES


def known(connection: Connection, channel: str, ids: Sequence[str]) -> set[str]:
    """Which of these ids the channel has told before."""
    found: set[str] = set()
    for some in chunks(list(ids)):
        rows = select(RETURNS.c.external_id).where(
            RETURNS.c.channel == channel, RETURNS.c.external_id.in_(some)
        )
        found.update(connection.scalars(rows))
    return found


def keep(connection: Connection, row: Mapping[str, Any]) -> None:
    """Keep one; its channel and id are new."""
    connection.execute(insert(RETURNS), [dict(row)])


def held(connection: Connection, channel: str) -> Sequence[Row[Any]]:
    """What of a channel waits for a person, in order."""
    waiting = RETURNS.c.held, RETURNS.c.channel == channel
    return connection.execute(select(RETURNS).where(*waiting).order_by(RETURNS.c.id)).all()


def let_go(connection: Connection, id: int) -> None:
    """It is held no longer."""
    connection.execute(update(RETURNS).where(RETURNS.c.id == id).values(held=False))


def is_ours(connection: Connection, touch: int) -> bool:
    """Whether there is such a touch (still)."""
    return connection.scalar(select(TOUCHES.c.id).where(TOUCHES.c.id == touch)) is not None


def touches_of(connection: Connection, prospects: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Prospect and touch of all that was chosen for these people, the newest first."""
    for some in chunks(prospects):
        rows = select(TOUCHES.c.prospect, TOUCHES.c.id).where(TOUCHES.c.prospect.in_(some))
        for row in connection.execute(rows.order_by(TOUCHES.c.id.desc())):
            yield row.prospect, row.id


def address_of(connection: Connection, prospect: int) -> str:
    """Where the person is written to; empty once erased."""
    return connection.scalar(select(PROSPECTS.c.address).where(PROSPECTS.c.id == prospect)) or ""

"""What a person has said about our mail, read back: the facts that say it, and the messages it is about."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from nurture.core.facts import Fact
from nurture.store.facts import history
from nurture.store.tables import LIVE, PROSPECTS, TOUCHES

WISHES = (
    "Unsubscribed", "Complained", "Consented", "Preferred", "Declined", "Reconsidered", "Entered",
)  # fmt: skip
"""The kinds of facts by which somebody says whether and how we may write."""


class Waiting(NamedTuple):
    """A message on its way, by its touch."""

    touch: int
    piece: str
    sequence: str


def lock_address(connection: Connection, prospect: int) -> str | None:
    """The address of a prospect, whose row is locked from here on; None where there is none (any more)."""
    locking = select(PROSPECTS.c.address).where(PROSPECTS.c.id == prospect).with_for_update()
    address: str | None = connection.scalar(locking)
    return address


def address_of(connection: Connection, prospect: int) -> str | None:
    """The address of a prospect; None where there is none (any more)."""
    address: str | None = connection.scalar(select(PROSPECTS.c.address).where(PROSPECTS.c.id == prospect))
    return address


def wishes_of(connection: Connection, prospect: int) -> tuple[Fact, ...]:
    """The facts by which a person has said whether and how we may write, in order of n."""
    return history(connection, prospect, *WISHES)


def sequence_of(connection: Connection, touch: int) -> str:
    """The sequence a message belonged to; empty where nobody knows."""
    return connection.scalar(select(TOUCHES.c.sequence).where(TOUCHES.c.id == touch)) or ""


def waiting(connection: Connection, prospect: int) -> list[Waiting]:
    """What is on its way to a person and may still be stopped."""
    live = TOUCHES.c.prospect == prospect, TOUCHES.c.state.in_(LIVE), TOUCHES.c.cancelled.is_(False)
    rows = connection.execute(select(TOUCHES.c.id, TOUCHES.c.piece, TOUCHES.c.sequence).where(*live))
    return [Waiting(*row) for row in rows]


def last_sent(connection: Connection, prospect: int) -> datetime | None:
    """When a message to a person left last; one in doubt counts as sent."""
    left = TOUCHES.c.prospect == prospect, TOUCHES.c.outcome.in_(("sent", "in_doubt"))
    at: datetime | None = connection.scalar(select(func.max(TOUCHES.c.ended_at)).where(*left))
    return at

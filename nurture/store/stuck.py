"""What waits though nothing holds it: the oldest touch that might leave, the oldest prospect to look at."""

from datetime import datetime

from sqlalchemy import Connection, func, select, text

from nurture.store.outbox import WAITING
from nurture.store.tables import HANDOFFS, PROSPECTS, RETURNS, TOUCHES

TRIES = 12
"""Of a mail to colleagues, five minutes apart: an hour."""


def oldest_touch(connection: Connection, now: datetime) -> datetime | None:
    """Since when the oldest touch waits that may leave now and stands in no line."""
    due = (
        select(TOUCHES.c.due_at)
        .where(WAITING, TOUCHES.c.due_at <= now, TOUCHES.c.opens <= now)
        .where(TOUCHES.c.closes > now, TOUCHES.c.expires > now, TOUCHES.c.line.is_(None))
        .order_by(TOUCHES.c.due_at)
        .limit(1)
    )
    found: datetime | None = connection.scalar(due)
    return found


def oldest_wake(connection: Connection, now: datetime) -> datetime | None:
    """Since when the oldest prospect waits to be looked at."""
    due = select(func.min(PROSPECTS.c.wake_at)).where(PROSPECTS.c.wake_at <= now)
    found: datetime | None = connection.scalar(due)
    return found


def untold(connection: Connection) -> int:
    """How many leads and answers of people no colleague's server has taken in TRIES tries."""
    tables = (HANDOFFS, RETURNS)
    unmailed = (
        select(func.count()).where(
            each.c.mail_due_at.is_not(None), each.c.mailed_at.is_(None), each.c.mail_attempts >= TRIES
        )
        for each in tables
    )
    return sum(connection.scalar(count) or 0 for count in unmailed)


def unproven(connection: Connection, since: datetime) -> int:
    """How many letters and reports since then ask to stop, and name no message of ours."""
    asked = select(func.count()).where(_UNPROVEN, RETURNS.c.received_at > since)
    return connection.scalar(asked) or 0


# Literal, because SQLite matches a partial index only with what it can read.
_UNPROVEN = text("returns.prospect IS NULL AND returns.kind IN ('unsubscribed', 'complained')")


def doubts(connection: Connection) -> tuple[int, int]:
    """How many touches are in doubt, and how many of them wait for a person."""
    counting = select(func.count(), func.count(TOUCHES.c.held_at)).where(text("touches.outcome = 'in_doubt'"))
    many, held = connection.execute(counting).one()
    return many, held

"""What waits though nothing holds it: the oldest touch that might leave, the oldest prospect to look at."""

from datetime import datetime

from sqlalchemy import Connection, func, select, text

from nurture.store.outbox import WAITING
from nurture.store.tables import PROSPECTS, TOUCHES


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


def doubts(connection: Connection) -> tuple[int, int]:
    """How many touches are in doubt, and how many of them wait for a person."""
    counting = select(func.count(), func.count(TOUCHES.c.held_at)).where(text("touches.outcome = 'in_doubt'"))
    many, held = connection.execute(counting).one()
    return many, held

"""What hits hold for a while only: whole User-Agents, and what strangers read.

`ix_hits_agents` and `ix_hits_strangers` find what is due, so the work grows with that alone.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, Select, and_, bindparam, delete, select, update

from nurture.store.tables import HITS


def has_agents(connection: Connection, until: datetime) -> bool:
    """Whether a settled hit from before `until` holds its whole agent."""
    return connection.execute(_whole(until).limit(1)).first() is not None


def has_strangers(connection: Connection, until: datetime) -> bool:
    """Whether a view from before `until` is nobody's still."""
    return connection.execute(_strangers(until).limit(1)).first() is not None


def agents(connection: Connection, until: datetime, most: int) -> dict[int, str]:
    """Up to `most` settled hits from before `until` with their whole agents, oldest first; locked."""
    rows = connection.execute(_whole(until).limit(most).with_for_update(skip_locked=True))
    return {row.id: row.agent for row in rows}


def shorten(connection: Connection, families: Mapping[int, str], now: datetime) -> None:
    """Write what is left of their agents to hits."""
    rows = [{"hit": hit, "left": family, "on": now} for hit, family in families.items()]
    if rows:
        connection.execute(_SHORTEN, rows)


def drop_strangers(connection: Connection, until: datetime, most: int) -> int:
    """Delete up to `most` views from before `until` that are nobody's; how many."""
    some = _strangers(until).limit(most)
    return connection.execute(delete(HITS).where(_NOBODYS, HITS.c.id.in_(some))).rowcount


# As the indexes say it: SQLite takes a partial index where the question repeats its condition.
_NOBODYS = HITS.c.prospect.is_(None)
_IS_WHOLE = and_(HITS.c.forgotten_at.is_(None), HITS.c.settled_at.is_not(None))
_SHORTEN = (
    update(HITS)
    .where(HITS.c.id == bindparam("hit"))
    .values(agent=bindparam("left"), forgotten_at=bindparam("on"))
)


def _whole(until: datetime) -> Select[tuple[int, str]]:
    return select(HITS.c.id, HITS.c.agent).where(_IS_WHOLE, HITS.c.at < until).order_by(HITS.c.at)


def _strangers(until: datetime) -> Select[tuple[int]]:
    return select(HITS.c.id).where(_NOBODYS, HITS.c.at < until).order_by(HITS.c.at)

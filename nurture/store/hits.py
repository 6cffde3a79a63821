"""The table of hits: kept before the answer, judged later, never a fact by themselves.

A hit of a message waits unsettled until its neighbours are known; `ix_hits_unsettled` finds those that are
due, so the work grows with what has come in, not with what was ever sent.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from nurture.store.tables import HITS, TOUCHES

MOST_OF_A_MESSAGE = 500
"""Hits of one message that are judged at a time; as many settled ones before them are looked at again."""

HITS_OF_A_MESSAGE = 10
"""How many a message usually has, a scanner's round included: so far we look for other messages."""

NOT_OURS = "led here by no message"


class Seen(NamedTuple):
    """A request as it is kept: what was asked for, when, and the little we keep of who asked."""

    kind: str  # click, open, page
    url: str
    at: datetime
    link: int = 0
    method: str = "GET"
    agent: str = ""
    network: str = ""
    prefetch: bool = False


class Message(NamedTuple):
    """What hits of one message are judged by. `accepted_at` is None until a relay has taken it."""

    touch: int
    prospect: int
    decision: int
    piece: str
    programme: str
    accepted_at: datetime | None


def keep_hit(connection: Connection, touch: int, seen: Seen) -> bool:
    """Keep a request to an address of message `touch`; False if there is no such message (any more)."""
    prospect = connection.scalar(_WHOSE, {"touch": touch})
    if prospect is None:
        return False
    connection.execute(_KEEP, {"prospect": prospect, "touch": touch, "reasons": [], **seen._asdict()})
    return True


def keep_view(connection: Connection, seen: Seen) -> None:
    """Keep a page view that no message led to. It belongs to nobody, so it is settled as it comes."""
    settled = {"settled_at": seen.at, "verdict": "unsure", "reasons": [NOT_OURS]}
    connection.execute(_KEEP, {**settled, **seen._asdict()})


def next_unsettled(connection: Connection) -> datetime | None:
    """When the oldest hit came that is not settled."""
    return connection.execute(_OLDEST).scalar()


def unsettled_messages(connection: Connection, until: datetime, most: int) -> list[int]:
    """Up to `most` messages with an unsettled hit not later than `until`, the longest waiting first.

    Put together here and not by GROUP BY, for which SQLite would read every hit there ever was.
    """
    waiting = connection.execute(_WAITING, {"until": until, "most": most * HITS_OF_A_MESSAGE})
    return list(dict.fromkeys(waiting.scalars()))[:most]


def unsettled_of(connection: Connection, prospect: int) -> list[int]:
    """The messages of one prospect that have unsettled hits."""
    waiting = select(HITS.c.touch).where(HITS.c.prospect == prospect, HITS.c.settled_at.is_(None))
    return sorted(set(connection.execute(waiting).scalars()))


def message_of(connection: Connection, touch: int) -> Message:
    """The message of a hit; it goes only together with its hits."""
    row = connection.execute(_MESSAGE, {"touch": touch}).one()
    # Nobody told us that a message in doubt was taken; it cannot have been before the body went out.
    accepted_at = {"sent": row.ended_at, "in_doubt": row.fenced_at}.get(row.outcome)
    return Message(touch, row.prospect, row.decision, row.piece, row.programme, accepted_at)


def hits_of(connection: Connection, touch: int) -> list[Row[tuple[object, ...]]]:
    """The hits to judge of one message, and the settled ones just before them, in order of time.

    Taken in order of arrival, which the index on `touch` has for nothing.
    """
    rows = [*connection.execute(_SETTLED, {"touch": touch}), *connection.execute(_FRESH, {"touch": touch})]
    return sorted(rows, key=lambda row: (row.at, row.id))


def mark_settled(
    connection: Connection, verdicts: Mapping[int, tuple[str, Sequence[str]]], now: datetime
) -> None:
    """Write verdict and reasons to hits, by their ids."""
    if verdicts:
        rows = [
            {"hit": id, "on": now, "said": said, "why": list(why)} for id, (said, why) in verdicts.items()
        ]
        connection.execute(_JUDGE, rows)


# Built once: building and recognising a statement costs more than SQLite needs to run it.
_WHOSE = select(TOUCHES.c.prospect).where(TOUCHES.c.id == bindparam("touch"))
_KEEP = insert(HITS)
_OLDEST = select(func.min(HITS.c.at)).where(HITS.c.settled_at.is_(None))
_WAITING = (
    select(HITS.c.touch)
    .where(HITS.c.settled_at.is_(None), HITS.c.at <= bindparam("until"))
    .order_by(HITS.c.at)
    .limit(bindparam("most"))
)
_MESSAGE = select(TOUCHES).where(TOUCHES.c.id == bindparam("touch"))
_OF_TOUCH = select(HITS).where(HITS.c.touch == bindparam("touch")).limit(MOST_OF_A_MESSAGE)
_FRESH = _OF_TOUCH.where(HITS.c.settled_at.is_(None)).order_by(HITS.c.id)
_SETTLED = _OF_TOUCH.where(HITS.c.settled_at.is_not(None)).order_by(HITS.c.id.desc())
_JUDGE = (
    update(HITS)
    .where(HITS.c.id == bindparam("hit"))
    .values(settled_at=bindparam("on"), verdict=bindparam("said"), reasons=bindparam("why"))
)

"""The table of hits: kept before the answer, judged later, never a fact by themselves.

A hit of a message waits unsettled until its neighbours are known; `ix_hits_unsettled` finds those that are
due, so the work grows with what has come in, not with what was ever sent. `ix_hits_message` finds those of
a person and of a message, `ix_hits_network` other people's clicks around one, `ix_hits_rules` those that
were judged under other rules than today's.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Row,
    Select,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    union_all,
    update,
)

from nurture.store.tables import DECISION_BITS, HITS, TOUCHES

MOST_OF_A_MESSAGE = 500
"""Hits of one message that are judged at a time; as many settled ones before them are looked at again."""

HITS_OF_A_MESSAGE = 10
"""How many a message usually has, a scanner's round included: so far we look for other messages."""

STRANGERS = 100
"""Other people's clicks that are looked at before and after one."""

AROUND = timedelta(seconds=61)
"""How far away they may be: what the widest rule reads, and the rest of the second that is asked for."""

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
    visitor: str | None = None
    manner: str = ""


class Verdict(NamedTuple):
    """What a hit was judged to be, and the number of the fact it became."""

    hit: int
    said: str
    why: Sequence[str]
    fact: int | None


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


def mark_settled(connection: Connection, verdicts: Iterable[Verdict], rules: str, now: datetime) -> None:
    """Write verdicts to their hits, and under which rules they were found."""
    rows = [
        {
            "hit": one.hit,
            "on": now,
            "said": one.said,
            "why": list(one.why),
            "under": rules,
            "became": one.fact,
        }
        for one in verdicts
    ]
    if rows:
        connection.execute(_JUDGE, rows)


def clicks_near(
    connection: Connection, network: str, at: datetime, prospect: int
) -> list[tuple[datetime, int]]:
    """When one network asked for links of other people about this second, and whose; the nearest ones."""
    asked = {"network": network, "from": at - AROUND, "at": at, "until": at + AROUND, "prospect": prospect}
    return [(row.at, row.prospect) for row in connection.execute(_NEAR, asked)]


def stale_messages(connection: Connection, rules: str, since: datetime, most: int) -> list[int]:
    """Up to `most` messages with hits from `since` on that were judged under other rules, oldest first.

    Jumps from one set of rules to the next in the index, so those judged under today's cost nothing.
    """
    found: dict[int, None] = {}
    under = connection.execute(_FIRST_RULES).scalar()
    while under is not None and len(found) < most:
        if under != rules:
            asked = {"under": under, "since": since, "most": most * HITS_OF_A_MESSAGE}
            found.update(dict.fromkeys(connection.execute(_STALE, asked).scalars()))
        under = connection.execute(_NEXT_RULES, {"under": under}).scalar()
    return list(found)[:most]


def stale_hits_of(
    connection: Connection, touch: int, rules: str, since: datetime
) -> tuple[set[int], list[Row[Any]]]:
    """The ids of hits of a message to judge again, and they with their neighbours, in order of time."""
    asked: dict[str, object] = {"touch": touch, "rules": rules, "since": since}
    stale = list(connection.execute(_STALE_OF, asked).scalars())
    if not stale:
        return set(), []
    asked |= {"first": stale[0], "last": stale[-1]}
    rows = [row for query in (_BEFORE, _WITHIN, _BEHIND) for row in connection.execute(query, asked)]
    seen = {row.id for row in rows}
    return seen.intersection(stale), sorted(rows, key=lambda row: (row.at, row.id))


def not_counted(connection: Connection, prospect: int, known: datetime | None, most: int) -> list[Row[Any]]:
    """The newest hits of a prospect that were judged to be no person's, by `known` if given; by time."""
    query = _NOT_COUNTED if known is None else _NOT_COUNTED.where(HITS.c.settled_at <= known)
    rows = connection.execute(query.limit(most), {"prospect": prospect}).all()
    return sorted(rows, key=lambda row: (row.at, row.id))


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
_TOUCH: BindParameter[int] = bindparam("touch", type_=BigInteger)
_OF_ONE_MESSAGE = (
    HITS.c.prospect == _TOUCH.bitwise_rshift(literal_column(str(DECISION_BITS))),
    HITS.c.touch == _TOUCH,
)
_OF_TOUCH: Select[Any] = select(HITS).where(*_OF_ONE_MESSAGE).limit(MOST_OF_A_MESSAGE)
_FRESH = _OF_TOUCH.where(HITS.c.settled_at.is_(None)).order_by(HITS.c.id)
_SETTLED = _OF_TOUCH.where(HITS.c.settled_at.is_not(None)).order_by(HITS.c.id.desc())
_JUDGE = (
    update(HITS)
    .where(HITS.c.id == bindparam("hit"))
    .values(
        settled_at=bindparam("on"),
        verdict=bindparam("said"),
        reasons=bindparam("why"),
        rules=bindparam("under"),
        fact=bindparam("became"),
    )
)

# As PLACED of the index says it: SQLite takes a partial index where the question repeats its condition.
_PLACED: Any = literal_column("hits.kind = 'click' AND hits.network <> ''")
_FROM_THERE = select(HITS.c.at, HITS.c.prospect).where(
    _PLACED, HITS.c.network == bindparam("network"), HITS.c.prospect != bindparam("prospect")
)
_EARLIER = _FROM_THERE.where(HITS.c.at.between(bindparam("from"), bindparam("at"))).order_by(HITS.c.at.desc())
_LATER = _FROM_THERE.where(HITS.c.at > bindparam("at"), HITS.c.at <= bindparam("until")).order_by(HITS.c.at)
_NEAR = union_all(select(_EARLIER.limit(STRANGERS).subquery()), select(_LATER.limit(STRANGERS).subquery()))

_JUDGED = (HITS.c.settled_at.is_not(None), HITS.c.touch.is_not(None))
_FIRST_RULES = select(func.min(HITS.c.rules)).where(*_JUDGED)
_NEXT_RULES = _FIRST_RULES.where(HITS.c.rules > bindparam("under"))
_STALE = (
    select(HITS.c.touch)
    .where(*_JUDGED, HITS.c.rules == bindparam("under"), HITS.c.at >= bindparam("since"))
    .order_by(HITS.c.at)
    .limit(bindparam("most"))
)
_STALE_OF = (
    select(HITS.c.id)
    .where(*_JUDGED, *_OF_ONE_MESSAGE, HITS.c.rules != bindparam("rules"))
    .where(HITS.c.at >= bindparam("since"))
    .order_by(HITS.c.id)
    .limit(MOST_OF_A_MESSAGE)
)
_BEFORE = _OF_TOUCH.where(HITS.c.id < bindparam("first")).order_by(HITS.c.id.desc())
_WITHIN = (
    _OF_TOUCH.where(HITS.c.id.between(bindparam("first"), bindparam("last")))
    .order_by(HITS.c.id)
    .limit(2 * MOST_OF_A_MESSAGE)
)
_BEHIND = _OF_TOUCH.where(HITS.c.id > bindparam("last")).order_by(HITS.c.id)
_NOT_COUNTED = (
    select(HITS)
    .where(HITS.c.prospect == bindparam("prospect"), HITS.c.verdict.in_(("machine", "unsure")))
    .order_by(HITS.c.at.desc(), HITS.c.id.desc())
)

"""The outbox where nobody works on it: touches past their opening, past their end, or left by the dead.

Whoever the rows belong to is locked first, in order of id, then the rows; then they are looked at again.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Connection, bindparam, false, func, select, text, update

from nurture import failpoints
from nurture.store import paces
from nurture.store.ends import write_ends
from nurture.store.facts import chunks
from nurture.store.outbox import (
    BUSY,
    WAITING,
    WITH_PERSON,
    as_claim,
    is_postgres,
    lock_prospects,
    lock_touches,
)
from nurture.store.tables import PROSPECTS, TOUCHES
from nurture.store.touches import Claim, Ending


class Late(NamedTuple):
    """A touch that did not leave in its opening; `due_at` is its next try, if it waits for one."""

    touch: int
    prospect: int
    sequence: str
    programme: str
    zone: str
    due_at: datetime
    expires: datetime
    snapshot: bytes | None


class Rescued(NamedTuple):
    """What dead owners left: touches back in the queue, and touches that may have been sent."""

    requeued: int
    in_doubt: int


def reopen(
    connection: Connection,
    now: datetime,
    limit: int,
    next_opening: Callable[[Late, datetime], tuple[datetime, datetime]],
) -> int:
    """Give waiting touches whose opening has closed their next one; how many there were.

    `next_opening(late, moment)`: opens and closes of the opening that `moment` is in, or the next. Where it
    begins at `expires` or later there is none left, and the touch waits for its end.
    """
    moved: list[dict[str, Any]] = []
    for row in connection.execute(_LATE, {"now": now, "most": limit}).all():
        late = Late._make(row)
        opens, closes = next_opening(late, max(now, late.due_at))
        if opens >= late.expires:
            opens = closes = late.expires
        due_at = min(max(opens, late.due_at), late.expires)
        moved.append({"which": late.touch, "begins": opens, "ends": closes, "due": due_at})
    if moved:
        connection.execute(_MOVE, moved)
    return len(moved)


def expire(connection: Connection, now: datetime, limit: int) -> int:
    """End waiting touches past `expires`, with the last words, and those cancelled meanwhile; how many."""
    over = (
        row for query in (_OVER, _CANCELLED) for row in connection.execute(query, {"now": now, "most": limit})
    )
    claims = list({row.touch: as_claim(row) for row in over}.values())
    lock_prospects(connection, {claim.prospect for claim in claims})
    rows = lock_touches(connection, [claim.touch for claim in claims])
    endings = [
        Ending(claim, "cancelled" if row.cancelled else "expired", row.words)
        for claim in claims
        if (row := rows.get(claim.touch)) is not None and row.state in ("queued", "deferred")
    ]
    write_ends(connection, endings, now)
    return len(endings)


def rescue(connection: Connection, now: datetime) -> Rescued:
    """Take over from owners that are gone: what was claimed goes back, what was fenced is in doubt.

    On PostgreSQL these are the touches whose lease has ended, by the database's clock. On SQLite all of
    them: call it once at the start, under the run lock. A fenced touch never goes back to the queue.
    """
    claims = {claim.touch: claim for claim in _orphans(connection)}
    lock_prospects(connection, {claim.prospect for claim in claims.values()})
    lock_touches(connection, claims)
    rows = lock_touches(connection, [claim.touch for claim in _orphans(connection) if claim.touch in claims])
    claimed = [id for id, row in rows.items() if row.state == "claimed"]
    for some in chunks(claimed):
        back = update(TOUCHES).where(TOUCHES.c.id.in_(some))
        connection.execute(back.values(state="queued", owner="", lease_until=None))
    words = "the sender stopped between the last look and the answer"
    doubtful = [Ending(claims[id], "in_doubt", words) for id, row in rows.items() if row.state == "fenced"]
    write_ends(connection, doubtful, now)
    failpoints.hit("rescue.before")
    return Rescued(len(claimed), len(doubtful))


def next_due(connection: Connection) -> datetime | None:
    """The earliest instant at which a waiting touch needs us: to leave, to be reopened, or to expire."""
    due: datetime | None = connection.scalar(_NEXT)
    return min((moment for moment in (due, paces.next_release(connection)) if moment), default=None)


_NOW: BindParameter[datetime] = bindparam("now")
# Nothing is looked for beyond `due_at`: whoever stands in line is due when its opening closes or it expires.
_NEXT = select(TOUCHES.c.due_at).where(WAITING).order_by(TOUCHES.c.due_at).limit(1)
_LATE = (
    select(
        TOUCHES.c.id.label("touch"),
        *(TOUCHES.c[name] for name in Late._fields[1:-1]),
        PROSPECTS.c.snapshot,
    )
    .join_from(TOUCHES, PROSPECTS, PROSPECTS.c.id == TOUCHES.c.prospect)
    .where(WAITING, TOUCHES.c.due_at <= _NOW)
    .where(TOUCHES.c.closes <= _NOW, TOUCHES.c.expires > _NOW, TOUCHES.c.cancelled.is_(false()))
    .order_by(TOUCHES.c.due_at, TOUCHES.c.id)
    .limit(bindparam("most"))
    .with_for_update(of=TOUCHES, skip_locked=True)
)
_OVER = (
    WITH_PERSON.where(WAITING, TOUCHES.c.due_at <= _NOW, TOUCHES.c.expires <= _NOW)
    .order_by(TOUCHES.c.due_at, TOUCHES.c.id)
    .limit(bindparam("most"))
)
_CANCELLED = (
    WITH_PERSON.where(text("touches.cancelled"), WAITING).order_by(TOUCHES.c.id).limit(bindparam("most"))
)
_MOVE = (
    update(TOUCHES)
    .where(TOUCHES.c.id == bindparam("which"))
    .values(
        opens=bindparam("begins"),
        closes=bindparam("ends"),
        due_at=bindparam("due"),
        line=None,
        in_line_since=None,
    )
)


def _orphans(connection: Connection) -> list[Claim]:
    gone: ColumnElement[bool] = TOUCHES.c.lease_until < func.now()
    query = WITH_PERSON.where(BUSY, gone) if is_postgres(connection) else WITH_PERSON.where(BUSY)
    return [as_claim(row) for row in connection.execute(query.order_by(TOUCHES.c.id))]

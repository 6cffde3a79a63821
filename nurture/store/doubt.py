"""Touches in doubt: the body was on its way and nobody told us whether it arrived.

They have ended (they count for gaps and caps as if sent), and wait here for the better answer: proof, a
person, or the policy once `PATIENCE` is over. Which answer it is, the engine says; this module finds them
and writes it. A touch that is settled keeps its `ended_at` from before the answer, because that is when it
must have left.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, exists, func, or_, select, text, update

from nurture.core.facts import Resent
from nurture.store.ends import write_ends
from nurture.store.facts import chunks, note
from nurture.store.outbox import WITH_PERSON, as_claim, lock_prospects, lock_touches
from nurture.store.suppressions import reasons_of
from nurture.store.tables import HITS, LIVE, PROSPECTS, TOUCHES, whose_touch
from nurture.store.touches import Claim, Ending

PATIENCE = timedelta(hours=24)
"""How long proof is waited for before the policy decides (docs/delivery.md)."""

SETTLED_AT_ONCE = 200
"""Touches settled in one transaction."""


class Doubt(NamedTuple):
    """A touch in doubt, as a rule may look at it."""

    claim: Claim
    since: datetime
    resent_at: datetime | None
    held_at: datetime | None
    lifecycle: str
    proven: bool
    """A tracked address of it was asked for, so it arrived."""
    busy: bool
    """Another message to the same prospect is on its way."""
    cancelled: bool
    """Meanwhile it should not leave any more."""
    silenced: str
    """Why the address is not mailed any more; empty if it may be."""


def next_doubt(connection: Connection) -> datetime | None:
    """When the next doubt can be settled: at once where there is proof, else when patience ends."""
    proven: datetime | None = connection.scalar(_PROVEN)
    if proven is not None:
        return proven
    oldest: datetime | None = connection.scalar(_OLDEST)
    return None if oldest is None else oldest + PATIENCE


def doubts(connection: Connection, now: datetime, *, key: bytes) -> list[Doubt]:
    """The doubts that can be settled now, locked, the oldest first; `key` is the suppression key."""
    rows = connection.execute(_RIPE, {"until": now - PATIENCE, "most": SETTLED_AT_ONCE}).all()
    return _locked(connection, [row.touch for row in rows], key)


def doubt_of(connection: Connection, touch: int, *, key: bytes) -> Doubt | None:
    """One touch, locked; None where it is not in doubt (any more)."""
    found = _locked(connection, [touch], key)
    return found[0] if found else None


def settle(connection: Connection, found: Sequence[tuple[Doubt, str, str]], now: datetime) -> None:
    """Write what became of doubts that the caller has locked: outcome (sent or failed) and the words."""
    write_ends(connection, [Ending(doubt.claim, outcome, words) for doubt, outcome, words in found], now)
    for some in chunks([doubt.claim.touch for doubt, _, _ in found]):
        connection.execute(_LEFT_WHEN_FENCED, {"ids": some})


def send_again(connection: Connection, doubt: Doubt, words: str, now: datetime, programme: str) -> None:
    """Put a locked doubt back into the queue under its own id, so that its Message-ID stays the same."""
    connection.execute(_AGAIN, {"which": doubt.claim.touch, "at": now, "said": words})
    again = Resent(doubt.claim.decision, words)
    note(connection, {doubt.claim.prospect: [(again, now)]}, known=now, programme=programme)


def hold(connection: Connection, touches: Sequence[int], now: datetime) -> None:
    """Leave locked doubts to a person."""
    for some in chunks(touches):
        connection.execute(_HOLD, {"ids": some, "at": now})


def _locked(connection: Connection, touches: Sequence[int], key: bytes) -> list[Doubt]:
    """Prospects first, then touches, in order of id as everywhere; then what they are by now."""
    lock_prospects(connection, {whose_touch(id)[0] for id in touches})
    lock_touches(connection, touches)
    rows = [row for some in chunks(touches) for row in connection.execute(_THESE, {"ids": some})]
    silenced = reasons_of(connection, key, {row.address for row in rows if row.address})
    return [_doubt(row, silenced.get(row.address or "", "")) for row in rows]


def _doubt(row: Any, silenced: str) -> Doubt:
    return Doubt(
        as_claim(row), row.since, row.resent_at, row.held_at, row.lifecycle, row.proven, row.busy,
        row.cancelled, silenced,
    )  # fmt: skip


# Literal, because SQLite matches a partial index only with what it can read.
_IN_DOUBT = text("touches.outcome = 'in_doubt'")
_OPEN = TOUCHES.c.held_at.is_(None)
_SEEN = exists().where(HITS.c.prospect == TOUCHES.c.prospect, HITS.c.touch == TOUCHES.c.id)
_OTHERS = TOUCHES.alias("others")
_BUSY = exists().where(_OTHERS.c.prospect == TOUCHES.c.prospect, _OTHERS.c.state.in_(LIVE))
_UNTIL: BindParameter[datetime] = bindparam("until")
_IDS: BindParameter[Sequence[int]] = bindparam("ids", expanding=True)

_PROVEN = select(TOUCHES.c.ended_at).where(_IN_DOUBT, _SEEN).limit(1)
_OLDEST = select(func.min(TOUCHES.c.ended_at)).where(_IN_DOUBT, _OPEN)
_RIPE = (
    select(TOUCHES.c.id.label("touch"))
    .where(_IN_DOUBT, or_(_SEEN, _OPEN & (TOUCHES.c.ended_at <= _UNTIL)))
    .order_by(TOUCHES.c.ended_at)
    .limit(bindparam("most"))
)
_THESE = (
    WITH_PERSON.add_columns(
        TOUCHES.c.ended_at.label("since"),
        TOUCHES.c.resent_at,
        TOUCHES.c.held_at,
        PROSPECTS.c.lifecycle,
        _SEEN.label("proven"),
        _BUSY.label("busy"),
    )
    .where(TOUCHES.c.id.in_(_IDS), _IN_DOUBT)
    .order_by(TOUCHES.c.ended_at)
)
_LEFT_WHEN_FENCED = (
    update(TOUCHES)
    .where(TOUCHES.c.id.in_(_IDS), TOUCHES.c.fenced_at.is_not(None))
    .values(ended_at=TOUCHES.c.fenced_at)
)
_AGAIN = (
    update(TOUCHES)
    .where(TOUCHES.c.id == bindparam("which"))
    .values(
        state="queued", outcome=None, ended_at=None, fenced_at=None, lease_until=None, owner="", held_at=None,
        due_at=bindparam("at"), resent_at=bindparam("at"), words=bindparam("said"),
    )
)  # fmt: skip
_HOLD = update(TOUCHES).where(TOUCHES.c.id.in_(_IDS)).values(held_at=bindparam("at"))

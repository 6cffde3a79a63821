"""The outbox: from queued to the one end of a touch.

    queued or deferred --claim--> claimed --fence--> fenced --end--> ended
                                     |                  |
                                     +----- defer ------+--> deferred
Every step after the claim names owner and epoch; where they no longer match, somebody else has the touch
and nothing happens. A fenced touch is deferred only on the server's clear word, or before a byte has left.
All is plain Core for the door, in batches, and one bad row never spoils the others. Touches are claimed in
`claims.py`; what nobody works on is looked after in `overdue.py`.

Prospects are locked before touches, in order of id, as facts are written. The fence holds the prospects'
rows while it reads suppressions, and whoever unsubscribes somebody locks that row first: so on PostgreSQL
too an unsubscribe committed before the fence is seen by it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Interval, Row, Select, bindparam, func, select, text, update

from nurture import failpoints
from nurture.core.facts import Body, Bounced, TouchEnded
from nurture.store.facts import chunks, note
from nurture.store.suppressions import reasons_of, suppress
from nurture.store.tables import ACTIVE, PROSPECTS, TOUCHES

LEASE = timedelta(minutes=20)
"""How long a claim is ours, and a fenced touch may wait for its answer, before others think that we are
gone: longer than all timeouts of one conversation (ten minutes of them after the dot, RFC 5321 4.5.3.2)."""

WAITING = text("touches.state IN ('queued', 'deferred')")
"""Literal, because SQLite matches a partial index only with what it can read."""
BUSY = text("touches.state IN ('claimed', 'fenced')")


class Claim(NamedTuple):
    """A touch that is ours to send until the lease ends, with what a letter needs."""

    touch: int
    prospect: int
    decision: int
    piece: str
    occurrence: int
    sequence: str
    stage: str
    programme: str
    chosen_at: datetime
    opens: datetime
    closes: datetime
    expires: datetime
    due_at: datetime
    zone: str
    attempts: int
    """Tries before this one."""
    epoch: int
    owner: str
    address: str
    account: str
    kind: str
    personal: Mapping[str, Any]
    snapshot: bytes | None


@dataclass(frozen=True, slots=True)
class Go:
    """The touch is fenced: it may leave now."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It must not leave. `outcome`: suppressed, cancelled or expired end it; late sends it back."""

    outcome: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """Somebody else has it, or it is gone: leave it alone."""


Answer = Go | Refused | Lost


class Ending(NamedTuple):
    """How a claimed touch ended. `bounce` (hard, soft, block) is told of where the address is to blame."""

    claim: Claim
    outcome: str
    words: str = ""
    bounce: str = ""


class Deferral(NamedTuple):
    """A claimed touch goes back until `due_at`. Without words it was never tried and goes back as it was."""

    claim: Claim
    due_at: datetime
    words: str = ""
    counted: bool = True
    """Whether it was a try of this message."""


def fence(
    connection: Connection, claims: Sequence[Claim], now: datetime, *, key: bytes, lease: timedelta = LEASE
) -> dict[int, Answer]:
    """The last look before bytes leave: may each of these go? Those that may are fenced, by touch id.

    Reads again suppression, cancellation (hold, handoff, unsubscribe cancel), closing time, owner and
    epoch. `lease` is how long the server may take to answer (PostgreSQL).
    """
    addresses = lock_prospects(connection, {claim.prospect for claim in claims}, read=True)
    rows = lock_touches(connection, [claim.touch for claim in claims])
    silenced = reasons_of(connection, key, {address for address in addresses.values() if address})
    answers = {
        claim.touch: _answer(claim, rows.get(claim.touch), addresses.get(claim.prospect), silenced, now)
        for claim in claims
    }
    for some in chunks([id for id, answer in answers.items() if isinstance(answer, Go)]):
        if is_postgres(connection):
            connection.execute(_FENCE_AND_LEASE, {"ids": some, "at": now, "lease": lease})
        else:
            connection.execute(_FENCE, {"ids": some, "at": now})
    failpoints.hit("fence.before")
    return answers


def end(connection: Connection, endings: Sequence[Ending], now: datetime, *, key: bytes) -> set[int]:
    """End touches, each with its fact; the ids of those that were still ours to end.

    One that is in doubt already may still turn out sent or failed, if nobody has claimed it since. A hard
    bounce suppresses the address in the same transaction.
    """
    addresses = lock_prospects(connection, {ending.claim.prospect for ending in endings})
    rows = lock_touches(connection, [ending.claim.touch for ending in endings])
    mine = [ending for ending in endings if _may_end(ending, rows.get(ending.claim.touch))]
    for ending in mine:
        address = addresses[ending.claim.prospect]
        if ending.bounce == "hard" and address:
            suppress(connection, key, address, "bounced", now, ending.words)
    write_ends(connection, mine, now)
    return {ending.claim.touch for ending in mine}


def defer(connection: Connection, deferrals: Iterable[Deferral]) -> None:
    """Put touches back. One that was cancelled meanwhile is ended by the next `expire`."""
    rows = [
        {
            "which": deferral.claim.touch,
            "whose": deferral.claim.owner,
            "since": deferral.claim.epoch,
            "next_state": "deferred" if deferral.words else "queued",
            "next_due": deferral.due_at,
            "tries": deferral.claim.attempts + bool(deferral.words and deferral.counted),
            "said": deferral.words,
        }
        for deferral in deferrals
    ]
    if rows:
        connection.execute(_PUT_BACK, rows)


def piece_of(connection: Connection, touch: int) -> Any:
    """The `piece` of a touch and the `programme` it was chosen under; None if there is no such touch."""
    query = select(TOUCHES.c.piece, TOUCHES.c.programme).where(TOUCHES.c.id == touch)
    return connection.execute(query).one_or_none()


_OF_PERSON = ("address", "account", "kind", "personal", "snapshot")
_OF_TOUCH = [name for name in Claim._fields if name != "touch" and name not in _OF_PERSON]
WITH_PERSON: Select[Any] = select(
    TOUCHES.c.id.label("touch"),
    *(TOUCHES.c[name] for name in _OF_TOUCH),
    *(PROSPECTS.c[name] for name in _OF_PERSON),
    TOUCHES.c.cancelled,
).join_from(TOUCHES, PROSPECTS, PROSPECTS.c.id == TOUCHES.c.prospect)
"""Touches with what a Claim holds, and whether they are cancelled."""

# Built once: building and recognising a statement costs more than SQLite needs to run it.
_THESE: BindParameter[Sequence[int]] = bindparam("ids", expanding=True)
_OF_PROSPECTS = (
    select(PROSPECTS.c.id, PROSPECTS.c.address).where(PROSPECTS.c.id.in_(_THESE)).order_by(PROSPECTS.c.id)
)
_LOCK_PROSPECTS = _OF_PROSPECTS.with_for_update()
_LOOK_AT_PROSPECTS = _OF_PROSPECTS.with_for_update(read=True)
_STANDING = ("id", "state", "outcome", "cancelled", "closes", "expires", "owner", "epoch", "words")
_LOCK_TOUCHES = (
    select(*(TOUCHES.c[name] for name in _STANDING))
    .where(TOUCHES.c.id.in_(_THESE))
    .order_by(TOUCHES.c.id)
    .with_for_update()
)
_FENCE = update(TOUCHES).where(TOUCHES.c.id.in_(_THESE)).values(state="fenced", fenced_at=bindparam("at"))
_FENCE_AND_LEASE = _FENCE.values(lease_until=func.now() + bindparam("lease", type_=Interval))
_PUT_BACK = (
    update(TOUCHES)
    .where(TOUCHES.c.id == bindparam("which"), TOUCHES.c.owner == bindparam("whose"))
    .where(TOUCHES.c.epoch == bindparam("since"), BUSY)
    .values(
        state=bindparam("next_state"),
        due_at=bindparam("next_due"),
        attempts=bindparam("tries"),
        words=bindparam("said"),
        owner="",
        lease_until=None,
        fenced_at=None,
    )
)
_END = (
    update(TOUCHES)
    .where(TOUCHES.c.id == bindparam("which"))
    .values(
        state="ended",
        outcome=bindparam("how"),
        words=bindparam("said"),
        ended_at=bindparam("at"),
        lease_until=None,
    )
)


def as_claim(row: Row[Any]) -> Claim:
    """A row of WITH_PERSON; owner and epoch as they stand there."""
    values = {name: getattr(row, name) for name in Claim._fields}
    return Claim(**{**values, "address": row.address or ""})


def bar(address: str | None, silenced: Mapping[str, str], cancelled: bool) -> Refused | None:
    """Why this touch must not leave, whatever the time."""
    if cancelled:
        return Refused("cancelled")
    if not address:
        return Refused("cancelled", "there is no address any more")
    if address in silenced:
        return Refused("suppressed", silenced[address])
    return None


def _answer(
    claim: Claim, row: Row[Any] | None, address: str | None, silenced: Mapping[str, str], now: datetime
) -> Answer:
    if row is None or row.state != "claimed" or (row.owner, row.epoch) != (claim.owner, claim.epoch):
        return Lost()
    barred = bar(address, silenced, row.cancelled)
    if barred is not None:
        return barred
    if address != claim.address:
        return Refused("late", "the address has changed")
    if now >= row.expires:
        return Refused("expired", row.words)
    return Go() if now < row.closes else Refused("late")


def _may_end(ending: Ending, row: Row[Any] | None) -> bool:
    if row is None or (row.owner, row.epoch) != (ending.claim.owner, ending.claim.epoch):
        return False
    doubt_is_over = row.outcome == "in_doubt" and ending.outcome in ("sent", "failed")
    return row.state in ("claimed", "fenced") or doubt_is_over


def write_ends(connection: Connection, endings: Sequence[Ending], now: datetime) -> None:
    """Rows and facts of touches that ended; the caller holds the locks and has looked at the states."""
    if not endings:
        return
    news: dict[int, list[tuple[Body, datetime]]] = {}
    for ending in endings:
        facts = news.setdefault(ending.claim.prospect, [])
        facts.append((TouchEnded(ending.claim.decision, ending.outcome, ending.words), now))
        if ending.bounce:
            facts.append((Bounced(ending.claim.decision, ending.bounce), now))
    programme = connection.scalar(select(ACTIVE.c.programme)) or endings[0].claim.programme
    note(connection, news, known=now, programme=programme)
    connection.execute(
        _END,
        [{"which": each.claim.touch, "how": each.outcome, "said": each.words, "at": now} for each in endings],
    )


def lock_prospects(
    connection: Connection, prospects: Iterable[int], *, read: bool = False
) -> dict[int, str | None]:
    """Lock the rows in order of id; the addresses they hold now. `read`: against changes only."""
    found: dict[int, str | None] = {}
    for some in chunks(sorted(set(prospects))):
        rows = connection.execute(_LOOK_AT_PROSPECTS if read else _LOCK_PROSPECTS, {"ids": some})
        found.update((id, address) for id, address in rows)
    return found


def lock_touches(connection: Connection, touches: Iterable[int]) -> dict[int, Row[Any]]:
    """Lock the rows in order of id, after those of their prospects; how they stand now."""
    found: dict[int, Row[Any]] = {}
    for some in chunks(sorted(touches)):
        found.update((row.id, row) for row in connection.execute(_LOCK_TOUCHES, {"ids": some}))
    return found


def from_now(connection: Connection, lease: timedelta) -> Any:
    """An instant on the database's own clock; nothing on SQLite, where the run lock tells who lives."""
    return func.now() + lease if is_postgres(connection) else None


def is_postgres(connection: Connection) -> bool:
    """Whether leases count here."""
    return connection.dialect.name == "postgresql"

"""The outbox: claims, the fence, and the one end of every touch, as plain statements on a connection.

    queued -> claimed(owner, epoch, lease) -> fenced -> ended
       ^---- deferred <----'         (only before the fence: what was fenced never goes back)

Every later update of a claim names its owner and epoch, so a claim that somebody else has taken over is
lost and changes nothing. Claim and fence read suppressions themselves. Leases run on PostgreSQL, by the
database's clock; on SQLite whoever delivers holds the run lock, so at its start every claim is an orphan's.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, select, update

from nurture.core import facts as f
from nurture.core.timing import Opening
from nurture.store.facts import chunks, note
from nurture.store.suppressions import reasons_of, suppress
from nurture.store.tables import PROSPECTS, TOUCHES

LEASE = timedelta(minutes=20)
"""Longer than all timeouts of one SMTP dialogue together (RFC 5321 4.5.3.2: ten minutes after the dot)."""

GO = "go"
"""Send it."""
LOST = "lost"
"""Somebody else has this touch now: do nothing at all."""
CLOSED = "closed"
"""The window shut meanwhile; it went back to the queue."""
SUPPRESSED, CANCELLED = "suppressed", "cancelled"
"""It ended here; nothing may leave."""


class Claim(NamedTuple):
    """A touch in our hands, with all that is needed to write and send it."""

    touch: int
    prospect: int
    decision: int
    piece: str
    sequence: str
    programme: str
    closes: datetime
    expires: datetime
    attempts: int
    """Tries before this one."""
    owner: str
    epoch: int
    address: str
    account: str
    personal: dict[str, Any]
    snapshot: bytes | None


class Ending(NamedTuple):
    """How a claimed touch ended: sent, failed, in_doubt, suppressed, cancelled, expired."""

    claim: Claim
    outcome: str
    words: str = ""
    hard: bool = False
    """The address does not exist: the person is suppressed."""


class Deferral(NamedTuple):
    """A claimed touch that shall be tried again at `due_at`."""

    claim: Claim
    due_at: datetime
    words: str = ""
    counts: bool = True
    """Whether it was a try of this message, or only the server's trouble."""


def claim_touches(
    connection: Connection, now: datetime, limit: int, *, owner: str, key: bytes
) -> list[Claim]:
    """Take up to `limit` touches that may leave now, the longest due first; `key` hashes suppressions.

    One whose address is suppressed ends here instead. On PostgreSQL what others hold is skipped.
    """
    waiting = TOUCHES.c.state.in_(("queued", "deferred"))
    query = (
        select(TOUCHES, PROSPECTS.c.address, PROSPECTS.c.account, PROSPECTS.c.personal, PROSPECTS.c.snapshot)
        .join(PROSPECTS, PROSPECTS.c.id == TOUCHES.c.prospect)
        .where(waiting, TOUCHES.c.due_at <= now, TOUCHES.c.closes > now, TOUCHES.c.expires > now)
        .where(TOUCHES.c.cancelled.is_(False))
        .order_by(TOUCHES.c.due_at, TOUCHES.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=TOUCHES)
    )
    rows = connection.execute(query).all()
    claims = [_claim(row, owner) for row in rows]
    never = reasons_of(connection, key, {claim.address for claim in claims})
    taken = [claim for claim in claims if claim.address and claim.address not in never]
    if claims:
        values = {"state": "claimed", "owner": owner, "epoch": TOUCHES.c.epoch + 1}
        values |= {"attempts": TOUCHES.c.attempts + 1, "lease_until": _lease(connection)}
        ids = [claim.touch for claim in claims]
        for some in chunks(ids):
            connection.execute(update(TOUCHES).where(TOUCHES.c.id.in_(some)).values(**values))
    refused = [claim for claim in claims if not claim.address or claim.address in never]
    end(connection, [Ending(one, SUPPRESSED, never.get(one.address, "erased")) for one in refused], now)
    return taken


def fence(connection: Connection, claims: Sequence[Claim], now: datetime, *, key: bytes) -> dict[int, str]:
    """The last word before the body leaves, for each touch: GO, or why not.

    Suppression, cancellation, the window and the claim itself are read again in this transaction; who may
    go is marked fenced and never sent again by itself. One that may not spoils no other.
    """
    by_id = {claim.touch: claim for claim in claims}
    never = reasons_of(connection, key, {claim.address for claim in claims})
    verdicts = dict.fromkeys(by_id, LOST)
    for some in chunks(sorted(by_id)):
        rows = select(TOUCHES).where(TOUCHES.c.id.in_(some)).order_by(TOUCHES.c.id).with_for_update()
        for row in connection.execute(rows):
            verdicts[row.id] = _verdict(row, by_id[row.id], never, now)
    going = [id for id, verdict in verdicts.items() if verdict == GO]
    for some in chunks(going):
        mark = update(TOUCHES).where(TOUCHES.c.id.in_(some))
        connection.execute(mark.values(state="fenced", fenced_at=now))
    over = [
        Ending(by_id[id], verdict, never.get(by_id[id].address, ""))
        for id, verdict in verdicts.items()
        if verdict in (SUPPRESSED, CANCELLED)
    ]
    end(connection, over, now)
    release(connection, [by_id[id] for id, verdict in verdicts.items() if verdict == CLOSED])
    return verdicts


def end(connection: Connection, endings: Sequence[Ending], now: datetime) -> list[int]:
    """Write ends of claimed or fenced touches, each with its fact; the ids of those that were still ours."""
    rows = [
        {
            "which": ending.claim.touch,
            "whose": ending.claim.owner,
            "when": ending.claim.epoch,
            "outcome": ending.outcome,
            "words": ending.words,
            "ended_at": now,
        }
        for ending in endings
    ]
    pairs = zip(endings, rows, strict=True)
    done = [ending for ending, row in pairs if connection.execute(_END, row).rowcount == 1]
    _note_ends(connection, [(one.claim, one.outcome, one.words, one.hard) for one in done], now)
    return [ending.claim.touch for ending in done]


def defer(connection: Connection, deferrals: Sequence[Deferral]) -> None:
    """Put claimed touches back, to be tried again at their time. Never after the fence."""
    for deferral in deferrals:
        claim = deferral.claim
        put_back = _ours(claim).where(TOUCHES.c.state == "claimed")
        values = {"state": "deferred", "owner": "", "due_at": deferral.due_at, "words": deferral.words}
        values |= {} if deferral.counts else {"attempts": claim.attempts}
        connection.execute(put_back.values(**values))


def release(connection: Connection, claims: Iterable[Claim]) -> None:
    """Put claimed touches back as if they had not been claimed: no try is counted."""
    for claim in claims:
        put_back = _ours(claim).where(TOUCHES.c.state == "claimed")
        connection.execute(put_back.values(state="queued", owner="", attempts=claim.attempts))


def rescue(connection: Connection, now: datetime) -> tuple[int, int]:
    """Orphans: claims go back to the queue, what was fenced is in doubt. How many of each.

    On SQLite call it once, under the run lock. On PostgreSQL only claims whose lease has ended are taken.
    """
    orphan: Any = TOUCHES.c.state.in_(("claimed", "fenced"))
    if connection.dialect.name == "postgresql":
        orphan &= TOUCHES.c.lease_until < func.now()
    rows = connection.execute(_with_person(orphan)).all()
    claimed = [_held(row) for row in rows if row.state == "claimed"]
    fenced = [_held(row) for row in rows if row.state == "fenced"]
    release(connection, claimed)
    ended = end(
        connection, [Ending(one, "in_doubt", "stopped before the answer came") for one in fenced], now
    )
    return len(claimed), len(ended)


def expire(connection: Connection, now: datetime, limit: int) -> int:
    """End waiting touches whose time is over; how many."""
    rows = connection.execute(_with_person((TOUCHES.c.expires <= now) & _WAITING).limit(limit)).all()
    _end_waiting(connection, [_held(row) for row in rows], "expired", now)
    return len(rows)


def cancel_waiting(connection: Connection, now: datetime, limit: int) -> int:
    """End waiting touches that were marked cancelled by others than the wake; how many."""
    rows = connection.execute(_with_person(TOUCHES.c.cancelled.is_(True) & _WAITING).limit(limit)).all()
    _end_waiting(connection, [_held(row) for row in rows], "cancelled", now)
    return len(rows)


def reopen(
    connection: Connection, now: datetime, limit: int, next_opening: Callable[[Row[Any]], Opening]
) -> int:
    """Give waiting touches whose window shut the next opening of their calendar; how many.

    `next_opening(row)` tells it. An opening after `expires` leaves the row to `expire`.
    """
    shut = (TOUCHES.c.closes <= now) & (TOUCHES.c.expires > now) & _WAITING
    rows = connection.execute(_with_person(shut).limit(limit)).all()
    for row in rows:
        opening = next_opening(row)
        times = {"opens": opening.opens, "closes": opening.closes, "due_at": max(opening.opens, row.due_at)}
        if opening.opens >= row.expires:
            times = {"closes": row.expires, "due_at": row.expires}
        connection.execute(update(TOUCHES).where(TOUCHES.c.id == row.id).values(**times))
    return len(rows)


def piece_of(connection: Connection, touch: int) -> Any:
    """The `piece` of a touch and the `programme` it was chosen under; None if there is no such touch."""
    return connection.execute(
        select(TOUCHES.c.piece, TOUCHES.c.programme).where(TOUCHES.c.id == touch)
    ).one_or_none()


def next_due(connection: Connection) -> datetime | None:
    """The earliest instant at which some waiting touch needs us: to leave, to be reopened, or to expire."""
    earliest: datetime | None = connection.scalar(select(func.min(TOUCHES.c.due_at)).where(_WAITING))
    return earliest


_WAITING = TOUCHES.c.state.in_(("queued", "deferred"))
_END = (
    update(TOUCHES)
    .where(
        TOUCHES.c.id == bindparam("which"),
        TOUCHES.c.owner == bindparam("whose"),
        TOUCHES.c.epoch == bindparam("when"),
        TOUCHES.c.state.in_(("claimed", "fenced")),
    )
    .values(
        state="ended",
        outcome=bindparam("outcome"),
        words=bindparam("words"),
        ended_at=bindparam("ended_at"),
    )
)


def _verdict(row: Row[Any], claim: Claim, never: dict[str, str], now: datetime) -> str:
    if (row.owner, row.epoch, row.state) != (claim.owner, claim.epoch, "claimed"):
        return LOST
    if claim.address in never:
        return SUPPRESSED
    if row.cancelled:
        return CANCELLED
    return GO if now < row.closes else CLOSED


def _claim(row: Row[Any], owner: str) -> Claim:
    return _held(row)._replace(owner=owner, epoch=row.epoch + 1)


def _held(row: Row[Any]) -> Claim:
    return Claim(
        row.id, row.prospect, row.decision, row.piece, row.sequence, row.programme, row.closes, row.expires,
        row.attempts, row.owner, row.epoch, row.address, row.account, row.personal, row.snapshot,
    )  # fmt: skip


def _with_person(which: Any) -> Any:
    query = select(
        TOUCHES, PROSPECTS.c.address, PROSPECTS.c.account, PROSPECTS.c.personal, PROSPECTS.c.snapshot
    ).join(PROSPECTS, PROSPECTS.c.id == TOUCHES.c.prospect)
    return query.where(which).order_by(TOUCHES.c.id).with_for_update(skip_locked=True, of=TOUCHES)


def _ours(claim: Claim) -> Any:
    return update(TOUCHES).where(
        TOUCHES.c.id == claim.touch, TOUCHES.c.owner == claim.owner, TOUCHES.c.epoch == claim.epoch
    )


def _lease(connection: Connection) -> Any:
    return func.now() + LEASE if connection.dialect.name == "postgresql" else None


def _end_waiting(connection: Connection, held: Sequence[Claim], outcome: str, now: datetime) -> None:
    if not held:
        return
    last_words = select(TOUCHES.c.id, TOUCHES.c.words).where(TOUCHES.c.id.in_([one.touch for one in held]))
    words = {row.id: row.words for row in connection.execute(last_words)}
    for one in held:
        over = update(TOUCHES).where(TOUCHES.c.id == one.touch, _WAITING)
        connection.execute(over.values(state="ended", outcome=outcome, ended_at=now))
    _note_ends(connection, [(one, outcome, words[one.touch], False) for one in held], now)


def _note_ends(connection: Connection, ends: Sequence[tuple[Claim, str, str, bool]], now: datetime) -> None:
    by_programme: dict[str, dict[int, list[tuple[f.Body, datetime]]]] = defaultdict(dict)
    for claim, outcome, words, hard in ends:
        news: list[tuple[f.Body, datetime]] = [(f.TouchEnded(claim.decision, outcome, words), now)]
        if hard:
            news.append((f.Bounced(claim.decision, "hard"), now))
        by_programme[claim.programme][claim.prospect] = news
    for programme, news_of in by_programme.items():
        note(connection, news_of, known=now, programme=programme)


def suppress_hard(connection: Connection, endings: Sequence[Ending], now: datetime, *, key: bytes) -> None:
    """Addresses that do not exist are never written to again."""
    for ending in endings:
        if ending.hard:
            evidence = f"touch {ending.claim.touch}: {ending.words}"
            suppress(connection, key, ending.claim.address, "bounced", now, evidence)

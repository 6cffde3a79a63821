"""What a wake reads and writes: due prospects with their new facts, and all that was settled about them.

Both happen in one transaction, so a wake needs no lease: on PostgreSQL the claimed rows stay locked and
others skip them; on SQLite nobody else writes. The caller keeps batches small enough for 50 ms.

    def work(connection):
        settled = [settle(due) for due in claim_due(connection, now, 100)]     # the engine's part
        write_settled(connection, settled, now=now, programme=active.hash)
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnDefault,
    Connection,
    and_,
    bindparam,
    delete,
    insert,
    select,
    text,
    update,
)

from nurture.core.facts import Fact, Recalled, TouchEnded, Withdrawn
from nurture.core.journey import Journey
from nurture.store import codec
from nurture.store.bulk import Bulk, instants, raw
from nurture.store.facts import COLUMNS, FactRow, as_fact, chunks, insert_facts, note, rows_of
from nurture.store.tables import ENROLLMENTS, FACTS, HANDOFFS, PROSPECTS, TOUCHES, whose_touch


class Changed(Exception):
    """A prospect's row was not as it was claimed: a bug, since the row was locked. Nothing is written."""


class Due(NamedTuple):
    """A prospect to look at. Bytes are decoded when asked for, so a damaged one spoils no neighbour."""

    id: int
    n: int
    """Facts recorded so far."""
    folded: int
    """The last fact in the snapshot."""
    mark: str
    """FOLD version and hash of the weights that the snapshot was folded under."""
    lifecycle: str
    errors: int
    wake_at: datetime | None
    snapshot: bytes | None
    rows: tuple[FactRow, ...]
    """The facts after `folded`, undecoded."""

    def journey(self) -> Journey | None:
        """The snapshot; None if there is none yet. Raises codec.Unreadable."""
        return None if self.snapshot is None else codec.decode_journey(self.snapshot)

    def news(self) -> tuple[Fact, ...]:
        """The facts after the snapshot, in order of n. Raises codec.Unreadable."""
        return tuple(as_fact(row) for row in self.rows)


class Settled(NamedTuple):
    """What a wake found about one prospect, as it shall be written.

    `was` is the n that was claimed; `facts` are numbered was + 1, was + 2, ... without a gap, and the
    journey is folded up to the last of them.
    """

    prospect: int
    was: int
    journey: Journey
    mark: str
    wake_at: datetime | None
    wake_reason: str
    """Never empty where wake_at is None."""
    facts: Sequence[Fact] = ()
    touches: Sequence[Mapping[str, Any]] = ()
    """New rows of the outbox."""
    cancelled: Sequence[int] = ()
    """Ids of touches that shall not leave; their Cancelled facts are among `facts`."""
    handoffs: Sequence[Mapping[str, Any]] = ()
    """New rows of handoffs."""
    enrolled: frozenset[str] | None = None
    """The sequences that the table has the prospect in; None where the caller cannot tell."""


def claim_due(connection: Connection, now: datetime, limit: int) -> list[Due]:
    """Up to `limit` prospects whose time has come, the longest waiting first, locked, with their news."""
    return _with_news(connection, raw(connection.execute(_DUE, {"now": now, "most": limit})))


def claim(connection: Connection, prospects: Iterable[int]) -> list[Due]:
    """The same for given prospects, due or not, in order of id; waits for whoever has locked them."""
    ids = sorted(prospects)
    claimed = [row for some in chunks(ids) for row in raw(connection.execute(_THESE, {"ids": some}))]
    return _with_news(connection, claimed)


def write_settled(
    connection: Connection, settled: Sequence[Settled], *, now: datetime, programme: str
) -> tuple[int, ...]:
    """Write all that was settled under the programme of that hash, in bulk; `errors` start from 0 again.

    A Withdrawn or Recalled fact closes the handoff that is open. A cancelled touch that was queued or
    deferred ends here, with its TouchEnded fact (so its prospect is due again at once); one that is on its
    way is marked, and the fence refuses it. Returns the ids of the touches that ended.

    Raises Changed, and whatever a constraint refuses: then call it for each prospect alone, in a savepoint,
    to find the one that cannot be written.
    """
    if not settled:
        return ()
    for each in settled:
        _check_numbers(each)
    insert_facts(connection, (fact for each in settled for fact in each.facts))
    _update_prospects(connection, settled)
    _write_enrollments(connection, settled)
    _write_touches(connection, settled)
    _end_handoffs(connection, settled, now)
    handoffs = [row for each in settled for row in each.handoffs]
    if handoffs:
        connection.execute(insert(HANDOFFS), handoffs)
    cancelled = [id for each in settled for id in each.cancelled]
    return cancel_touches(connection, cancelled, now=now, programme=programme)


def cancel_touches(
    connection: Connection, touches: Sequence[int], *, now: datetime, programme: str
) -> tuple[int, ...]:
    """End those that have not been claimed, with their fact; mark the others. The ids that ended.

    A prospect has one live touch, so at most one of them ends.
    """
    ended: list[int] = []
    for some in chunks(touches):
        mine = TOUCHES.c.id.in_(some)
        end = update(TOUCHES).where(mine, TOUCHES.c.state.in_(("queued", "deferred")))
        ended += connection.scalars(
            end.values(state="ended", outcome="cancelled", cancelled=True, ended_at=now).returning(
                TOUCHES.c.id
            )
        )
        on_their_way = update(TOUCHES).where(mine, TOUCHES.c.state.in_(("claimed", "fenced")))
        connection.execute(on_their_way.values(cancelled=True))
    owners = [whose_touch(id) for id in ended]
    news = {prospect: [(TouchEnded(number, "cancelled"), now)] for prospect, number in owners}
    note(connection, news, known=now, programme=programme)
    return tuple(ended)


def count_error(connection: Connection, prospect: int, wake_at: datetime | None, reason: str) -> None:
    """One more internal error about a prospect: look again at `wake_at`, or never by itself (None)."""
    connection.execute(
        update(PROSPECTS)
        .where(PROSPECTS.c.id == prospect)
        .values(errors=PROSPECTS.c.errors + 1, wake_at=wake_at, wake_reason=reason)
    )


def next_wake(connection: Connection) -> datetime | None:
    """The earliest instant at which somebody is due."""
    return connection.scalar(_NEXT)


_COLUMNS = [
    PROSPECTS.c[name] for name in ("id", "n", "folded", "mark", "lifecycle", "errors", "wake_at", "snapshot")
]
_DUE = (
    select(*_COLUMNS)
    .where(PROSPECTS.c.wake_at <= bindparam("now"))
    .order_by(PROSPECTS.c.wake_at, PROSPECTS.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_NEXT = (
    select(PROSPECTS.c.wake_at).where(PROSPECTS.c.wake_at.is_not(None)).order_by(PROSPECTS.c.wake_at).limit(1)
)
_THESE = (
    select(*_COLUMNS)
    .where(PROSPECTS.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(PROSPECTS.c.id)
    .with_for_update()
)
_NEWS = (
    select(*COLUMNS)
    .join(PROSPECTS, and_(FACTS.c.prospect == PROSPECTS.c.id, FACTS.c.n > PROSPECTS.c.folded))
    .where(PROSPECTS.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(FACTS.c.prospect, FACTS.c.n)
)


def _with_news(connection: Connection, claimed: Sequence[tuple[Any, ...]]) -> list[Due]:
    instant = instants(connection.dialect)
    news: dict[int, list[FactRow]] = defaultdict(list)
    for fact in rows_of(connection, _NEWS, [id for id, n, folded, *_ in claimed if n > folded]):
        news[fact[0]].append(fact)
    return [
        Due._make((id, *others, instant(wake_at), snapshot, tuple(news.get(id, ()))))
        for id, *others, wake_at, snapshot in claimed
    ]


def _check_numbers(settled: Settled) -> None:
    last = settled.was
    for fact in settled.facts:
        if fact.n != last + 1 or fact.prospect != settled.prospect:
            raise Changed(f"prospect {settled.prospect}: {fact.prospect}'s fact {fact.n} after {last}")
        last = fact.n
    if settled.journey.n != last:
        raise Changed(f"prospect {settled.prospect}: facts up to {last}, folded to {settled.journey.n}")


_FOLDED = ("last", "lifecycle", "stage", "snapshot", "mark", "wake_at", "wake_reason")
_UPDATE = Bulk(
    update(PROSPECTS)
    .where(PROSPECTS.c.id == bindparam("which"), PROSPECTS.c.n == bindparam("was"))
    .values(
        n=bindparam("last"),
        folded=bindparam("last"),
        errors=text("0"),
        **{name: bindparam(name) for name in _FOLDED[1:]},
    ),
    ("which", "was", *_FOLDED),
)


def _update_prospects(connection: Connection, settled: Sequence[Settled]) -> None:
    written = _UPDATE.run(
        connection,
        (
            (
                each.prospect,
                each.was,
                each.journey.n,
                each.journey.lifecycle,
                each.journey.stage,
                codec.encode_journey(each.journey),
                each.mark,
                each.wake_at,
                each.wake_reason,
            )
            for each in settled
        ),
    )
    if written != len(settled):
        raise Changed(f"some of {len(settled)} prospects got facts since they were claimed")


_ENROLL = Bulk(insert(ENROLLMENTS), ("prospect", "sequence", "since"))


def _write_enrollments(connection: Connection, settled: Sequence[Settled]) -> None:
    """The table follows the journeys; only those are touched whose set of sequences has changed."""
    changed = [
        each for each in settled if each.enrolled is None or each.enrolled != set(each.journey.enrolled)
    ]
    for some in chunks([each.prospect for each in changed if each.enrolled is None or each.enrolled]):
        connection.execute(delete(ENROLLMENTS).where(ENROLLMENTS.c.prospect.in_(some)))
    _ENROLL.run(
        connection,
        (
            (each.prospect, sequence, since)
            for each in changed
            for sequence, since in each.journey.enrolled.items()
        ),
    )


_TOUCH = Bulk(insert(TOUCHES), TOUCHES.c.keys())
_NEW_TOUCH: dict[str, Any] = {
    column.name: column.default.arg if isinstance(column.default, ColumnDefault) else None
    for column in TOUCHES.c
}


def _write_touches(connection: Connection, settled: Sequence[Settled]) -> None:
    rows = (_NEW_TOUCH | dict(row) for each in settled for row in each.touches)
    _TOUCH.run(connection, (tuple(row.values()) for row in rows))


def _end_handoffs(connection: Connection, settled: Sequence[Settled], now: datetime) -> None:
    for kind, state in ((Withdrawn, "withdrawn"), (Recalled, "recalled")):
        whose = [fact.prospect for each in settled for fact in each.facts if isinstance(fact.body, kind)]
        for some in chunks(whose):
            still_open = update(HANDOFFS).where(HANDOFFS.c.prospect.in_(some), HANDOFFS.c.state == "open")
            connection.execute(still_open.values(state=state, answered_at=now))

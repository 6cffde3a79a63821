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

from sqlalchemy import Connection, Row, and_, bindparam, delete, insert, select, update

from nurture.core.facts import Fact, Recalled, TouchEnded, Withdrawn
from nurture.core.journey import Journey
from nurture.store import codec
from nurture.store.facts import as_fact, chunks, insert_facts, note
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
    rows: tuple[Row[Any], ...]
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


def claim_due(connection: Connection, now: datetime, limit: int) -> list[Due]:
    """Up to `limit` prospects whose time has come, the longest waiting first, locked, with their news."""
    claimed = connection.execute(_DUE, {"now": now, "most": limit}).all()
    return _with_news(connection, claimed)


def claim(connection: Connection, prospects: Iterable[int]) -> list[Due]:
    """The same for given prospects, due or not, in order of id; waits for whoever has locked them."""
    claimed = [row for some in chunks(sorted(prospects)) for row in connection.execute(_THESE, {"ids": some})]
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
    for each in settled:
        _check_numbers(each)
    insert_facts(connection, (fact for each in settled for fact in each.facts))
    _update_prospects(connection, settled)
    _write_enrollments(connection, settled)
    _insert(connection, TOUCHES, [row for each in settled for row in each.touches])
    _end_handoffs(connection, settled, now)
    _insert(connection, HANDOFFS, [row for each in settled for row in each.handoffs])
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
    select(FACTS)
    .join(PROSPECTS, and_(FACTS.c.prospect == PROSPECTS.c.id, FACTS.c.n > PROSPECTS.c.folded))
    .where(PROSPECTS.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(FACTS.c.prospect, FACTS.c.n)
)


def _with_news(connection: Connection, claimed: Sequence[Row[Any]]) -> list[Due]:
    news: dict[int, list[Row[Any]]] = defaultdict(list)
    for some in chunks([row.id for row in claimed if row.n > row.folded]):
        for row in connection.execute(_NEWS, {"ids": some}):
            news[row.prospect].append(row)
    return [Due._make((*row, tuple(news[row.id]))) for row in claimed]


def _check_numbers(settled: Settled) -> None:
    numbers = [fact.n for fact in settled.facts]
    last = settled.was + len(numbers)
    if numbers != list(range(settled.was + 1, last + 1)) or settled.journey.n != last:
        raise Changed(
            f"prospect {settled.prospect}: facts {numbers} after {settled.was}, folded to {settled.journey.n}"
        )
    if any(fact.prospect != settled.prospect for fact in settled.facts):
        raise Changed(f"prospect {settled.prospect}: facts of somebody else")


_UPDATE = (
    update(PROSPECTS)
    .where(PROSPECTS.c.id == bindparam("which"), PROSPECTS.c.n == bindparam("was"))
    .values(
        n=bindparam("last"),
        folded=bindparam("last"),
        lifecycle=bindparam("lifecycle"),
        stage=bindparam("stage"),
        snapshot=bindparam("snapshot"),
        mark=bindparam("mark"),
        wake_at=bindparam("wake_at"),
        wake_reason=bindparam("wake_reason"),
        errors=0,
    )
)


def _update_prospects(connection: Connection, settled: Sequence[Settled]) -> None:
    rows = [
        {
            "which": each.prospect,
            "was": each.was,
            "last": each.journey.n,
            "lifecycle": each.journey.lifecycle,
            "stage": each.journey.stage,
            "snapshot": codec.encode_journey(each.journey),
            "mark": each.mark,
            "wake_at": each.wake_at,
            "wake_reason": each.wake_reason,
        }
        for each in settled
    ]
    if rows and connection.execute(_UPDATE, rows).rowcount != len(rows):
        raise Changed(f"some of {len(rows)} prospects got facts since they were claimed")


_ENROLLED = select(ENROLLMENTS.c.prospect, ENROLLMENTS.c.sequence).where(
    ENROLLMENTS.c.prospect.in_(bindparam("ids", expanding=True))
)


def _write_enrollments(connection: Connection, settled: Sequence[Settled]) -> None:
    """The table follows the journeys; only those are touched whose set of sequences has changed."""
    before: dict[int, set[str]] = defaultdict(set)
    for some in chunks([each.prospect for each in settled]):
        for prospect, sequence in connection.execute(_ENROLLED, {"ids": some}):
            before[prospect].add(sequence)
    changed = [each for each in settled if before[each.prospect] != set(each.journey.enrolled)]
    for some in chunks([each.prospect for each in changed if before[each.prospect]]):
        connection.execute(delete(ENROLLMENTS).where(ENROLLMENTS.c.prospect.in_(some)))
    rows_now = [
        {"prospect": each.prospect, "sequence": sequence, "since": since}
        for each in changed
        for sequence, since in each.journey.enrolled.items()
    ]
    _insert(connection, ENROLLMENTS, rows_now)


def _end_handoffs(connection: Connection, settled: Sequence[Settled], now: datetime) -> None:
    for kind, state in ((Withdrawn, "withdrawn"), (Recalled, "recalled")):
        whose = [fact.prospect for each in settled for fact in each.facts if isinstance(fact.body, kind)]
        for some in chunks(whose):
            still_open = update(HANDOFFS).where(HANDOFFS.c.prospect.in_(some), HANDOFFS.c.state == "open")
            connection.execute(still_open.values(state=state, answered_at=now))


def _insert(connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), list(rows))

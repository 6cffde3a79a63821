"""What a wake reads and writes: due prospects with their new facts, and all that was settled about them.

On PostgreSQL, where several processes wake, both happen in one transaction: the claimed rows stay locked and
others skip them. On SQLite only one process wakes. It reads, settles outside any transaction, and then writes
about those whose rows are still as they were read (`unchanged`), so that the lock is held for writing alone.

    due = claim_due(connection, now, 100, mark)
    settled = [...]                                                           # the engine's part
    same = unchanged(connection, due)
    write_settled(connection, [each for each in settled if each.prospect in same], now=now, programme=hash)
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    and_,
    bindparam,
    delete,
    insert,
    literal_column,
    select,
    text,
    update,
)

from nurture.core.facts import TouchEnded
from nurture.drafting.rows import NEW_TOUCH, PROSPECT, Due, FactRow, N, Settled
from nurture.store.bulk import Bulk, instants, raw
from nurture.store.facts import COLUMNS, HISTORIES, chunks, insert_own, note, rows_of
from nurture.store.tables import ENROLLMENTS, FACTS, HANDOFFS, PROSPECTS, TOUCHES, touch_id, whose_touch


class Changed(Exception):
    """A prospect's row was not as it was read: a bug, since that was looked at. Nothing is written."""


def claim_due(
    connection: Connection,
    now: datetime,
    limit: int,
    mark: str | None = None,
    *,
    without: Sequence[int] = (),
) -> list[Due]:
    """Up to `limit` prospects whose time has come, the longest waiting first, with their news.

    With a mark, a snapshot under another one is left out, and all facts come in its place. Locks the rows,
    except on SQLite, where it may be asked in a reading transaction too.
    """
    values = {"now": now, "most": limit, "without": without}
    return _with_news(connection, raw(connection.execute(_DUE, values)), mark)


def claim(connection: Connection, prospects: Iterable[int]) -> list[Due]:
    """The same for given prospects, due or not, in order of id; waits for whoever has locked them."""
    ids = sorted(prospects)
    claimed = [row for some in chunks(ids) for row in raw(connection.execute(_THESE, {"ids": some}))]
    return _with_news(connection, claimed, None)


def unchanged(connection: Connection, due: Sequence[Due]) -> set[int]:
    """Those whose rows are as they were read; for the others there is news, and they are due again."""
    now: dict[int, tuple[int, int]] = {}
    for some in chunks([one.id for one in due]):
        now.update((id, (n, folded)) for id, n, folded in raw(connection.execute(_COUNTS, {"ids": some})))
    return {one.id for one in due if now.get(one.id) == (one.n, one.folded)}


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
    insert_own(connection, (row for each in settled for row in each.facts))
    _update_prospects(connection, settled)
    _write_enrollments(connection, settled)
    _write_touches(connection, settled)
    _end_handoffs(connection, settled, now)
    handoffs = [row for each in settled for row in each.handoffs]
    if handoffs:
        connection.execute(insert(HANDOFFS), handoffs)
    cancelled = [touch_id(each.prospect, number) for each in settled for number in each.cancelled]
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
    .where(PROSPECTS.c.id.not_in(bindparam("without", expanding=True)))
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
_COUNTS = select(PROSPECTS.c.id, PROSPECTS.c.n, PROSPECTS.c.folded).where(
    PROSPECTS.c.id.in_(bindparam("ids", expanding=True))
)
_NEWS = (
    select(*COLUMNS)
    .join(PROSPECTS, and_(FACTS.c.prospect == PROSPECTS.c.id, FACTS.c.n > PROSPECTS.c.folded))
    .where(PROSPECTS.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(FACTS.c.prospect, FACTS.c.n)
)


def _with_news(connection: Connection, claimed: Sequence[tuple[Any, ...]], mark: str | None) -> list[Due]:
    instant = instants(connection.dialect)
    due: list[Due] = []
    for id, n, folded, its, *others, wake_at, snapshot in claimed:
        usable = snapshot if mark in (its, None) else None
        due.append(Due._make((id, n, folded, its, *others, instant(wake_at), usable, ())))
    news: dict[int, list[FactRow]] = defaultdict(list)
    some = [one.id for one in due if one.snapshot is not None and one.n > one.folded]
    for query, ids in ((_NEWS, some), (HISTORIES, [one.id for one in due if one.snapshot is None])):
        for fact in rows_of(connection, query, ids):
            news[fact[0]].append(fact)
    return [one._replace(rows=tuple(news[one.id])) if one.id in news else one for one in due]


def _check_numbers(settled: Settled) -> None:
    last = settled.was
    for row in settled.facts:
        if row[N] != last + 1 or row[PROSPECT] != settled.prospect:
            raise Changed(f"prospect {settled.prospect}: {row[PROSPECT]}'s fact {row[N]} after {last}")
        last = row[N]
    if settled.n != last:
        raise Changed(f"prospect {settled.prospect}: facts up to {last}, folded to {settled.n}")


_UPDATE = Bulk(
    update(PROSPECTS)
    .where(PROSPECTS.c.id == bindparam("prospect"), PROSPECTS.c.n == bindparam("was"))
    .values(
        n=bindparam("last"),
        folded=bindparam("last"),
        errors=text("0"),
        **{name: bindparam(name) for name in Settled._fields[3:9]},
    ),
    ("prospect", "was", "last", *Settled._fields[3:9]),
)


def _update_prospects(connection: Connection, settled: Sequence[Settled]) -> None:
    written = _UPDATE.run(connection, (each[:9] for each in settled))
    if written != len(settled):
        raise Changed(f"some of {len(settled)} prospects got facts since they were read")


_ENROLL = Bulk(insert(ENROLLMENTS), ("prospect", "sequence", "since"))


def _write_enrollments(connection: Connection, settled: Sequence[Settled]) -> None:
    """The table follows the journeys; only those are touched whose set of sequences has changed."""
    changed = [(each, each.enrolled) for each in settled if each.enrolled is not None]
    for some in chunks([each.prospect for each, _ in changed if each.replaces]):
        connection.execute(delete(ENROLLMENTS).where(ENROLLMENTS.c.prospect.in_(some)))
    _ENROLL.run(
        connection,
        (
            (each.prospect, sequence, since)
            for each, enrolled in changed
            for sequence, since in enrolled.items()
        ),
    )


_TOUCH_NAMES = ("id", *NEW_TOUCH)


def _as_it_begins() -> Insert:
    """What every new touch has alike stands in the statement, not in each row."""
    alike = {
        "state": "'queued'",
        "attempts": "0",
        "cancelled": "false",
        "owner": "''",
        "epoch": "0",
        "words": "''",
    }
    row: dict[str, Any] = {name: bindparam(name) for name in _TOUCH_NAMES}
    return insert(TOUCHES).values(row | {name: literal_column(value) for name, value in alike.items()})


_TOUCH = Bulk(_as_it_begins(), _TOUCH_NAMES)


def _write_touches(connection: Connection, settled: Sequence[Settled]) -> None:
    rows = (row for each in settled for row in each.touches)
    _TOUCH.run(connection, ((touch_id(row[0], row[1]), *row) for row in rows))


def _end_handoffs(connection: Connection, settled: Sequence[Settled], now: datetime) -> None:
    for kind, state in (("Withdrawn", "withdrawn"), ("Recalled", "recalled")):
        whose = [each.prospect for each in settled if kind in each.kinds()]
        for some in chunks(whose):
            still_open = update(HANDOFFS).where(HANDOFFS.c.prospect.in_(some), HANDOFFS.c.state == "open")
            connection.execute(still_open.values(state=state, answered_at=now))

"""The outbox: from queued to the one end of a touch.

    queued or deferred --claim--> claimed --fence--> fenced --end--> ended
                                     |                  |
                                     +----- defer ------+--> deferred
Every step after the claim names owner and epoch; where they no longer match, somebody else has the touch
and nothing happens. A fenced touch is deferred only on the server's clear word, or before a byte has left.
All is plain Core for the door, in batches, and one bad row never spoils the others. Touches are claimed in
`claims.py`; what nobody works on is looked after in `overdue.py`.

A sender's steps come in turns: what came back is recorded and what wants to leave is looked at in one
transaction, with few statements for all of them (`sql.py`).

Prospects are locked before touches, in order of id, as facts are written. The fence holds the prospects'
rows while it reads suppressions, and whoever unsubscribes somebody locks that row first; whoever suppresses
without such a row (a domain) waits for the fences under way and keeps others waiting. So on PostgreSQL too
what was committed before the fence is seen by it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, func, select, text, update

from nurture import failpoints
from nurture.store import breakers, facts, sql
from nurture.store.ends import write_ends
from nurture.store.facts import chunks
from nurture.store.suppressions import reasons_of, suppress_many
from nurture.store.tables import PROSPECTS, TOUCHES
from nurture.store.touches import Answer, Claim, Deferral, Ending, Go, Lost, Refused, Result

LEASE = timedelta(minutes=20)
"""How long a claim is ours, and a fenced touch may wait for its answer, before others think that we are
gone: longer than all timeouts of one conversation (ten minutes of them after the dot, RFC 5321 4.5.3.2)."""

WAITING = text("touches.state IN ('queued', 'deferred')")
"""Literal, because SQLite matches a partial index only with what it can read."""
BUSY = text("touches.state IN ('claimed', 'fenced')")


def turn(
    connection: Connection,
    results: Sequence[Result],
    claims: Sequence[Claim],
    now: datetime,
    *,
    key: bytes,
    lease: timedelta = LEASE,
) -> dict[int, Answer]:
    """Record what came back, then take the last look at what wants to leave; its answers by touch id.

    What is not ours any more is left alone, on both sides. A deferral of a touch that is in doubt by now ends
    it as failed, if there was a try: the server has said that it did not take it.
    """
    standing = _look(connection, [*(result.claim for result in results), *claims], now)
    endings, deferrals = _sorted_out(results, standing)
    _end(connection, endings, standing, now, key)
    _put_back(connection, deferrals)
    _rewake(connection, deferrals, now)
    answers = _fence(connection, claims, standing, now, key, lease) if claims else {}
    breakers.count(connection, endings, deferrals, now)
    return answers


def fence(
    connection: Connection, claims: Sequence[Claim], now: datetime, *, key: bytes, lease: timedelta = LEASE
) -> dict[int, Answer]:
    """The last look before bytes leave: may each of these go? Those that may are fenced, by touch id.

    Reads again suppression, cancellation (hold, handoff, unsubscribe cancel), closing time, owner and
    epoch. `lease` is how long the server may take to answer (PostgreSQL).
    """
    return turn(connection, (), claims, now, key=key, lease=lease)


def end(connection: Connection, endings: Sequence[Ending], now: datetime, *, key: bytes) -> set[int]:
    """End touches, each with its fact; the ids of those that were still ours to end.

    One that is in doubt already may still turn out sent or failed, if nobody has claimed it since. A hard
    bounce suppresses the address in the same transaction.
    """
    standing = _look(connection, [ending.claim for ending in endings], now)
    mine, _ = _sorted_out(endings, standing)
    _end(connection, mine, standing, now, key)
    return {ending.claim.touch for ending in mine}


def defer(connection: Connection, deferrals: Sequence[Deferral]) -> None:
    """Put touches back. One that was cancelled meanwhile is ended by the next `expire`."""
    _, mine = _sorted_out(deferrals, _look(connection, [each.claim for each in deferrals], _ANY))
    _put_back(connection, mine)


def as_they_stand(connection: Connection, touches: Iterable[int]) -> dict[int, Claim]:
    """Touches with what a claim holds, whoever has them, by id; those that are gone are left out."""
    query = WITH_PERSON.where(TOUCHES.c.id.in_(list(touches)))
    return {row.touch: as_claim(row) for row in connection.execute(query)}


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
_STANDING = ("id", "state", "outcome", "cancelled", "closes", "expires", "owner", "epoch", "words")
_LOCK_TOUCHES = (
    select(*(TOUCHES.c[name] for name in _STANDING))
    .where(TOUCHES.c.id.in_(_THESE))
    .order_by(TOUCHES.c.id)
    .with_for_update()
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


_ANY = datetime.max.replace(tzinfo=UTC)
"""For looks at which the time does not matter."""


def _look(connection: Connection, claims: Sequence[Claim], now: datetime) -> dict[int, sql.Standing]:
    """How these touches stand, locked, by id."""
    statements, driver = sql.of(connection)
    touches = [claim.touch for claim in claims]
    people = [claim.prospect for claim in claims]
    rows = statements.look(driver, touches, people, now) if touches else ()
    return {row.touch: row for row in rows}


def _sorted_out(
    results: Iterable[Result], standing: Mapping[int, sql.Standing]
) -> tuple[list[Ending], list[Deferral]]:
    """What may still be said of touches that are ours."""
    endings: list[Ending] = []
    deferrals: list[Deferral] = []
    for result in results:
        row = standing.get(result.claim.touch)
        if row is None or not _is_ours(row, result.claim):
            continue
        busy, doubtful = row.state in ("claimed", "fenced"), row.outcome == "in_doubt"
        if isinstance(result, Ending):
            if busy or (doubtful and result.outcome in ("sent", "failed")):
                endings.append(result)
        elif busy:
            deferrals.append(result)
        elif doubtful and result.words:
            endings.append(Ending(result.claim, "failed", result.words))
    return endings, deferrals


def _is_ours(row: sql.Standing, claim: Claim) -> bool:
    return row.epoch == claim.epoch and row.owner == claim.owner


def _end(
    connection: Connection,
    endings: Sequence[Ending],
    standing: Mapping[int, sql.Standing],
    now: datetime,
    key: bytes,
) -> None:
    for ending in endings:
        address = standing[ending.claim.touch].address
        if ending.bounce == "hard" and address:
            reasons = {address: "bounced"}
            suppress_many(connection, key, reasons, at=now, evidence=ending.words, rows_held=True)
    counts = {ending.claim.prospect: standing[ending.claim.touch].n for ending in endings}
    write_ends(connection, endings, now, counts)


def _put_back(connection: Connection, deferrals: Sequence[Deferral]) -> None:
    if deferrals:
        statements, driver = sql.of(connection)
        statements.put_back(driver, [_as_back(deferral) for deferral in deferrals])


def _rewake(connection: Connection, deferrals: Sequence[Deferral], now: datetime) -> None:
    people = [deferral.claim.prospect for deferral in deferrals if deferral.rewake]
    if people:
        woken = update(PROSPECTS).values(wake_at=now, wake_reason=facts.HEARD)
        connection.execute(woken.where(PROSPECTS.c.id.in_(people)))


def _as_back(deferral: Deferral) -> sql.Back:
    tries = deferral.claim.attempts + bool(deferral.words and deferral.counted)
    state = "deferred" if deferral.words else "queued"
    return sql.Back(deferral.claim.touch, state, deferral.due_at, tries, deferral.words)


def _fence(
    connection: Connection,
    claims: Sequence[Claim],
    standing: Mapping[int, sql.Standing],
    now: datetime,
    key: bytes,
    lease: timedelta,
) -> dict[int, Answer]:
    statements, driver = sql.of(connection)
    # Where the address has changed meanwhile the answer is no in any case: the old one's hash will do.
    silenced = reasons_of(connection, key, {claim.address for claim in claims})
    answers = {claim.touch: _answer(claim, standing.get(claim.touch), silenced) for claim in claims}
    go = [touch for touch, answer in answers.items() if answer is _GO]
    if go:
        statements.fence(driver, go, now, lease)
    failpoints.hit("fence.before")
    return answers


_GO, _LOST, _LATE = Go(), Lost(), Refused("late")


def _answer(claim: Claim, row: sql.Standing | None, silenced: Mapping[str, str]) -> Answer:
    if row is None or row.state != "claimed" or not _is_ours(row, claim):
        return _LOST
    barred = bar(row.address, silenced, row.cancelled)
    if barred is not None:
        return barred
    if row.address != claim.address:
        return Refused("late", "the address has changed")
    if row.is_over:
        return Refused("expired", row.words)
    return _GO if row.is_open else _LATE


def lock_prospects(connection: Connection, prospects: Iterable[int]) -> dict[int, str | None]:
    """Lock the rows in order of id; the addresses they hold now."""
    found: dict[int, str | None] = {}
    for some in chunks(sorted(set(prospects))):
        found.update((id, address) for id, address in connection.execute(_LOCK_PROSPECTS, {"ids": some}))
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

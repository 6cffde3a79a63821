"""The wake: look who is due, settle them, record what was settled. Three steps, in one transaction or two.

On PostgreSQL all three share a transaction, so that no two processes settle the same prospect and nobody
needs a lease. On SQLite, where one process wakes and a transaction keeps out everybody else who writes,
settling lies between a reading and a writing one (`outgoing.wake_due`); whoever got news meanwhile comes
again.

A prospect about whom our code fails is tried again later, alone, and set aside after five failures in a
row; the others go on.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError

from nurture import failpoints
from nurture.core import facts as f
from nurture.core.journey import Journey
from nurture.core.programme import Programme
from nurture.drafting import Draft, Due, Failed, Settled, draft_all, failed, mark_of
from nurture.drafting.codec import decode_journey
from nurture.drafting.rows import as_fact
from nurture.engine.shelf import Shelf
from nurture.handoffs import due, packet
from nurture.store import programmes
from nurture.store.facts import history
from nurture.store.waking import claim_due, count_error, unchanged, write_settled

BATCH = 200
"""Prospects in one transaction: writing about them takes 10 to 20 ms on SQLite."""

MOST_ERRORS = 5
QUARANTINED = "quarantined after internal errors"
_FIRST_RETRY = timedelta(minutes=1)
_TROUBLE = (OperationalError, InterfaceError, InternalError)
"""The database's own trouble, nobody's in particular: the whole batch is undone and comes again. Whatever
else is raised, our code is wrong about one prospect."""

Drafting = Callable[[Sequence[Due], Programme, datetime], list[Draft]]
"""`drafting.draft_all`, or what does the same elsewhere."""


class Seen(NamedTuple):
    """Who was due, and the programme that was active at that moment."""

    due: Sequence[Due]
    programme: Programme


class Woken(NamedTuple):
    """What was done. `prospects` counts all who were due, also those who come again."""

    prospects: int = 0
    chosen: int = 0
    promoted: int = 0
    errors: tuple[str, ...] = ()


def wake(
    connection: Connection, shelf: Shelf, now: datetime, limit: int = BATCH, drafting: Drafting = draft_all
) -> Woken:
    """All three steps for up to `limit` due prospects."""
    seen = look(connection, shelf, now, limit)
    return record(connection, seen, drafting(seen.due, seen.programme, now), now) if seen.due else Woken()


def look(
    connection: Connection, shelf: Shelf, now: datetime, limit: int = BATCH, without: Sequence[Due] = ()
) -> Seen:
    """Who is due, with all that settling needs. In a reading transaction on SQLite alone."""
    programme = shelf.active(connection).programme
    others = [one.id for one in without]
    return Seen(claim_due(connection, now, limit, mark_of(programme), without=others), programme)


def record(connection: Connection, seen: Seen, drafts: Sequence[Draft], now: datetime) -> Woken:
    """Write about all who are still as they were seen, if the programme is still the active one."""
    due = {one.id: one for one in seen.due}
    if programmes.active(connection).programme != seen.programme.hash:
        return Woken(len(due))  # whoever has applied another one has them looked at again
    same = unchanged(connection, seen.due)
    done = [each for each in drafts if isinstance(each, Settled) and each.prospect in same]
    wrong = [each for each in drafts if isinstance(each, Failed) and each.prospect in same]
    done, unpacked = _with_handoffs(connection, done, seen.programme)
    written, refused = _write(connection, done, now, seen.programme.hash)
    errors = [_set_aside(connection, due[each.prospect], now, each) for each in (*wrong, *unpacked, *refused)]
    failpoints.hit("wake.before")
    kinds = [kind for each in written for kind in each.kinds()]
    return Woken(len(due), kinds.count("Chosen"), kinds.count("Promoted"), tuple(errors))


def _write(
    connection: Connection, done: Sequence[Settled], now: datetime, programme: str
) -> tuple[Sequence[Settled], list[Failed]]:
    """All at once; if something refuses, each alone, so that one bad row spoils no other."""
    if not done:
        return done, []
    try:
        with connection.begin_nested():
            write_settled(connection, done, now=now, programme=programme)
    except _TROUBLE:
        raise
    except Exception:
        return _write_singly(connection, done, now, programme)
    return done, []


def _write_singly(
    connection: Connection, done: Sequence[Settled], now: datetime, programme: str
) -> tuple[Sequence[Settled], list[Failed]]:
    written: list[Settled] = []
    refused: list[Failed] = []
    for each in done:
        try:
            with connection.begin_nested():
                write_settled(connection, [each], now=now, programme=programme)
            written.append(each)
        except _TROUBLE:
            raise
        except Exception as wrong:
            refused.append(failed(each.prospect, wrong))
    return written, refused


def _with_handoffs(
    connection: Connection, done: Sequence[Settled], programme: Programme
) -> tuple[list[Settled], list[Failed]]:
    """Whoever is promoted gets a packet, which tells the whole journey and so needs all facts."""
    packed: list[Settled] = []
    unpacked: list[Failed] = []
    for each in done:
        try:
            promoted = "Promoted" in each.kinds()
            packed.append(_with_handoff(connection, each, programme) if promoted else each)
        except _TROUBLE:
            raise
        except Exception as wrong:
            unpacked.append(failed(each.prospect, wrong))
    return packed, unpacked


def _with_handoff(connection: Connection, each: Settled, programme: Programme) -> Settled:
    journey, decided = decode_journey(each.snapshot), [as_fact(row) for row in each.facts]
    facts = (*history(connection, each.prospect), *decided)
    handoffs = [
        _handoff(fact, fact.body, journey, facts, programme)
        for fact in decided
        if isinstance(fact.body, f.Promoted)
    ]
    return each._replace(handoffs=handoffs)


def _handoff(
    fact: f.Fact, body: f.Promoted, journey: Journey, facts: Sequence[f.Fact], programme: Programme
) -> dict[str, Any]:
    contents = packet(journey, [one for one in facts if one.n <= fact.n], fact, programme)
    return {
        "prospect": fact.prospect,
        "decision": body.number,
        "lane": body.lane,
        "grade": body.grade,
        "intent": contents["intent"],
        "programme": programme.hash,
        "agreement": programme.agreement.version,
        "promoted_at": fact.at,
        "due_at": due(programme, fact.at),
        "packet": contents,
        "state": "open",
        "reason": "",
        "by": "",
        "mail_due_at": fact.at,
        "mail_attempts": 0,
        "words": "",
    }


def _set_aside(connection: Connection, one: Due, now: datetime, wrong: Failed) -> str:
    """Look again after a growing pause; at the fifth error in a row, not by itself any more."""
    errors = one.errors + 1
    again = None if errors >= MOST_ERRORS else now + _FIRST_RETRY * 4**errors
    reason = QUARANTINED if again is None else "internal error"
    count_error(connection, one.id, again, f"{reason}: {wrong.kind}")
    return f"prospect {one.id}: {wrong.kind}: {wrong.words}"

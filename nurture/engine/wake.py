"""The wake: claim who is due, fold what is new, settle, write. One transaction a batch, so no lease.

A prospect about whom our code fails is tried again later, alone, and set aside after five failures in a
row; the others go on.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

from nurture import failpoints
from nurture.core import facts as f
from nurture.core.answers import FOREVER
from nurture.core.decide import settle
from nurture.core.journey import FOLD, Journey
from nurture.core.programme import Programme
from nurture.core.weighing import begin, evolve, refold
from nurture.engine.shelf import Shelf
from nurture.handoffs import due, packet
from nurture.store import programmes
from nurture.store.facts import history
from nurture.store.tables import touch_id
from nurture.store.waking import Due, Settled, claim_due, count_error, write_settled

BATCH = 200
"""Prospects in one transaction: at 100 to 200 us each it stays well under 50 ms."""

MOST_ERRORS = 5
QUARANTINED = "quarantined after internal errors"
_FIRST_RETRY = timedelta(minutes=1)
_TROUBLE = (OperationalError, InterfaceError, InternalError)
"""The database's own trouble, nobody's in particular: the whole batch is undone and comes again. Whatever
else is raised, our code is wrong about one prospect."""


class Woken(NamedTuple):
    """What one batch did."""

    prospects: int = 0
    chosen: int = 0
    promoted: int = 0
    errors: tuple[str, ...] = ()


def wake(connection: Connection, shelf: Shelf, now: datetime, limit: int = BATCH) -> Woken:
    """Settle up to `limit` due prospects, and make more of those due whom a new programme concerns."""
    programmes.rewake(connection, now)
    programme = shelf.active(connection).programme
    claimed = claim_due(connection, now, limit)
    return _wake_all(connection, claimed, programme, now)


def mark_of(programme: Programme) -> str:
    """What a snapshot says it was folded under."""
    return f"{FOLD}:{programme.weights.mark}"


def folded(connection: Connection, one: Due, snapshot: Journey | None, programme: Programme) -> Journey:
    """The journey up to the newest fact: the snapshot and what is new, or everything without a snapshot."""
    if snapshot is None and one.folded:
        return refold(one.id, history(connection, one.id), programme)
    journey = snapshot or begin(one.id, programme)
    for fact in one.news():
        journey = evolve(journey, fact, programme)
    return journey


def _wake_all(connection: Connection, claimed: Sequence[Due], programme: Programme, now: datetime) -> Woken:
    done: list[Settled] = []
    errors: list[str] = []
    mark = mark_of(programme)
    for one in claimed:
        try:
            done.append(_settle(connection, one, programme, mark, now))
        except _TROUBLE:
            raise
        except Exception as wrong:
            errors.append(_set_aside(connection, one, now, wrong))
    written, refused = _write(connection, done, claimed, now, programme.hash)
    failpoints.hit("wake.before")
    facts = [fact.body for each in written for fact in each.facts]
    return Woken(
        len(claimed),
        sum(isinstance(body, f.Chosen) for body in facts),
        sum(isinstance(body, f.Promoted) for body in facts),
        (*errors, *refused),
    )


def _write(
    connection: Connection, done: Sequence[Settled], claimed: Sequence[Due], now: datetime, programme: str
) -> tuple[Sequence[Settled], list[str]]:
    """All at once; if something refuses, each alone, so that one bad row spoils no other."""
    try:
        with connection.begin_nested():
            write_settled(connection, done, now=now, programme=programme)
    except _TROUBLE:
        raise
    except Exception:
        return _write_singly(connection, done, claimed, now, programme)
    return done, []


def _write_singly(
    connection: Connection, done: Sequence[Settled], claimed: Sequence[Due], now: datetime, programme: str
) -> tuple[Sequence[Settled], list[str]]:
    by_id = {one.id: one for one in claimed}
    written: list[Settled] = []
    errors: list[str] = []
    for each in done:
        try:
            with connection.begin_nested():
                write_settled(connection, [each], now=now, programme=programme)
            written.append(each)
        except _TROUBLE:
            raise
        except Exception as wrong:
            errors.append(_set_aside(connection, by_id[each.prospect], now, wrong))
    return written, errors


def _settle(connection: Connection, one: Due, programme: Programme, mark: str, now: datetime) -> Settled:
    snapshot = one.journey() if one.mark == mark else None  # under another mark everything is folded anew
    journey = folded(connection, one, snapshot, programme)
    settled = settle(journey, programme, now)
    wait = settled.wait
    touches: list[dict[str, Any]] = []
    cancelled: list[int] = []
    handoffs: list[dict[str, Any]] = []
    for fact in settled.facts:
        body = fact.body
        if isinstance(body, f.Chosen):
            touches.append(_touch(fact, body, programme))
        elif isinstance(body, f.Cancelled):
            cancelled.append(touch_id(one.id, body.touch))
        elif isinstance(body, f.Promoted):
            handoffs.append(_handoff(connection, fact, settled.journey, settled.facts, programme))
    return Settled(
        prospect=one.id,
        was=one.n,
        journey=settled.journey,
        mark=mark,
        wake_at=None if wait.until == FOREVER else wait.until,
        wake_reason=wait.because[0].code,
        facts=settled.facts,
        touches=touches,
        cancelled=cancelled,
        handoffs=handoffs,
        enrolled=_enrolled(one, snapshot),
    )


def _enrolled(one: Due, snapshot: Journey | None) -> frozenset[str] | None:
    """What the last wake wrote about this prospect's sequences; None: it has to be looked up."""
    if snapshot is not None:
        return frozenset(snapshot.enrolled)
    return None if one.folded else frozenset()


def _touch(fact: f.Fact, body: f.Chosen, programme: Programme) -> dict[str, Any]:
    """What is particular of the new row; the rest is as the table begins."""
    return {
        "id": touch_id(fact.prospect, body.number),
        "prospect": fact.prospect,
        "decision": body.number,
        "piece": body.piece,
        "occurrence": body.occurrence,
        "sequence": body.sequence,
        "stage": programme.pieces[body.piece].stage,
        "programme": programme.hash,
        "chosen_at": fact.at,
        "opens": body.opens,
        "closes": body.closes,
        "expires": body.expires,
        "zone": body.zone,
        "due_at": body.opens,
    }


def _handoff(
    connection: Connection, fact: f.Fact, journey: Journey, decided: Sequence[f.Fact], programme: Programme
) -> dict[str, Any]:
    body = fact.body
    assert isinstance(body, f.Promoted)
    facts = [*history(connection, fact.prospect), *(one for one in decided if one.n <= fact.n)]
    contents = packet(journey, facts, fact, programme)
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


def _set_aside(connection: Connection, one: Due, now: datetime, wrong: Exception) -> str:
    """Look again after a growing pause; at the fifth error in a row, not by itself any more."""
    said = (str(wrong.orig) if isinstance(wrong, DBAPIError) else str(wrong)).partition("\n")[0]
    errors = one.errors + 1
    again = None if errors >= MOST_ERRORS else now + _FIRST_RETRY * 4**errors
    reason = QUARANTINED if again is None else "internal error"
    count_error(connection, one.id, again, f"{reason}: {type(wrong).__name__}")
    return f"prospect {one.id}: {type(wrong).__name__}: {said}"

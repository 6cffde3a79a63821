"""The record: what happened to one prospect, folded from facts in order of n. It knows no programme.

One function for each kind of fact that changes anything; what has none is noted: it counts as a fact, and
as evidence where `weighing` says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from nurture.core import facts as f
from nurture.core import permission as may
from nurture.core.declining import declined, reconsidered, refused
from nurture.core.evidence import Evidence, last_engaged
from nurture.core.journey import (
    ANSWERS,
    CLOSED,
    GONE,
    LEGAL,
    NURTURING,
    PROMOTED,
    REMEMBERED_SENDS,
    RESTING,
    THEN,
    Journey,
    Touch,
)

PAUSE_AFTER_EXPIRY = timedelta(hours=1)
LONGEST_GAP = 365
"""Days between two messages that somebody may ask for; who wants fewer unsubscribes."""


class IllegalFact(Exception):
    """A decided fact that the state does not allow: a bug, found before anything was written."""


_Changes = dict[str, Any]


def record(journey: Journey, fact: f.Fact) -> Journey:
    """The journey with one more fact. Facts come in order of n, without a gap.

    Raises IllegalFact for a decided fact that the state does not allow.
    """
    if fact.n != journey.n + 1:
        raise IllegalFact(f"fact {fact.n} after {journey.n} of prospect {fact.prospect}")
    kind = type(fact.body)
    changes: dict[str, Any] = {"n": fact.n}
    if kind in f.DECIDED:
        targets = LEGAL[kind]
        if journey.lifecycle not in targets:
            raise IllegalFact(f"{kind.__name__} in state {journey.lifecycle} of prospect {fact.prospect}")
        changes["decisions"] = fact.body.number  # type: ignore[union-attr]
        if targets[journey.lifecycle] != THEN:
            changes["lifecycle"] = targets[journey.lifecycle]
    if journey.lifecycle == GONE:
        return journey._replace(n=fact.n)
    recorder = _RECORD.get(kind)
    if recorder is not None:
        changes.update(recorder(journey, fact.at, fact.n, fact.body))
    return journey._replace(**changes)


def _entered(journey: Journey, at: datetime, n: int, body: f.Entered) -> _Changes:
    changes: _Changes = {}
    if journey.entered_at is None:
        changes = {"entered_at": at, "stage_since": at}
    if body.basis != "none":
        changes["permission"] = may.entered(journey.permission, at, body)
    return changes


def _touch_ended(journey: Journey, at: datetime, n: int, body: f.TouchEnded) -> _Changes:
    live = journey.live
    if live is None or live.number != body.touch:
        return _doubt_resolved(journey, body)
    changes: _Changes = {"live": None}
    match body.outcome:
        case "sent" | "in_doubt":
            changes |= _written(journey, at)
            changes["sent"] = {**journey.sent, live.piece: at}
            changes["failures"] = 0
            if body.outcome == "in_doubt":
                changes["doubtful"] = (*journey.doubtful, live)
            else:
                changes["permission"] = may.left_us(journey.permission, live.number, at)
        case "failed":
            changes["failed"] = (*journey.failed, live.piece)
            changes["failures"] = journey.failures + 1
            changes["pause_until"] = at + PAUSE_AFTER_EXPIRY
        case "suppressed":  # the list said no; asking it again every hour would not help
            changes["permission"] = journey.permission._replace(
                silence=journey.permission.silence or may.SUPPRESSED
            )
        case _:  # cancelled, expired: it may be chosen again
            changes["pause_until"] = at + PAUSE_AFTER_EXPIRY
    return changes


def _written(journey: Journey, at: datetime) -> _Changes:
    """Somebody of us wrote to them: gaps, caps and waits count from there. News of it may come late."""
    in_order = sorted((*journey.sent_at, at))[-REMEMBERED_SENDS:]
    return {"sent_at": tuple(in_order), "last_touch": max(at, journey.last_touch or at)}


def _contacted(journey: Journey, at: datetime, n: int, body: f.Contacted) -> _Changes:
    changes = _written(journey, at)
    return {**changes, "live": journey.live._replace(crossed=True)} if journey.live else changes


def _doubt_resolved(journey: Journey, body: f.TouchEnded) -> _Changes:
    """in_doubt counted as sent; if it turns out to have failed, the piece is out, but counted still."""
    touch, others = _doubtful(journey, body.touch)
    if touch is None:
        return {}
    changes: _Changes = {"doubtful": others}
    if body.outcome == "failed":
        changes["failed"] = (*journey.failed, touch.piece)
    return changes


def _resent(journey: Journey, at: datetime, n: int, body: f.Resent) -> _Changes:
    """On its way again: nothing else may leave meanwhile. That it may have been sent once still counts."""
    touch, others = _doubtful(journey, body.touch)
    if touch is None or journey.live is not None:
        return {}
    return {"doubtful": others, "live": touch._replace(again=True)}


def _doubtful(journey: Journey, number: int) -> tuple[Touch | None, tuple[Touch, ...]]:
    """The touch in doubt of that number, if there is one, and the others."""
    others = tuple(touch for touch in journey.doubtful if touch.number != number)
    return next((touch for touch in journey.doubtful if touch.number == number), None), others


def _bounced(journey: Journey, at: datetime, n: int, body: f.Bounced) -> _Changes:
    """Only the address's own fault counts: a block, a refused text or an unknown one silences nobody."""
    if body.kind == "hard":
        return _silenced(journey, may.BOUNCED)
    if body.kind != "soft":
        return {}
    engaged = last_engaged(journey.evidence)
    return {"permission": may.bounced_softly(journey.permission, body.touch, at, n, engaged)}


def _silenced(journey: Journey, why: str) -> _Changes:
    changes: _Changes = {"permission": journey.permission._replace(silence=why)}
    if journey.lifecycle == PROMOTED:
        changes["shaken"] = why
    return changes


def _unsubscribed(journey: Journey, at: datetime, n: int, body: f.Unsubscribed) -> _Changes:
    changes = {} if body.scope != "all" else _silenced(journey, "unsubscribed")
    return {**changes, "permission": may.unsubscribed(journey.permission, body)}


def _preferred(journey: Journey, at: datetime, n: int, body: f.Preferred) -> _Changes:
    permission = may.paused(journey.permission, n, body.paused_until)
    asked = replace(body, gap=min(max(body.gap, 0), LONGEST_GAP))
    return {"preferred": asked if asked.without or asked.gap else None, "permission": permission}


def _held(journey: Journey, at: datetime, n: int, body: f.Held) -> _Changes:
    return {"permission": journey.permission._replace(held=True, held_until=body.until)}


def _released(journey: Journey, at: datetime, n: int, body: f.Released) -> _Changes:
    return {"permission": may.released(journey.permission), "failures": 0}


def _answered(journey: Journey, at: datetime, n: int, body: f.Answered) -> _Changes:
    targets = ANSWERS.get(body.answer, {})
    if journey.lifecycle not in targets or body.handoff != journey.handoff:
        return {}  # noted: out of order, or about a handoff that was taken back
    changes: _Changes = {"lifecycle": targets[journey.lifecycle], "shaken": "", "declined": None}
    if body.answer in ("rejected", "recycled"):
        changes["came_back"] = at
        if body.stage is not None:
            changes["stage"] = body.stage
            changes["stage_since"] = at
    if body.answer == "recycled":
        changes["rest_until"] = body.rest_until
        changes["rest_fixed"] = body.rest_until is not None
        changes["resting_since"] = at
    if body.answer == "rejected" and body.closes:
        changes["lifecycle"] = CLOSED
    elif body.answer == "rejected" and body.rest_until is not None:
        changes["lifecycle"] = RESTING
        changes["rest_until"] = body.rest_until
        changes["rest_fixed"] = True
        changes["resting_since"] = at
    if body.answer == "rejected" and journey.declined is not None:  # sales was faster than the withdrawal
        changes |= refused(journey._replace(**changes), journey.declined.until, at)
    return changes


def _retracted(journey: Journey, at: datetime, n: int, body: f.Retracted) -> _Changes:
    changes: _Changes = {}
    if journey.permission.quiet or journey.permission.soft:
        changes["permission"] = may.retracted(journey.permission, body.fact)
    if journey.lifecycle == PROMOTED and body.fact in journey.rested_on:
        changes["shaken"] = journey.shaken or "retracted"
    if journey.live is not None:
        changes["live"] = journey.live._replace(questioned=True)
    return changes


def _erased(journey: Journey, at: datetime, n: int, body: f.Erased) -> _Changes:
    return {"lifecycle": GONE, "live": None, "evidence": Evidence(), "enrolled": {}}


def _enrolled(journey: Journey, at: datetime, n: int, body: f.Enrolled) -> _Changes:
    return {
        "enrolled": {**journey.enrolled, body.sequence: at},
        "follow": "",
        "rest_until": None,
        "rest_fixed": False,
        "resting_since": None,
        "declined": None,
    }


def _chosen(journey: Journey, at: datetime, n: int, body: f.Chosen) -> _Changes:
    return {
        "live": Touch(body.number, body.piece, body.sequence, at),
        "occurrences": {**journey.occurrences, body.piece: body.occurrence},
        "pause_until": None,
    }


def _cancelled(journey: Journey, at: datetime, n: int, body: f.Cancelled) -> _Changes:
    return {"live": journey.live._replace(cancelled=True) if journey.live else None}


def _moved(journey: Journey, at: datetime, n: int, body: f.Moved) -> _Changes:
    return {"stage": body.stage, "stage_since": at}


def _promoted(journey: Journey, at: datetime, n: int, body: f.Promoted) -> _Changes:
    changes: _Changes = {
        "promoted_at": at,
        "handoff": body.number,
        "lane": body.lane,
        "rested_on": body.rested_on,
        "shaken": "",
        "rest_until": None,
        "resting_since": None,
        "declined": None,
    }
    if body.lane == "hand_raise":
        changes["spent"] = max((journey.spent, *body.rested_on))
    return changes


def _came_back(journey: Journey, at: datetime, n: int, body: f.Withdrawn | f.Recalled) -> _Changes:
    changes: _Changes = {"came_back": at, "shaken": ""}
    if journey.declined is not None:
        changes |= refused(journey._replace(lifecycle=NURTURING), journey.declined.until, at)
    return changes


def _left(journey: Journey, at: datetime, n: int, body: f.Left) -> _Changes:
    enrolled = {name: since for name, since in journey.enrolled.items() if name != body.sequence}
    gone = (body.sequence,) if body.sequence else tuple(journey.enrolled)
    left = {**journey.left, **dict.fromkeys(gone, at)}
    changes: _Changes = {"enrolled": enrolled, "left": left, "declined": None}
    if body.then not in (RESTING, CLOSED):
        return {**changes, "follow": body.then}
    if enrolled and body.sequence:
        return changes
    if body.then == CLOSED:
        return {**changes, "lifecycle": CLOSED, "enrolled": {}}
    return {
        **changes,
        "lifecycle": RESTING,
        "rest_until": body.rest_until,
        "rest_fixed": False,
        "resting_since": at,
    }


_RECORD: Mapping[type, Callable[[Journey, datetime, int, Any], _Changes]] = {
    f.Entered: _entered,
    f.TouchEnded: _touch_ended,
    f.Resent: _resent,
    f.Bounced: _bounced,
    f.Away: lambda journey, at, n, body: {"permission": may.away(journey.permission, at, n, body.until)},
    f.Replied: lambda journey, at, n, body: {"permission": may.replied(journey.permission, at, n)},
    f.Contacted: _contacted,
    f.Complained: lambda journey, at, n, body: _silenced(journey, "complained"),
    f.Unsubscribed: _unsubscribed,
    f.Consented: lambda journey, at, n, body: {"permission": may.consented(journey.permission, at, body)},
    f.Preferred: _preferred,
    f.Declined: lambda journey, at, n, body: declined(journey, at, body),
    f.Reconsidered: lambda journey, at, n, body: reconsidered(journey),
    f.Held: _held,
    f.Released: _released,
    f.Answered: _answered,
    f.Retracted: _retracted,
    f.Erased: _erased,
    f.Enrolled: _enrolled,
    f.Chosen: _chosen,
    f.Cancelled: _cancelled,
    f.Moved: _moved,
    f.Promoted: _promoted,
    f.Withdrawn: _came_back,
    f.Recalled: _came_back,
    f.Left: _left,
}

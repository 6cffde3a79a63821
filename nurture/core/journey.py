"""The journey: what happened to one prospect, folded from facts in order of n. It knows no programme.

Lifecycle is where somebody stands between us and sales; `LEGAL` says which decided fact may be written
in which state and where it leads, `ANSWERS` what sales' answers do, and everything else that is observed
is noted. The picture in `docs/lifecycle.md` is generated from these two tables.

Permission is not lifecycle: somebody who unsubscribed may still ask for a demo and reach sales.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from nurture.core import facts as f
from nurture.core.evidence import Evidence

FOLD = 5
"""The version of both folds and of the snapshot's shape. Any change of a field or rule raises it."""

NEW = "new"
"""Nobody has written to this prospect yet, and no sequence has taken it in."""
NURTURING = "nurturing"
"""In at least one sequence: the engine speaks when there is something worth saying."""
RESTING = "resting"
"""Left alone until a moment, or until they come back by themselves."""
PROMOTED = "promoted"
"""With sales, who have not answered yet. Nurture is silent; the clock of the agreement runs."""
ACCEPTED = "accepted"
"""Sales owns it."""
OPPORTUNITY = "opportunity"
"""Sales sees a deal."""
WON = "won"
"""A customer."""
LOST = "lost"
"""The deal was lost; sales may recycle."""
CLOSED = "closed"
"""Not for us, or nothing left to say. Only asking for sales outright reopens it."""
GONE = "gone"
"""Erased."""

STATES = (NEW, NURTURING, RESTING, PROMOTED, ACCEPTED, OPPORTUNITY, WON, LOST, CLOSED, GONE)
OPEN = (NEW, NURTURING, RESTING)
"""States in which the engine looks for leads and may write."""

THEN = "as it says"
"""Where a Left leads is said by the fact itself."""

LEGAL: Mapping[type, Mapping[str, str]] = {
    f.Enrolled: {NEW: NURTURING, RESTING: NURTURING, NURTURING: NURTURING},
    f.Chosen: {NURTURING: NURTURING},
    f.Cancelled: {state: state for state in STATES if state != GONE},
    f.Moved: {NEW: NEW, NURTURING: NURTURING, RESTING: RESTING},
    f.Promoted: {NEW: PROMOTED, NURTURING: PROMOTED, RESTING: PROMOTED, CLOSED: PROMOTED},
    f.Withdrawn: {PROMOTED: NURTURING},
    f.Recalled: {PROMOTED: NURTURING},
    f.Left: {NEW: THEN, NURTURING: THEN, RESTING: THEN},
}
"""Decided fact -> state -> state. What is not here is a bug, and nothing changes."""

ANSWERS: Mapping[str, Mapping[str, str]] = {
    "accepted": {PROMOTED: ACCEPTED},
    "rejected": {PROMOTED: NURTURING},  # or closed, where the agreement says that the reason closes
    "recycled": {ACCEPTED: RESTING, OPPORTUNITY: RESTING, LOST: RESTING},
    "opportunity": {ACCEPTED: OPPORTUNITY},
    "won": {ACCEPTED: WON, OPPORTUNITY: WON},
    "lost": {ACCEPTED: LOST, OPPORTUNITY: LOST},
}
"""Sales' answer -> state -> state. Elsewhere an answer is noted and changes no state."""

REMEMBERED_SENDS = 12
"""How many times of sending are kept: the most a cap may count."""

FAILURES_BEFORE_QUARANTINE = 3
SUPPRESSED = "suppressed"
"""Silence that a list of ours imposed; it ends with Released when the name is taken off the list."""
PAUSE_AFTER_EXPIRY = timedelta(hours=1)


class IllegalFact(Exception):
    """A decided fact that the state does not allow: a bug, found before anything was written."""


class Touch(NamedTuple):
    """The message on its way."""

    number: int
    piece: str
    sequence: str
    chosen: datetime
    cancelled: bool = False
    questioned: bool = False
    """A fact it may have been chosen on was retracted."""


class Permission(NamedTuple):
    """May we write? `basis` none: never. `silence`: why not, though a basis was given."""

    basis: str = "none"
    until: datetime | None = None
    silence: str = ""  # unsubscribed, complained, bounced
    held: bool = False
    held_until: datetime | None = None


class Journey(NamedTuple):
    """All that decide asks about one prospect, with the evidence."""

    prospect: int
    n: int = 0
    lifecycle: str = NEW
    permission: Permission = Permission()
    stage: str = ""
    stage_since: datetime | None = None
    entered_at: datetime | None = None
    enrolled: Mapping[str, datetime] = {}
    left: Mapping[str, datetime] = {}
    follow: str = ""  # the sequence to take up next
    rest_until: datetime | None = None
    rest_fixed: bool = False  # sales set the date: no engagement ends it earlier
    resting_since: datetime | None = None
    promoted_at: datetime | None = None
    handoff: int = 0
    lane: str = ""
    rested_on: tuple[int, ...] = ()
    spent: int = 0  # hand-raises up to this fact number caused a promotion already
    shaken: str = ""  # why the promotion may no longer stand
    came_back: datetime | None = None
    live: Touch | None = None
    sent: Mapping[str, datetime] = {}
    sent_at: tuple[datetime, ...] = ()
    last_touch: datetime | None = None
    occurrences: Mapping[str, int] = {}
    failed: tuple[str, ...] = ()
    failures: int = 0
    pause_until: datetime | None = None
    doubtful: tuple[Touch, ...] = ()
    decisions: int = 0
    evidence: Evidence = Evidence()


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


def quarantined(journey: Journey) -> bool:
    """Three failures in a row: something is wrong with this prospect, a person must look."""
    return journey.failures >= FAILURES_BEFORE_QUARANTINE


_Changes = dict[str, Any]


def _entered(journey: Journey, at: datetime, n: int, body: f.Entered) -> _Changes:
    changes: _Changes = {}
    if journey.entered_at is None:
        changes = {"entered_at": at, "stage_since": at}
    if journey.permission.basis == "none" and body.basis != "none":
        changes["permission"] = journey.permission._replace(basis=body.basis)
    return changes


def _touch_ended(journey: Journey, at: datetime, n: int, body: f.TouchEnded) -> _Changes:
    live = journey.live
    if live is None or live.number != body.touch:
        return _doubt_resolved(journey, body)
    changes: _Changes = {"live": None}
    match body.outcome:
        case "sent" | "in_doubt":
            changes["sent"] = {**journey.sent, live.piece: at}
            changes["sent_at"] = (*journey.sent_at, at)[-REMEMBERED_SENDS:]
            changes["last_touch"] = at
            changes["failures"] = 0
            if body.outcome == "in_doubt":
                changes["doubtful"] = (*journey.doubtful, live)
        case "failed":
            changes["failed"] = (*journey.failed, live.piece)
            changes["failures"] = journey.failures + 1
            changes["pause_until"] = at + PAUSE_AFTER_EXPIRY
        case "suppressed":  # the list said no; asking it again every hour would not help
            changes["permission"] = journey.permission._replace(
                silence=journey.permission.silence or SUPPRESSED
            )
        case _:  # cancelled, expired: it may be chosen again
            changes["pause_until"] = at + PAUSE_AFTER_EXPIRY
    return changes


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
    return {} if touch is None or journey.live is not None else {"doubtful": others, "live": touch}


def _doubtful(journey: Journey, number: int) -> tuple[Touch | None, tuple[Touch, ...]]:
    """The touch in doubt of that number, if there is one, and the others."""
    others = tuple(touch for touch in journey.doubtful if touch.number != number)
    return next((touch for touch in journey.doubtful if touch.number == number), None), others


def _bounced(journey: Journey, at: datetime, n: int, body: f.Bounced) -> _Changes:
    if body.kind != "hard":
        return {}
    return _silenced(journey, "bounced")


def _silenced(journey: Journey, why: str) -> _Changes:
    changes: _Changes = {"permission": journey.permission._replace(silence=why)}
    if journey.lifecycle == PROMOTED:
        changes["shaken"] = why
    return changes


def _consented(journey: Journey, at: datetime, n: int, body: f.Consented) -> _Changes:
    permission = journey.permission
    return {"permission": permission._replace(basis=body.basis, until=body.until, silence="")}


def _held(journey: Journey, at: datetime, n: int, body: f.Held) -> _Changes:
    return {"permission": journey.permission._replace(held=True, held_until=body.until)}


def _released(journey: Journey, at: datetime, n: int, body: f.Released) -> _Changes:
    silence = "" if journey.permission.silence == SUPPRESSED else journey.permission.silence
    permission = journey.permission._replace(held=False, held_until=None, silence=silence)
    return {"permission": permission, "failures": 0}


def _answered(journey: Journey, at: datetime, n: int, body: f.Answered) -> _Changes:
    targets = ANSWERS.get(body.answer, {})
    if journey.lifecycle not in targets or body.handoff != journey.handoff:
        return {}  # noted: out of order, or about a handoff that was taken back
    changes: _Changes = {"lifecycle": targets[journey.lifecycle], "shaken": ""}
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
    return changes


def _retracted(journey: Journey, at: datetime, n: int, body: f.Retracted) -> _Changes:
    changes: _Changes = {}
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
    }
    if body.lane == "hand_raise":
        changes["spent"] = max((journey.spent, *body.rested_on))
    return changes


def _came_back(journey: Journey, at: datetime, n: int, body: f.Withdrawn | f.Recalled) -> _Changes:
    return {"came_back": at, "shaken": ""}


def _left(journey: Journey, at: datetime, n: int, body: f.Left) -> _Changes:
    enrolled = {name: since for name, since in journey.enrolled.items() if name != body.sequence}
    gone = (body.sequence,) if body.sequence else tuple(journey.enrolled)
    changes: _Changes = {"enrolled": enrolled, "left": {**journey.left, **dict.fromkeys(gone, at)}}
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
    f.Complained: lambda journey, at, n, body: _silenced(journey, "complained"),
    f.Unsubscribed: lambda journey, at, n, body: _silenced(journey, "unsubscribed"),
    f.Consented: _consented,
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

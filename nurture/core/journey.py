"""The journey: all that is known of one prospect, and the tables of where facts may lead.

Lifecycle is where somebody stands between us and sales; `LEGAL` says which decided fact may be written
in which state and where it leads, `ANSWERS` what sales' answers do, `DECLINES` what the person's own word
does, and everything else that is observed is noted. The picture in `docs/lifecycle.md` is generated from
these tables.

Permission is not lifecycle: somebody who unsubscribed may still ask for a demo and reach sales.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from nurture.core import facts as f
from nurture.core.evidence import Evidence
from nurture.core.permission import Permission

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

DECLINES: Mapping[str, Mapping[str, str]] = {
    "not for us": {NEW: CLOSED, NURTURING: CLOSED, RESTING: CLOSED},
    "not before": {NEW: RESTING, NURTURING: RESTING, RESTING: RESTING},
}
"""The person's word, without and with a date -> state -> state. `Reconsidered` goes the same way back. Who is
promoted is withdrawn first, and then so; elsewhere it is noted."""

REMEMBERED_SENDS = 12
"""How many times of sending are kept: the most a cap may count."""

FAILURES_BEFORE_QUARANTINE = 3


class Touch(NamedTuple):
    """The message on its way."""

    number: int
    piece: str
    sequence: str
    chosen: datetime
    cancelled: bool = False
    questioned: bool = False
    """A fact it may have been chosen on was retracted."""
    crossed: bool = False
    """A colleague has written to them, as we heard while it was on its way."""
    again: bool = False
    """On its way a second time: its first sending is counted, and does not stand in its way."""


class Refusal(NamedTuple):
    """The person said that this is not for them (`until` none), or not yet; and where they stood before."""

    until: datetime | None
    state: str
    rest_until: datetime | None = None
    rest_fixed: bool = False
    resting_since: datetime | None = None
    enrolled: Mapping[str, datetime] = {}


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
    preferred: f.Preferred | None = None  # what they ask of our mail
    declined: Refusal | None = None  # while it stands
    decisions: int = 0
    evidence: Evidence = Evidence()


def quarantined(journey: Journey) -> bool:
    """Three failures in a row: something is wrong with this prospect, a person must look."""
    return journey.failures >= FAILURES_BEFORE_QUARANTINE

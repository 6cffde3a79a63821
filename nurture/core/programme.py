"""The programme: what marketing and sales wrote, as one value.

Its *text* (sequences, pieces, agreement, stages, signals) is what `apply` compares and facts name by
hash. Its *readings* (public holidays of the coming months) are published under a serial number and
change no one's record. Pure data; every module of the core asks it, none changes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import urlsplit

from nurture.core.answers import Reason
from nurture.core.conditions import Condition
from nurture.core.evidence import Measure

SOURCE_KINDS = ("referral", "intent", "content", "outbound", "partner", "unknown")
BUILT_IN = ("source", "source_kind", "campaign")
"""Attributes every prospect has without being declared."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A declared attribute. Personal ones fill templates and never stand in conditions or facts."""

    name: str
    type: str  # text, number, flag, date, choice, list, zone, country
    personal: bool = False
    values: tuple[str, ...] = ()
    ask: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A form on our pages: its fields fill attributes; a new prospect gets its source and kind."""

    name: str
    source: str
    kind: str
    fields: Mapping[str, str]
    consent: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """One name, one matcher: what kind of fact it reads, and what its text must be.

    kinds: page (path of a page view), click (url of a click), event, form, consumed (a piece's stage or
    id), reply. `equals`, `starts_with` both None: any.
    """

    name: str
    kind: str
    equals: str | None = None
    starts_with: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the agreement's intent: points that fade, or (negative) points for a fixed time."""

    signal: str
    points: float
    measure: Measure
    lasts: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Stages:
    """The order, and how evidence opens and closes a stage."""

    order: tuple[str, ...]
    measure: Measure
    enter: float
    exit: float
    dwell: timedelta
    consumed: float
    evidence: Mapping[str, Mapping[str, float]]  # signal -> stage -> weight
    prior: Mapping[str, str]  # source, or kind of source, -> stage


@dataclass(frozen=True, slots=True)
class Topics:
    """What somebody cares about: from what they read, which signals they gave, where they came from."""

    measure: Measure
    signals: Mapping[str, tuple[str, ...]]
    sources: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Calendar:
    """When we may write: weekdays (Monday is 0), hours in a zone (`prospect`: theirs), holidays.

    `spread` moves each prospect's opening by a fixed share of that time, so nine o'clock is no spike.
    """

    weekdays: frozenset[int]
    opens: time
    closes: time
    zone: str
    countries: frozenset[str] = frozenset()
    days_off: frozenset[date] = frozenset()
    spread: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many messages per rolling time."""

    most: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class Pace:
    """How often we write to one person; a sequence may only be slower."""

    gap: timedelta
    caps: tuple[Cap, ...]
    cool_down: timedelta
    expires_after: timedelta = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Piece:
    """A unit of content: one file. Its folder is its stage, its file's stem its id."""

    id: str
    stage: str
    title: str
    topics: tuple[str, ...] = ()
    answers: str = ""  # the objection it answers
    asks: str = ""  # the commitment it asks for
    url: str = ""  # a click to it or a page view there is consumption; a path or a whole url
    needs: tuple[str, ...] = ()
    when: Condition | None = None
    publish_on: date | None = None
    expires_on: date | None = None
    uses: tuple[str, ...] = ()  # attributes its text cannot do without
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """What happens when nothing is left to say for `wait`: then rest (`rest_for`), close, or a sequence."""

    wait: timedelta
    then: str  # rest, close, or a sequence's id
    rest_for: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Sequence:
    """An authored plan: whom for, what we have to say, and what comes when it is all said."""

    id: str
    priority: int
    audience: Condition
    say: tuple[str, ...]  # piece ids in the author's order, topics already resolved
    ending: Ending
    again: timedelta | None = None  # None: never
    leave_when: Condition | None = None
    calendar: Calendar | None = None
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class Criterion:
    """A line of fit: so much weight if the condition holds."""

    name: str
    weight: float
    when: Condition


@dataclass(frozen=True, slots=True)
class HandRaise:
    """A signal that asks for sales outright."""

    signal: str
    at_least: str
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Return:
    """What sales' reason means: close, or go back to nurture, perhaps at a stage and after a rest."""

    then: str  # close, nurture
    stage: str | None = None
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """What sales promised: to answer within so many business days, after which the lead is recalled."""

    hours: Calendar
    answer: timedelta  # of business time
    recall: timedelta


@dataclass(frozen=True)
class Agreement:
    """What marketing and sales signed: who is a lead, and what happens to one."""

    version: int
    agreed_on: date
    marketing: str
    sales: str
    review_by: date
    grades: Mapping[str, float]
    criteria: tuple[Criterion, ...]
    intent: tuple[Line, ...]
    timing: Mapping[str, Condition]
    hand_raise: tuple[HandRaise, ...]
    promote: Mapping[str, float]
    fresh_points: float
    disqualify: Mapping[str, Condition]
    rejected: Mapping[str, Return]
    recycled: Mapping[str, Return]
    clock: Clock

    @cached_property
    def lines(self) -> Mapping[str, Line]:
        """Intent lines by signal."""
        return {line.signal: line for line in self.intent}

    @cached_property
    def disqualifiers(self) -> tuple[tuple[Condition, Reason, Reason], ...]:
        """Each rule that disqualifies, and what is said where it holds and where it does not."""
        return tuple(
            (condition, Reason("disqualified", {"rule": rule}), Reason("not disqualified", {"rule": rule}))
            for rule, condition in self.disqualify.items()
        )


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes: law and large receivers ask for every field of this."""

    name: str
    address: str
    company: str
    postal: str
    reply_to: str = ""

    @property
    def domain(self) -> str:
        """The domain that the sender writes from, and that our Message-IDs name."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Site:
    """Our website: `url` completes relative links, `hosts` are the hosts that are ours."""

    url: str
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Weights:
    """What folding evidence reads. Two programmes of equal weights fold every history alike."""

    signals: tuple[Signal, ...]
    lines: Mapping[str, Line]
    stages: Stages
    topics: Topics
    about: Mapping[str, tuple[str, tuple[str, ...]]]  # piece -> its stage and topics
    urls: Mapping[str, str]  # path of ours, or whole url -> piece
    hosts: tuple[str, ...]  # ours

    @cached_property
    def mark(self) -> str:
        """The hash a snapshot carries."""
        parts = (
            self.signals,
            sorted(self.lines.items()),
            self.stages,
            self.topics,
            sorted(self.about.items()),
        )
        return sha256(repr((parts, sorted(self.urls.items()))).encode()).hexdigest()[:16]


class Shelf(NamedTuple):
    """What a sequence has to say, seen from one stage, in the author's order."""

    here: tuple[tuple[int, Piece], ...]
    """The pieces of the stage, each with its place."""
    lines: tuple[tuple[str, Reason] | None, ...]
    """Why each piece of another stage is passed over; None at the places of those that are here."""


@dataclass(frozen=True)
class Programme:
    """Everything `decide` asks, but the prospect and the time."""

    hash: str
    sender: Sender
    site: Site
    sales: tuple[str, ...]  # addresses that receive handoffs
    attributes: Mapping[str, Attribute]
    forms: Mapping[str, Form]
    signals: tuple[Signal, ...]
    stages: Stages
    topics: Topics
    pace: Pace
    calendar: Calendar
    zone: str  # where a prospect's zone is not known
    pieces: Mapping[str, Piece]  # in the order of their files
    sequences: tuple[Sequence, ...]  # by priority, the highest first
    agreement: Agreement
    holidays: Mapping[str, frozenset[date]] = field(default_factory=dict)  # readings, by country
    serial: int = 0  # of the readings

    @cached_property
    def weights(self) -> Weights:
        """What folding reads of this programme."""
        return Weights(
            signals=self.signals,
            lines=self.agreement.lines,
            stages=self.stages,
            topics=self.topics,
            about={piece.id: (piece.stage, piece.topics) for piece in self.pieces.values()},
            urls={piece.url.rstrip("/"): piece.id for piece in self.pieces.values() if piece.url},
            hosts=tuple(host.lower() for host in (*self.site.hosts, urlsplit(self.site.url).netloc)),
        )

    @cached_property
    def _shelves(self) -> Mapping[tuple[str, str], Shelf]:
        return {
            (sequence.id, stage): self._shelf(sequence, stage)
            for sequence in self.sequences
            for stage in self.stages.order
        }

    def shelf(self, sequence: Sequence, stage: str) -> Shelf:
        """The pieces of a sequence in the author's order, seen from a stage."""
        known = self._shelves.get((sequence.id, stage))
        return known if known is not None else self._shelf(sequence, stage)

    def _shelf(self, sequence: Sequence, stage: str) -> Shelf:
        pieces = [self.pieces[name] for name in sequence.say]
        return Shelf(
            tuple((place, piece) for place, piece in enumerate(pieces) if piece.stage == stage),
            tuple(None if piece.stage == stage else _elsewhere(piece) for piece in pieces),
        )

    def sequence(self, name: str) -> Sequence | None:
        """The sequence of that id."""
        return next((sequence for sequence in self.sequences if sequence.id == name), None)


def _elsewhere(piece: Piece) -> tuple[str, Reason]:
    return piece.id, Reason("other stage", {"stage": piece.stage})

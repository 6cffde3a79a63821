"""agreement.yaml: what marketing and sales signed. Who is a lead, and what becomes of one."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from math import inf
from typing import Annotated, Any, Literal, TypeGuard

from pydantic import BeforeValidator, Field, WithJsonSchema

from nurture.authoring import words
from nurture.authoring.conditions import read_condition
from nurture.authoring.names import Names, refer
from nurture.authoring.problems import Unreadable, nearest, shown
from nurture.authoring.shapes import (
    BusinessTime,
    CalendarShape,
    ConditionShape,
    FixedDay,
    Grade,
    Id,
    Points,
    Positive,
    Shape,
    SomeTime,
    Text,
    Zone,
)
from nurture.authoring.source import Path, Source
from nurture.authoring.words import Span
from nurture.core.evidence import Measure
from nurture.core.programme import Agreement, Clock, Criterion, HandRaise, Line, Return

FILE = "agreement.yaml"
LONGEST_UNREVIEWED = timedelta(days=100)
"""Points and thresholds drift away from what sales sees; both sides look again within a quarter."""

Percent = Annotated[float, Field(ge=0, le=100)]


class SignaturesShape(Shape):
    """Who signed, when, and when both look at it again."""

    on: FixedDay = Field(description="The day it was signed")
    marketing: Text = Field(description="Who signed for marketing")
    sales: Text = Field(description="Who signed for sales")
    review_by: FixedDay = Field(description="At most 100 days later")


class CriterionShape(Shape):
    """A line of fit."""

    weight: Positive = Field(description="Its share of all weights")
    when: ConditionShape


class FitShape(Shape):
    """Who they are."""

    grades: dict[Literal["A", "B", "C"], Percent] = Field(
        min_length=1, description="Grade to percent of all weights, its low end; below the lowest is D"
    )
    criteria: dict[Id, CriterionShape] = Field(min_length=1, description="What is asked of them, by name")


class LineShape(Shape):
    """A line of intent: points that fade by half in each half_life, or negative ones that last a time."""

    points: Points = Field(description="What one counts; below 0 it is a penalty")
    half_life: SomeTime | None = Field(default=None, description="Time in which the points halve")
    cap: Positive | None = Field(default=None, description="The most that this signal can add")
    once_per: SomeTime | None = Field(default=None, description="Counts at most once in this time")
    lasts: SomeTime | None = Field(default=None, description="For negative points; a repeat restarts it")

    def build(self, signal: str) -> Line:
        """The core's line."""
        half_life = self.half_life or self.lasts or timedelta(days=1)
        measure = Measure(half_life, inf if self.cap is None else self.cap, self.once_per)
        return Line(signal, self.points, measure, self.lasts)


class HandRaiseShape(Shape):
    """A signal that asks for sales outright."""

    at_least: Grade = Field(description="The lowest grade that goes to sales")
    lasts: SomeTime = Field(description="How long it stands")


class FreshShape(Shape):
    """After sales gave somebody back."""

    fresh_points: Annotated[float, Field(ge=0, le=10_000)] = Field(
        default=20, description="Points by later facts before a score promotes again"
    )


def _then(value: object) -> object:
    return {"then": value} if isinstance(value, str) else value


class RejectionShape(Shape):
    """What a reason for rejecting means."""

    then: Literal["close", "nurture"] = Field(description="Close for good, or go back to nurture")
    stage: Text | None = Field(default=None, description="The stage it comes back to; the same if not said")
    after: SomeTime | None = Field(default=None, description="How long to rest first")

    def build(self) -> Return:
        """The core's return."""
        return Return(self.then, self.stage, self.after)


class RecycleShape(Shape):
    """What a reason for giving back after a conversation means: a stage, after a rest."""

    stage: Text | None = Field(default=None, description="The stage it comes back to; the same if not said")
    after: SomeTime = Field(description="How long to rest first")

    def build(self) -> Return:
        """The core's return."""
        return Return("nurture", self.stage, self.after)


Rejection = Annotated[
    RejectionShape,
    BeforeValidator(_then),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["close", "nurture"]},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["then"],
                    "properties": {
                        "then": {"enum": ["close", "nurture"], "description": "Alone: one word"},
                        "stage": {"type": "string", "description": "The stage it comes back to"},
                        "after": {
                            "type": "string",
                            "examples": ["30 days"],
                            "description": "How long to rest first",
                        },
                    },
                },
            ]
        }
    ),
]


class AnswersShape(Shape):
    """What sales' reasons mean."""

    rejected: dict[Id, Rejection] = Field(min_length=1, description="Before anyone spoke to them")
    recycled: dict[Id, RecycleShape] = Field(min_length=1, description="After a conversation")


class ClockShape(CalendarShape):
    """What sales promised, in business time."""

    zone: Zone = Field(description="Sales' time zone")
    answer: BusinessTime = Field(description="Sales has answered within this")
    recall: BusinessTime = Field(description="After this the lead goes back to nurture")

    def build_clock(self) -> Clock:
        """The core's clock."""
        return Clock(self.build(), self._of(self.answer), self._of(self.recall))

    def _of(self, promised: Span) -> timedelta:
        opens, closes = (datetime.combine(date.min, at) for at in self.hours)
        return promised.of(closes - opens)


class AgreementShape(Shape):
    """agreement.yaml: who is a lead and what happens to one. Marketing and sales sign it."""

    version: int = Field(ge=1, description="Grows by one with every change")
    agreed: SignaturesShape
    fit: FitShape
    intent: dict[Text, LineShape] = Field(min_length=1, description="Signal to points")
    timing: dict[Id, ConditionShape] = Field(
        min_length=1, description="One must hold before a score promotes"
    )
    hand_raise: dict[Text, HandRaiseShape] = Field(
        default={}, description="Signal that asks for sales outright"
    )
    promote: dict[Grade, Positive] = Field(
        min_length=1, description="Grade to the points it needs; a grade not named never goes by score"
    )
    after_sales_returns: FreshShape = Field(default_factory=FreshShape)
    disqualify: dict[Id, ConditionShape] = Field(default={}, description="Who can never be a lead")
    answers: AnswersShape
    clock: ClockShape


def build_agreement(source: Source, shape: AgreementShape, names: Names) -> Agreement:
    """The core's agreement."""
    return Agreement(
        version=shape.version,
        agreed_on=shape.agreed.on,
        marketing=shape.agreed.marketing,
        sales=shape.agreed.sales,
        review_by=shape.agreed.review_by,
        grades={grade: float(floor) for grade, floor in shape.fit.grades.items()},
        criteria=tuple(
            Criterion(name, one.weight, read_condition(source, ("fit", "criteria", name, "when"), names))
            for name, one in shape.fit.criteria.items()
        ),
        intent=tuple(line.build(signal) for signal, line in shape.intent.items()),
        timing={name: read_condition(source, ("timing", name), names) for name in shape.timing},
        hand_raise=tuple(
            HandRaise(signal, one.at_least, one.lasts) for signal, one in shape.hand_raise.items()
        ),
        promote={grade: float(needed) for grade, needed in shape.promote.items()},
        fresh_points=shape.after_sales_returns.fresh_points,
        disqualify={name: read_condition(source, ("disqualify", name), names) for name in shape.disqualify},
        rejected={reason: one.build() for reason, one in shape.answers.rejected.items()},
        recycled={reason: one.build() for reason, one in shape.answers.recycled.items()},
        clock=shape.clock.build_clock(),
    )


def check_agreement(source: Source, names: Names, programme: Source, today: date) -> None:
    """What must fit together: dates, grades, signals, caps and thresholds, conditions, stages."""
    _check_review(source, today)
    _check_grades(source)
    for path, signal, line in source.entries("intent"):
        refer(source, path, "signal", signal, names.signals, key=True)
        if isinstance(line, dict):
            _check_line(source, path, signal, line, programme)
    for path, signal, _ in source.entries("hand_raise"):
        refer(source, path, "signal", signal, names.signals, key=True)
    for path, _, _ in source.entries("fit", "criteria"):
        if isinstance(source.at(*path, "when"), dict):
            read_condition(source, (*path, "when"), names, about_fit=False)
    for section in ("timing", "disqualify"):
        for path, _, about in source.entries(section):
            if isinstance(about, dict):
                read_condition(source, path, names)
    for answer in ("rejected", "recycled"):
        for path, _, _ in source.entries("answers", answer):
            stage = source.at(*path, "stage")
            if isinstance(stage, str):
                refer(source, (*path, "stage"), "stage", stage, names.stages)
    _check_clock(source)


def _check_review(source: Source, today: date) -> None:
    try:
        agreed = words.fixed_day(source.at("agreed", "on"))
        review = words.fixed_day(source.at("agreed", "review_by"))
    except Unreadable:
        return
    place = ("agreed", "review_by")
    if review <= agreed:
        source.wrong(place, "the review is not after the signature", "choose a later day")
    elif review - agreed > LONGEST_UNREVIEWED:
        latest = agreed + LONGEST_UNREVIEWED
        source.wrong(
            place, f"more than {LONGEST_UNREVIEWED.days} days after it was signed", f"review by {latest}"
        )
    elif review < today:
        source.wrong(place, "the review is overdue", "look at it together and sign again", warning=True)


def _check_grades(source: Source) -> None:
    floors = [(grade, floor) for _, grade, floor in source.entries("fit", "grades") if _is_number(floor)]
    floors.sort()
    for (better, high), (worse, low) in pairwise(floors):
        if low >= high:
            what = f"{worse} begins at {low:g}, not below {better} at {high:g}"
            source.wrong(("fit", "grades", worse), what, "let the better grade need more")
    known = [grade for _, grade, _ in source.entries("fit", "grades")]
    for path, grade, _ in source.entries("promote"):
        if known and grade != "D" and grade in ("A", "B", "C") and grade not in known:
            source.wrong(path, f"fit.grades has no grade {grade}", nearest(grade, [*known, "D"]), key=True)


def _check_line(source: Source, path: Path, signal: str, line: dict[str, Any], programme: Source) -> None:
    points, cap = line.get("points"), line.get("cap")
    if not _is_number(points):
        return
    if points < 0:
        for name in ("half_life", "cap", "once_per"):
            if name in line:
                source.wrong(
                    (*path, name),
                    f"negative points have no {name}: they stand in full",
                    "remove it",
                    key=True,
                )
        if "lasts" not in line:
            source.wrong(path, "negative points do not say how long they last", "add lasts: 90 days")
        return
    if points == 0:
        source.wrong((*path, "points"), "no points", "remove the line; signals without points are still seen")
    if "lasts" in line:
        source.wrong((*path, "lasts"), "only negative points last and then end", "use half_life", key=True)
    if "half_life" not in line:
        source.wrong(path, "points that never fade", "add half_life: 14 days")
    if _is_number(cap) and cap < points:
        source.wrong(
            (*path, "cap"), f"the cap, {cap:g}, is below the points, {points:g}", f"at least {points:g}"
        )
    thresholds = [needed for _, _, needed in source.entries("promote") if _is_number(needed)]
    if thresholds and _is_passive(programme, signal) and (not _is_number(cap) or cap >= min(thresholds)):
        place = (*path, "cap") if "cap" in line else path
        what = f"{shown(signal)} alone could reach the {min(thresholds):g} points that promote"
        source.wrong(
            place, what, f"cap it below {min(thresholds):g}: clicking around is not a reason to call"
        )


def _is_passive(programme: Source, signal: str) -> bool:
    """A click, or a page view that says nothing about what they looked for."""
    about = programme.at("signals", signal)
    if not isinstance(about, dict):
        return False
    page = about.get("page")
    return "click" in about or page in ("any", {"starts_with": "/"})


def _check_clock(source: Source) -> None:
    try:
        answer, recall = (words.business(source.at("clock", name)) for name in ("answer", "recall"))
    except Unreadable:
        return
    day = timedelta(hours=8)
    if recall.of(day) < answer.of(day):
        source.wrong(
            ("clock", "recall"), "a lead would be recalled before sales must have answered", "make it longer"
        )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)

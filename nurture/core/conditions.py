"""Declarative conditions with three values: holds, does not hold, unknown (Kleene logic).

`ask` answers a condition about a prospect's evidence at a moment, with the moment up to which that
answer stands: a date that lies 30 days ahead, a click that will be 14 days old.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from nurture.core.answers import FOREVER, Answer, Reason, every, opposite, some, whole_second
from nurture.core.evidence import Evidence, Grain
from nurture.core.facts import Scalar

GRADES = ("D", "C", "B", "A")
"""From the worst to the best."""

_FIRST, _LAST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Dates beyond these stand for never and for ever (9999-12-31 in many exports): sums must not overflow."""


class Fit(NamedTuple):
    """How well somebody matches: percent of weights, grades at both ends, what to ask next, until when."""

    low: float
    high: float
    grade: str
    best: str
    ask: str | None
    until: datetime = FOREVER


@dataclass(frozen=True, slots=True)
class Day:
    """A day named from today: `Day(timedelta(days=-90))` is 90 days ago. A fixed day has `on`."""

    ahead: timedelta = timedelta()
    on: date | None = None

    def at(self, now: datetime) -> datetime:
        """The instant meant: midnight UTC of a fixed day, else now plus the distance."""
        if self.on is not None:
            return datetime(self.on.year, self.on.month, self.on.day, tzinfo=UTC)
        return now + self.ahead


@dataclass(frozen=True, slots=True)
class Where:
    """An attribute's value passes every test given; one unknown value makes the answer unknown.

    `one_of` compares as written; `at_least` and `at_most` compare numbers, both ends included; `after`
    and `before` compare dates, both ends excluded; `known` asks only whether there is a value.
    """

    attribute: str
    one_of: tuple[Scalar, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    after: Day | None = None
    before: Day | None = None
    starts_with: str | None = None
    has: str | None = None
    known: bool | None = None


@dataclass(frozen=True, slots=True)
class Did:
    """Any of these signals was seen, `times` times in all, within a rolling time (ever, if None)."""

    signals: tuple[str, ...]
    within: timedelta | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Gained:
    """So many points of intent were earned within a rolling time."""

    points: float
    within: timedelta


@dataclass(frozen=True, slots=True)
class Graded:
    """Fit is at least this grade."""

    at_least: str


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """One part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Condition"


Condition = Where | Did | Gained | Graded | All | Some | Not


def ask(condition: Condition, evidence: Evidence, now: datetime, fit: Fit | None = None) -> Answer:
    """Does it hold for this prospect, now? Only conditions on fit need `fit`."""
    return _ASK[type(condition)](condition, evidence, now, fit)


def holds(
    condition: Condition, evidence: Evidence, now: datetime, fit: Fit | None = None
) -> tuple[bool | None, datetime]:
    """The same answer without its reason, and until when it stands: most are never told."""
    if type(condition) is Where and condition.known is None:
        known = evidence.attributes.get(condition.attribute)
        if known is None or known.value is None:
            return None, FOREVER
        plain = _plain(condition, known.value)
        if plain is not True or (condition.after is None and condition.before is None):
            return plain, FOREVER
    answer = ask(condition, evidence, now, fit)
    return answer.holds, answer.until


def attributes(condition: Condition) -> Iterator[str]:
    """The attributes a condition asks about: what to ask the person if it is unknown."""
    match condition:
        case Where():
            yield condition.attribute
        case All() | Some():
            for part in condition.parts:
                yield from attributes(part)
        case Not():
            yield from attributes(condition.part)


def _where(test: Where, evidence: Evidence, now: datetime, fit: Fit | None) -> Answer:
    known = evidence.attributes.get(test.attribute)
    value = None if known is None else known.value
    if test.known is not None:
        there = value is not None
        code = "known" if there else "not known"
        return Answer(there is test.known, Reason(code, {"attribute": test.attribute}))
    if value is None:
        return Answer(None, Reason("not known", {"attribute": test.attribute}))
    because = Reason("is", {"attribute": test.attribute, "value": value})
    plain = _plain(test, value)
    if plain is True and (test.after is not None or test.before is not None):
        return _dated(test, value, because, now)
    return Answer(plain, because)


def _plain(test: Where, value: Scalar) -> bool | None:
    """The tests that time does not change; None where the value is of a kind the test cannot read."""
    if test.one_of is not None:
        if isinstance(value, tuple):
            if not any(one in test.one_of for one in value):
                return False
        elif value not in test.one_of:
            return False
    least, most = test.at_least, test.at_most
    if least is not None or most is not None:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return None
        if least is not None and value < least:
            return False
        if most is not None and value > most:
            return False
    if test.starts_with is not None and not str(value).startswith(test.starts_with):
        return False
    if test.has is not None:
        return test.has in value if isinstance(value, str | tuple) else None
    return True


def _dated(test: Where, value: Scalar, because: Reason, now: datetime) -> Answer:
    """`after < value < before`. The bounds move with now, so the answer turns when a bound reaches it."""
    try:
        when = datetime.fromisoformat(str(value))
    except ValueError:
        return Answer(None, because)
    when = min(max(when if when.tzinfo else when.replace(tzinfo=UTC), _FIRST), _LAST)
    after = _bound(test.after, when, now, above=True)
    before = _bound(test.before, when, now, above=False)
    return every(Answer(holds, because, until) for holds, until in (after, before) if holds is not None)


def _bound(day: Day | None, when: datetime, now: datetime, *, above: bool) -> tuple[bool | None, datetime]:
    if day is None:
        return None, FOREVER
    holds = when > day.at(now) if above else when < day.at(now)
    if day.on is not None or holds is not above:
        return holds, FOREVER
    meets = when - day.ahead  # the bound moves with now: above it until they meet, below it after that
    return holds, meets if above else whole_second(meets + timedelta(microseconds=1))


def _did(test: Did, evidence: Evidence, now: datetime, fit: Fit | None) -> Answer:
    since = None if test.within is None else now - test.within
    seen = {
        name: [grain for grain in _grains_of(name, evidence) if since is None or grain.at > since]
        for name in test.signals
    }
    grains = sorted(grain for each in seen.values() for grain in each)
    figures = {"within": _days(test.within), "times": len(grains)}
    if len(grains) < test.times:
        return Answer(False, Reason("did not", {**figures, "signals": ", ".join(test.signals)}))
    until = FOREVER if test.within is None else grains[-test.times].at + test.within
    did = ", ".join(name for name, each in seen.items() if each)
    return Answer(True, Reason("did", {**figures, "signals": did, "at": grains[-1].at}), until)


def _grains_of(name: str, evidence: Evidence) -> tuple[Grain, ...]:
    if name in evidence.signals:
        return evidence.signals[name].grains
    return evidence.penalties.get(name, ())


def _days(within: timedelta | None) -> float | None:
    return None if within is None else within / timedelta(days=1)


def _gained(test: Gained, evidence: Evidence, now: datetime, fit: Fit | None) -> Answer:
    grains = sorted(
        grain
        for reservoir in evidence.signals.values()
        for grain in reservoir.grains
        if grain.kept > 0 and grain.at > now - test.within
    )
    gained = sum(grain.kept for grain in grains)
    because = Reason("gained", {"points": gained, "within": _days(test.within), "needs": test.points})
    if gained < test.points - 1e-9:
        return Answer(False, because)
    left = gained
    for grain in grains:
        left -= grain.kept
        if left < test.points - 1e-9:
            return Answer(True, because, grain.at + test.within)
    return Answer(True, because)


def _graded(test: Graded, evidence: Evidence, now: datetime, fit: Fit | None) -> Answer:
    if fit is None:
        return Answer(None, Reason("not known", {"attribute": "fit"}))
    because = Reason("grade", {"grade": fit.grade, "best": fit.best, "needs": test.at_least})
    wanted = GRADES.index(test.at_least)
    if GRADES.index(fit.grade) >= wanted:
        return Answer(True, because, fit.until)
    if GRADES.index(fit.best) < wanted:
        return Answer(False, because, fit.until)
    return Answer(None, because, fit.until)


def _all(test: All, evidence: Evidence, now: datetime, fit: Fit | None) -> Answer:
    return every(ask(part, evidence, now, fit) for part in test.parts)


def _some(test: Some, evidence: Evidence, now: datetime, fit: Fit | None) -> Answer:
    return some(ask(part, evidence, now, fit) for part in test.parts)


def _not(test: Not, evidence: Evidence, now: datetime, fit: Fit | None) -> Answer:
    return opposite(ask(test.part, evidence, now, fit))


_ASK: Mapping[type, Callable[[Any, Evidence, datetime, Fit | None], Answer]] = {
    Where: _where,
    Did: _did,
    Gained: _gained,
    Graded: _graded,
    All: _all,
    Some: _some,
    Not: _not,
}

"""A rule's answer: does it hold, why, and until when that stays so.

Every rule of the core returns an `Answer`. Its `until` is a promise: *before `until` the same question
gets the same answer, if no fact arrives*. So rules compose without looking inside (the four functions
below), and the next moment at which anything can change is known in closed form. Roots of formulas are
rounded up to a whole second, so a wait always ends after it began.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

FOREVER = datetime.max.replace(tzinfo=UTC)
"""Only a fact can change this answer."""

_MOST_QUESTIONS = 32


class Reason(NamedTuple):
    """Why, as data: a code that `telling` puts into words, and the figures the words need."""

    code: str
    figures: Mapping[str, Any] = {}


class Answer(NamedTuple):
    """What a rule says at one moment; `holds` is None where a fact it needs is unknown."""

    holds: bool | None
    because: Reason
    until: datetime = FOREVER


def every(answers: Iterable[Answer]) -> Answer:
    """All must hold (Kleene). The reason shown is the refusal that stands longest, the first one if equal.

    Lazy: a refusal that stands for ever ends the questions.
    """
    soonest: Answer | None = None
    refusal: Answer | None = None
    unknown: Answer | None = None
    for answer in answers:
        if answer.holds is False:
            if refusal is None or answer.until > refusal.until:
                refusal = answer
            if refusal.until == FOREVER:
                return refusal
        elif answer.holds is None and (unknown is None or answer.until > unknown.until):
            unknown = answer
        if soonest is None or answer.until < soonest.until:
            soonest = answer
    if refusal is not None:
        return refusal
    if unknown is not None and soonest is not None:
        return unknown._replace(until=soonest.until)
    if soonest is None:
        return Answer(True, Reason("nothing asked"))
    return soonest


def some(answers: Iterable[Answer]) -> Answer:
    """One must hold (Kleene). The reason shown is the one that holds longest."""
    soonest: Answer | None = None
    holding: Answer | None = None
    unknown: Answer | None = None
    for answer in answers:
        if answer.holds:
            if holding is None or answer.until > holding.until:
                holding = answer
            if holding.until == FOREVER:
                return holding
        elif answer.holds is None and unknown is None:
            unknown = answer
        if soonest is None or answer.until < soonest.until:
            soonest = answer
    if holding is not None:
        return holding
    if unknown is not None and soonest is not None:
        return unknown._replace(until=soonest.until)
    if soonest is None:
        return Answer(False, Reason("nothing asked"))
    return soonest


def opposite(answer: Answer) -> Answer:
    """Holds where the other does not; unknown stays unknown."""
    return answer if answer.holds is None else answer._replace(holds=not answer.holds)


def first_moment(rule: Callable[[datetime], Answer], now: datetime) -> Answer:
    """The answer now if it holds; else a refusal whose `until` is when it will first hold.

    A rule that lifts may meet another that has begun meanwhile (a gap that ends on a Saturday), so the
    question is asked again at each `until`, at most 32 times; the reason shown is the refusal now.
    """
    answer = refusal = rule(now)
    for _ in range(_MOST_QUESTIONS):
        if answer.holds or answer.until == FOREVER:
            break
        moment = answer.until
        answer = rule(moment)
        if answer.holds:
            return refusal._replace(until=moment)
    return answer if answer.holds else refusal._replace(until=answer.until)


def whole_second(moment: datetime) -> datetime:
    """Rounded up, so that at a computed crossing the crossing has happened."""
    if moment.microsecond == 0:
        return moment
    return moment.replace(microsecond=0) + timedelta(seconds=1)

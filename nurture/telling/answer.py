"""The answer to "why": three words first, lines that add up, the verdict, and when it changes."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from nurture.core import facts as f
from nurture.core.answers import FOREVER, Answer
from nurture.core.conditions import Fit
from nurture.core.decide import Verdict, decide
from nurture.core.evidence import worth
from nurture.core.fit import fit as judge_fit
from nurture.core.fit import judge
from nurture.core.intent import Contribution, contributions, score
from nurture.core.journey import Journey
from nurture.core.programme import Programme
from nurture.core.promotion import is_time
from nurture.core.timing import zone_of
from nurture.telling.journeys import piece_path
from nurture.telling.reasons import moment, span, words


class Sum(NamedTuple):
    """A line that adds up: words and points."""

    words: str
    points: float


class Why(NamedTuple):
    """The answer to "why": three words first, lines that add up, the verdict, and when it changes."""

    state: str
    stage: str
    fit: Fit
    fit_lines: tuple[tuple[str, float, str, str], ...]  # name, weight, yes/no/unknown, words
    intent: float
    intent_lines: tuple[Sum, ...]
    timing: str  # now, later, unknown
    timing_words: str
    verdict: str
    because: tuple[str, ...]
    passed_over: tuple[tuple[str, str], ...]
    changes: datetime | None


def why(journey: Journey, programme: Programme, now: datetime, zone: str | None = None) -> Why:
    """Fit, intent and timing in words, lines that add up, and the verdict as it would be now.

    Instants are told in `zone`, the prospect's own unless another is given.
    """
    agreement = programme.agreement
    fit = judge_fit(journey.evidence, agreement, now)
    verdict = decide(journey, programme, now)
    timing = is_time(journey.evidence, agreement, now, fit)
    zone = zone or zone_of(journey.evidence, programme)
    return Why(
        state=journey.lifecycle,
        stage=journey.stage,
        fit=fit,
        fit_lines=tuple(
            (one.criterion.name, one.criterion.weight, _three(one.answer), words(one.answer.because, zone))
            for one in judge(journey.evidence, agreement, now)
        ),
        intent=score(journey.evidence, agreement.lines, now),
        intent_lines=tuple(_sums(contributions(journey.evidence, agreement.lines, now), now, zone)),
        timing="now" if timing.holds else "later" if timing.until != FOREVER else "unknown",
        timing_words=words(timing.because, zone),
        verdict=verdict_words(verdict, zone),
        because=tuple(dict.fromkeys(words(reason, zone) for reason in verdict.because)),
        passed_over=tuple(
            (piece_path(name, programme), words(reason, zone)) for name, reason in verdict.passed_over
        ),
        changes=now if verdict.action else None if verdict.until == FOREVER else verdict.until,
    )


def verdict_words(verdict: Verdict, zone: str) -> str:
    """What would be done now, or how long there is nothing to do."""
    action = verdict.action
    match action:
        case None:
            return f"wait: {moment(verdict.until, zone)}"
        case f.Chosen():
            return f"send {action.piece}"
        case f.Enrolled():
            return f"enroll in {action.sequence}"
        case f.Moved():
            return f"move from {action.before} to {action.stage}"
        case f.Promoted():
            return "promote to sales"
        case f.Left():
            return f"leave {action.sequence or 'everything'}"
    return {f.Cancelled: "cancel the message on its way", f.Recalled: "recall from sales"}.get(
        type(action), "withdraw from sales"
    )


def rounded(sums: Iterable[Sum], total: float) -> list[Sum]:
    """Points to one decimal so that what is displayed adds up to the displayed total (largest remainder)."""
    lines = list(sums)
    tenths = [line.points * 10 for line in lines]
    floors = [int(value // 1) for value in tenths]
    missing = round(total * 10) - sum(floors)
    by_remainder = sorted(range(len(lines)), key=lambda i: floors[i] - tenths[i])
    for i in by_remainder[: max(0, missing)]:
        floors[i] += 1
    return [line._replace(points=floor / 10) for line, floor in zip(lines, floors, strict=True)]


def _sums(parts: tuple[Contribution, ...], now: datetime, zone: str) -> Iterator[Sum]:
    for part in parts:
        if part.until is not None:
            yield Sum(f"{part.signal}, until {moment(part.until, zone)}", part.points)
        elif part.points >= 0.005:
            recent = [grain for grain in part.grains if worth(grain, part.measure, now) >= 0.05]
            last = max(grain.at for grain in part.grains)
            times = f"{len(recent)} times, last" if len(recent) > 1 else "on"
            half_life = span(part.measure.half_life / timedelta(days=1))
            yield Sum(f"{part.signal} {times} {moment(last, zone)} (half-life {half_life})", part.points)


def _three(answer: Answer) -> str:
    return {True: "yes", False: "no", None: "unknown"}[answer.holds]

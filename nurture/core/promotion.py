"""Is this a lead? The agreement's predicate, in its order; the first refusal that lasts is the one shown.

disqualified -> never · asked for sales and the grade allows -> now · grade -> threshold (none: never) ·
intent reaches it · one timing rule holds · after sales gave the lead back: enough fresh points.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from nurture.core.answers import Answer, Reason, every, some
from nurture.core.conditions import GRADES, Fit, ask, holds
from nurture.core.evidence import Evidence, Grain, Reservoir, filled, worth
from nurture.core.facts import Answered
from nurture.core.fit import fit as judge_fit
from nurture.core.intent import contributions, reaches, stays_fresh
from nurture.core.journey import Journey
from nurture.core.programme import Agreement
from nurture.core.timing import business_later
from nurture.core.weighing import NOTED

_COUNTS = 0.05
"""Points below which a fact is no part of what a promotion rests on."""


class Lead(NamedTuple):
    """The answer, and by which lane, on which facts, for what reasons."""

    answer: Answer
    lane: str = ""
    rested_on: tuple[int, ...] = ()
    because: tuple[Reason, ...] = ()


_NO_HAND_RAISED = Lead(Answer(False, Reason("no hand raised")))


def is_lead(journey: Journey, fit: Fit, agreement: Agreement, now: datetime) -> Lead:
    """Does this prospect meet the agreement now?"""
    raised = asks_for_sales(journey, fit, agreement, now)
    if raised.answer.holds:
        return raised
    answer = every(_by_score(journey, fit, agreement, now))
    answer = Answer(answer.holds, answer.because, min(answer.until, raised.answer.until, fit.until))
    if not answer.holds:
        return Lead(answer)
    grade = Reason("grade", {"grade": fit.grade, "best": fit.best, "low": fit.low, "high": fit.high})
    intent = reaches(journey.evidence, agreement.lines, agreement.promote[fit.grade], now).because
    timing = is_time(journey.evidence, agreement, now, fit).because
    return Lead(answer, "score", _rests_on(journey, agreement, now), (grade, intent, timing))


def disqualified(evidence: Evidence, agreement: Agreement, now: datetime, fit: Fit) -> Answer:
    """Does a disqualifier hold? Unknown counts as no."""
    return some(
        Answer(is_out, refused if is_out else passed, stands)
        for condition, refused, passed in agreement.disqualifiers
        for is_out, stands in (holds(condition, evidence, now, fit),)
    )


def asks_for_sales(journey: Journey, fit: Fit, agreement: Agreement, now: datetime) -> Lead:
    """A hand-raise that was not spent yet, is not too old, and comes from a good enough grade."""
    refused = _NO_HAND_RAISED
    for rule in agreement.hand_raise:
        grains = _raised(journey, rule.signal)
        alive = [grain for grain in grains if grain.at + rule.lasts > now]
        if not alive:
            continue
        newest = alive[-1]
        until = min(newest.at + rule.lasts, fit.until)
        figures = {"signal": rule.signal, "at": newest.at, "grade": fit.grade, "needs": rule.at_least}
        if GRADES.index(fit.grade) >= GRADES.index(rule.at_least):
            because = Reason("hand raised", figures)
            return Lead(Answer(True, because, until), "hand_raise", tuple(g.n for g in alive), (because,))
        refused = Lead(Answer(False, Reason("hand raised, fit below", figures), fit.until))
    return refused


def is_time(evidence: Evidence, agreement: Agreement, now: datetime, fit: Fit) -> Answer:
    """Does one timing rule hold? `until` of a refusal is the known date that will make one hold."""
    return some(
        answer._replace(because=Reason("timing" if answer.holds else "not yet", _told(rule, answer.because)))
        for rule, condition in agreement.timing.items()
        for answer in (ask(condition, evidence, now, fit),)
    )


def overdue(journey: Journey, agreement: Agreement, now: datetime) -> Answer:
    """Has sales let the promised time pass without an answer?"""
    since = journey.promoted_at or now
    ends = business_later(agreement.clock.hours, since, agreement.clock.recall)
    figures = {"since": since, "until": ends}
    if now >= ends:
        return Answer(True, Reason("no answer", figures))
    return Answer(False, Reason("with sales", figures), ends)


def fallen(journey: Journey, fit: Fit, agreement: Agreement, now: datetime) -> Answer:
    """Does what the promotion rested on no longer stand? Cooling off is no reason; sales has the lead."""
    out = disqualified(journey.evidence, agreement, now, fit)
    if out.holds:
        return out
    if not journey.shaken:
        return Answer(False, Reason("stands"), out.until)
    if journey.shaken == "retracted" and _still_stood(journey, agreement):
        return Answer(False, Reason("stands"), out.until)
    return Answer(True, Reason("no longer stands", {"why": journey.shaken}))


def answered(
    agreement: Agreement, handoff: int, answer: str, reason: str, *, by: str, at: datetime
) -> Answered:
    """Sales' answer as a fact, with what the agreement says its reason means.

    Raises ValueError for a reason the agreement does not know.
    """
    reasons = {"rejected": agreement.rejected, "recycled": agreement.recycled}.get(answer)
    if reasons is None:
        return Answered(handoff, answer, reason, by)
    if reason not in reasons:
        raise ValueError(f'"{reason}" is no reason for {answer}; the agreement knows {", ".join(reasons)}')
    meaning = reasons[reason]
    rest_until = at + meaning.after if meaning.after is not None else None
    return Answered(handoff, answer, reason, by, meaning.stage, rest_until, meaning.then == "close")


def _by_score(journey: Journey, fit: Fit, agreement: Agreement, now: datetime) -> Iterator[Answer]:
    threshold = agreement.promote.get(fit.grade)
    if threshold is None:
        best = min((g for g in GRADES if g in agreement.promote), key=GRADES.index, default=GRADES[-1])
        yield Answer(
            False, Reason("fit below", {"grade": fit.grade, "best": fit.best, "needs": best}), fit.until
        )
        return
    yield reaches(journey.evidence, agreement.lines, threshold, now)
    yield is_time(journey.evidence, agreement, now, fit)
    if journey.came_back is not None:
        yield stays_fresh(journey.evidence, agreement.lines, agreement.fresh_points, journey.came_back, now)


def _raised(journey: Journey, signal: str) -> list[Grain]:
    reservoir = journey.evidence.signals.get(signal)
    if reservoir is None:
        return []
    return [
        grain
        for grain in reservoir.grains
        if grain.n > journey.spent and (journey.came_back is None or grain.at > journey.came_back)
    ]


def _rests_on(journey: Journey, agreement: Agreement, now: datetime) -> tuple[int, ...]:
    return tuple(
        sorted(
            {
                grain.n
                for part in contributions(journey.evidence, agreement.lines, now)
                if part.until is None
                for grain in part.grains
                if worth(grain, part.measure, now) > _COUNTS
            }
        )
    )


def _still_stood(journey: Journey, agreement: Agreement) -> bool:
    """Judged by what is left of the evidence, would the promotion have been right when it was made?"""
    if journey.promoted_at is None:
        return False
    if journey.lane == "hand_raise":
        numbers = {grain.n for one in journey.evidence.signals.values() for grain in one.grains}
        return any(n in numbers for n in journey.rested_on)
    then = journey._replace(evidence=_up_to(journey.evidence, agreement, journey.promoted_at))
    fit = judge_fit(then.evidence, agreement, journey.promoted_at)
    return every(_by_score(then, fit, agreement, journey.promoted_at)).holds is True


def _up_to(evidence: Evidence, agreement: Agreement, then: datetime) -> Evidence:
    """The signals that had happened by then."""
    signals: dict[str, Reservoir] = {}
    for name, reservoir in evidence.signals.items():
        line = agreement.lines.get(name)
        left = filled((g for g in reservoir.grains if g.at <= then), line.measure if line else NOTED)
        if left is not None:
            signals[name] = left
    penalties = {
        name: before
        for name, grains in evidence.penalties.items()
        if (before := tuple(grain for grain in grains if grain.at <= then))
    }
    return evidence._replace(signals=signals, penalties=penalties)


def _told(rule: str, because: Reason) -> dict[str, object]:
    return {**because.figures, "rule": rule, "why": because.code}

"""Intent: points that decay by each signal's half-life, minus penalties that stand for a fixed time.

The lines sum exactly to the score. Between facts the positive part only falls, and is convex; penalties
are steps, so the moment of crossing a threshold is a root (Newton from the left bracket, which converges
monotonically) or the end of a penalty. Source: docs/agreement.md, "Intent".
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import log
from typing import NamedTuple

from nurture.core.answers import FOREVER, Answer, Reason, whole_second
from nurture.core.evidence import Evidence, Grain, Measure, level, worth
from nurture.core.programme import Line

TOLERANCE = 1e-9
_LN2 = log(2.0)
_SECOND = timedelta(seconds=1)


class Contribution(NamedTuple):
    """What one signal adds now, and the grains that add it. A penalty ends at `until`."""

    signal: str
    points: float
    grains: tuple[Grain, ...]
    measure: Measure
    until: datetime | None = None


def contributions(evidence: Evidence, lines: Mapping[str, Line], now: datetime) -> tuple[Contribution, ...]:
    """Every signal that counts now, in the agreement's order. They sum exactly to the score."""
    found = []
    for name, line in lines.items():
        if line.lasts is not None:
            end = penalty_ends(evidence, line)
            if end is not None and end > now:
                found.append(Contribution(name, line.points, evidence.penalties[name], line.measure, end))
        elif name in evidence.signals:
            reservoir = evidence.signals[name]
            points = level(reservoir, line.measure, now)
            found.append(Contribution(name, points, reservoir.grains, line.measure))
    return tuple(found)


def score(evidence: Evidence, lines: Mapping[str, Line], now: datetime) -> float:
    """Points now; may be negative."""
    return sum((part.points for part in contributions(evidence, lines, now)), 0.0)


def penalty_ends(evidence: Evidence, line: Line) -> datetime | None:
    """When the penalty is over: a repeat restarts it. None where there is none."""
    grains = evidence.penalties.get(line.signal)
    return grains[-1].at + line.lasts if grains and line.lasts is not None else None


def fresh(
    evidence: Evidence, lines: Mapping[str, Line], since: datetime, now: datetime
) -> list[tuple[float, timedelta]]:
    """What is left now of the points earned by facts that happened after `since`, with their half-lives."""
    return [
        (worth(grain, part.measure, now), part.measure.half_life)
        for part in contributions(evidence, lines, now)
        if part.until is None
        for grain in part.grains
        if grain.at > since
    ]


def stays_fresh(
    evidence: Evidence, lines: Mapping[str, Line], threshold: float, since: datetime, now: datetime
) -> Answer:
    """Were enough points earned after `since`? They only fall by time."""
    parts = fresh(evidence, lines, since, now)
    points = sum(value for value, _ in parts)
    figures = {"points": points, "needs": threshold, "since": since}
    if points < threshold - TOLERANCE:
        return Answer(False, Reason("not fresh", figures))
    until = _turns(parts, (), threshold, now, holds=True)
    return Answer(True, Reason("fresh", figures), until)


def reaches(evidence: Evidence, lines: Mapping[str, Line], threshold: float, now: datetime) -> Answer:
    """Is the score at the threshold, and until when does that stay so?"""
    parts = contributions(evidence, lines, now)
    if not parts and threshold > TOLERANCE:  # most people, most of the time
        return Answer(False, Reason("intent below", {"points": 0, "needs": threshold}))
    falling = [(part.points, part.measure.half_life) for part in parts if part.until is None]
    penalties = sorted((part.until, part.points) for part in parts if part.until is not None)
    total = sum(part.points for part in parts)
    figures = {"points": total, "needs": threshold}
    holds = total >= threshold - TOLERANCE
    until = _turns(falling, penalties, threshold, now, holds=holds)
    return Answer(holds, Reason("intent" if holds else "intent below", figures), until)


def falls_below(parts: Sequence[tuple[float, timedelta]], floor: float) -> timedelta | None:
    """How long until a sum of falling points reaches `floor`; None: never. Points are as of now."""
    parts = [(value, half_life) for value, half_life in parts if value > 0]
    total = sum(value for value, _ in parts)
    if total <= floor:
        return timedelta()
    if floor <= 0:
        return None
    rates = [(value, half_life / _SECOND) for value, half_life in parts]
    t = min(half_life for _, half_life in rates) * log(total / floor) / _LN2
    for _ in range(60):
        values = [(value * 2.0 ** (-t / half_life), half_life) for value, half_life in rates]
        excess = sum(value for value, _ in values) - floor
        slope = sum(value * _LN2 / half_life for value, half_life in values)
        step = excess / slope
        t += step
        if abs(step) < 1e-6:
            break
    return timedelta(seconds=t)


def _turns(
    falling: Sequence[tuple[float, timedelta]],
    penalties: Sequence[tuple[datetime, float]],
    threshold: float,
    now: datetime,
    *,
    holds: bool,
) -> datetime:
    """Walk the penalties' ends in order: between them one root, at each a jump upwards."""
    active = -sum(points for _, points in penalties)
    start, values = now, list(falling)
    for end, points in [*penalties, (FOREVER, 0.0)]:
        floor = threshold + active
        if holds:
            after = falls_below(values, floor - TOLERANCE)
            if after is not None and after < end - start:
                return max(whole_second(start + after), start + _SECOND)
        if end == FOREVER:
            break
        values = [(value * 2.0 ** -((end - start) / half_life), half_life) for value, half_life in values]
        start, active = end, active + points
        if not holds and sum(value for value, _ in values) - active >= threshold - TOLERANCE:
            return end
    return FOREVER

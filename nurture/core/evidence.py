"""What a prospect's facts weigh: reservoirs of points that fade, and what is known.

A reservoir holds its *grains*, so that a late fact or a retraction refolds that one reservoir in memory,
and the same grains answer "did it within 14 days", "gained 25 in a week" and the exact breakdown.

Decay is by half-life: a value v is worth v * 2^(-t/h) after t. The cap applies on write: a grain of p
points on a level of d keeps min(cap, d + p) - d. So the kept points, each decayed, sum *exactly* to the
level (induction over the pours), and a person who stopped coming starts to cool at once.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import inf, log2
from typing import NamedTuple

from nurture.core.answers import FOREVER
from nurture.core.facts import Scalar

LOOKBACK = 12
"""Half-lives after which a grain counts no more: 40 points are then worth less than 0.01."""

MOST_GRAINS = 64
"""Against abuse. A reservoir is a function of its newest 64 grains within the lookback."""


class Measure(NamedTuple):
    """How a reservoir fades and fills; `once_per` counts at most one grain per rolling time."""

    half_life: timedelta
    cap: float = inf
    once_per: timedelta | None = None


class Grain(NamedTuple):
    """One fact's contribution. Sorts by (at, n, points). `kept` is what the cap left of `points`.

    Not `counted`: another one stands within `once_per` before it, so it adds nothing.
    """

    at: datetime
    n: int
    points: float
    kept: float = 0.0
    counted: bool = True


class Reservoir(NamedTuple):
    """A level as of its newest grain."""

    value: float
    as_of: datetime
    grains: tuple[Grain, ...]


class Known(NamedTuple):
    """An attribute's value, since when, from which fact. None: unknown again. A personal one is just True."""

    value: Scalar | None
    at: datetime
    n: int


class Evidence(NamedTuple):
    """All that rules may ask about a prospect. Folded in order of (at, n), whatever the order of arrival."""

    signals: Mapping[str, Reservoir] = {}
    stages: Mapping[str, Reservoir] = {}
    topics: Mapping[str, Reservoir] = {}
    penalties: Mapping[str, tuple[Grain, ...]] = {}
    consumed: Mapping[str, Reservoir] = {}
    stages_given: Mapping[str, tuple[Grain, ...]] = {}
    """What neither a signal nor a reading poured into a stage: where somebody came from, what sales said."""
    topics_given: Mapping[str, tuple[Grain, ...]] = {}
    """The same for topics: the source's, and those of pieces clicked in."""
    attributes: Mapping[str, Known] = {}
    engaged: tuple[Grain, ...] = ()
    """Everything a person did; the newest is the last sign of life."""


def pour(reservoir: Reservoir | None, grain: Grain, measure: Measure) -> Reservoir:
    """The reservoir with one more grain, late or not."""
    if reservoir is None:
        return _fold((grain,), measure)
    grains = reservoir.grains
    if _order(grain) < _order(grains[-1]):
        place = bisect_right(grains, _order(grain), key=_order)
        return _fold(_surviving((*grains[:place], grain, *grains[place:]), measure), measure)
    more = (*grains, grain)
    kept = _surviving(more, measure)
    if len(kept) < len(more):
        return _fold(kept, measure)
    filled = _faded(reservoir.value, grain.at - reservoir.as_of, measure)
    kept_grain = _kept(grains, grain, filled, measure)
    return Reservoir(filled + kept_grain.kept, grain.at, (*grains, kept_grain))


def without(reservoir: Reservoir | None, n: int, measure: Measure) -> Reservoir | None:
    """The reservoir as if fact n had never been; exact until older grains were dropped."""
    if reservoir is None:
        return None
    grains = remove(reservoir.grains, n)
    if len(grains) == len(reservoir.grains):
        return reservoir
    return _fold(grains, measure) if grains else None


def filled(grains: Iterable[Grain], measure: Measure) -> Reservoir | None:
    """A reservoir from all its grains at once."""
    ordered = tuple(sorted(grains, key=_order))
    return _fold(_surviving(ordered, measure), measure) if ordered else None


def counted(reservoir: Reservoir | None) -> frozenset[int]:
    """The numbers of the facts that count."""
    return frozenset(grain.n for grain in reservoir.grains if grain.counted) if reservoir else frozenset()


def level(reservoir: Reservoir | None, measure: Measure, now: datetime) -> float:
    """Points now (a moment before the newest grain reads as that moment)."""
    if reservoir is None:
        return 0.0
    return _faded(reservoir.value, now - reservoir.as_of, measure)


def worth(grain: Grain, measure: Measure, now: datetime) -> float:
    """What is left of one grain; over all grains these sum exactly to the level."""
    return _faded(grain.kept, now - grain.at, measure)


def falls_to(reservoir: Reservoir, floor: float, measure: Measure) -> datetime:
    """When the level reaches `floor`, without new facts: as_of + h * log2(value / floor)."""
    if floor <= 0:
        return FOREVER
    if reservoir.value <= floor:
        return reservoir.as_of
    return reservoir.as_of + measure.half_life * log2(reservoir.value / floor)


def insert(grains: tuple[Grain, ...], grain: Grain) -> tuple[Grain, ...]:
    """A plain list of grains in order, the newest 64."""
    place = bisect_right(grains, _order(grain), key=_order)
    return (*grains[:place], grain, *grains[place:])[-MOST_GRAINS:]


def remove(grains: Iterable[Grain], n: int) -> tuple[Grain, ...]:
    """The grains without fact n."""
    return tuple(grain for grain in grains if grain.n != n)


def last_engaged(evidence: Evidence) -> datetime | None:
    """The last thing the person did."""
    return evidence.engaged[-1].at if evidence.engaged else None


def _order(grain: Grain) -> tuple[datetime, int, float]:
    """One fact may pour into a stage twice, as a signal and as a reading: the points order those."""
    return grain.at, grain.n, grain.points


def _faded(value: float, after: timedelta, measure: Measure) -> float:
    if after.days < 0:
        return value
    lost: float = 2.0 ** -(after / measure.half_life)
    return value * lost


def _surviving(grains: tuple[Grain, ...], measure: Measure) -> tuple[Grain, ...]:
    oldest = grains[-1].at - measure.half_life * LOOKBACK
    first = max(0, len(grains) - MOST_GRAINS)
    while grains[first].at < oldest:
        first += 1
    return grains[first:]


def _fold(grains: tuple[Grain, ...], measure: Measure) -> Reservoir:
    value, as_of = 0.0, grains[0].at
    done: list[Grain] = []
    for grain in grains:
        value = _faded(value, grain.at - as_of, measure)
        done.append(_kept(done, grain, value, measure))
        value += done[-1].kept
        as_of = grain.at
    return Reservoir(value, as_of, tuple(done))


def _kept(before: Sequence[Grain], grain: Grain, filled: float, measure: Measure) -> Grain:
    if measure.once_per is not None:
        since = grain.at - measure.once_per
        for other in reversed(before):
            if other.at <= since:
                break
            if other.counted:
                return grain._replace(kept=0.0, counted=False)
    return grain._replace(kept=max(0.0, min(measure.cap, filled + grain.points) - filled), counted=True)

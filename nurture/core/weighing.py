"""Folding facts: `weigh` for the evidence, `evolve` for both folds, `refold` for a whole history.

The evidence does not depend on the order in which facts arrive, only on (at, n): signals and
consumption are reservoirs that refold themselves when a fact is late, and what they pour on into stages
and topics follows by difference.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from nurture.core import facts as f
from nurture.core.evidence import (
    Evidence,
    Grain,
    Known,
    Measure,
    Reservoir,
    counted,
    filled,
    insert,
    pour,
    remove,
    without,
)
from nurture.core.journey import GONE, Journey
from nurture.core.programme import Programme, Signal, Weights
from nurture.core.recording import record

NOTED = Measure(half_life=timedelta(days=30))
"""For signals that earn no points: their grains still answer "did it"."""

CONSUMPTION = Measure(half_life=timedelta(days=36500), once_per=timedelta(days=1))
"""Reading a piece counts once per 24 hours and is remembered for good."""

_HUMAN = (f.Clicked, f.PageViewed, f.FormSent, f.Consumed, f.Happened, f.Replied)


def begin(prospect: int, programme: Programme) -> Journey:
    """A journey before its first fact."""
    return Journey(prospect, stage=programme.stages.order[0])


def evolve(journey: Journey, fact: f.Fact, programme: Programme) -> Journey:
    """The journey with one more fact, record and evidence. Nothing is learned about who is gone."""
    after = record(journey, fact)
    if type(fact.body) in f.DECIDED or after.lifecycle == GONE:
        return after
    evidence = weigh(after.evidence, fact, programme.weights)
    return after if evidence is after.evidence else after._replace(evidence=evidence)


def refold(prospect: int, facts: Iterable[f.Fact], programme: Programme) -> Journey:
    """The journey from nothing."""
    journey = begin(prospect, programme)
    for fact in facts:
        journey = evolve(journey, fact, programme)
    return journey


def weigh(evidence: Evidence, fact: f.Fact, weights: Weights) -> Evidence:
    """The evidence with one more fact."""
    body = fact.body
    match body:
        case f.Entered():
            return _enter(evidence, fact, body, weights)
        case f.Learned():
            return evidence._replace(attributes=_learn(evidence.attributes, fact, body))
        case f.Answered(stage=str() as stage):
            # It stands for the rest that sales set, and begins to fade when that is over.
            return _give_stage(evidence, stage, body.rest_until or fact.at, fact.n, weights)
        case f.Retracted():
            return _retract(evidence, body.fact, weights)
        case f.Erased():
            return Evidence()
    if not isinstance(body, _HUMAN):
        return evidence
    evidence = evidence._replace(engaged=insert(evidence.engaged, Grain(fact.at, fact.n, 1.0)))
    for signal in weights.signals:
        if _matches(signal, body, weights):
            evidence = _seen(evidence, signal.name, fact, weights)
    piece = piece_read(body, weights)
    if piece is not None:
        evidence = _read(evidence, piece, fact, weights)
    elif isinstance(body, f.Clicked):
        for topic in weights.about.get(body.piece, ("", ()))[1]:
            evidence = _give_topic(evidence, topic, fact, weights)
    return evidence


def piece_read(body: f.Body, weights: Weights) -> str | None:
    """The piece whose reading this fact shows: told so, or a click to or view of its url."""
    match body:
        case f.Consumed():
            return body.piece if body.piece in weights.about else None
        case f.Clicked() | f.PageViewed():
            return weights.urls.get(place(body.url, weights.hosts))
    return None


def _matches(signal: Signal, body: f.Body, weights: Weights) -> bool:
    if signal.kind == "consumed":
        piece = piece_read(body, weights)
        return piece is not None and signal.equals in (None, piece, weights.about[piece][0])
    text = _text(signal, body, weights.hosts)
    if text is None or signal.equals is not None:
        return text is not None and text == signal.equals
    return signal.starts_with is None or text.startswith(signal.starts_with)


def _text(signal: Signal, body: f.Body, hosts: tuple[str, ...]) -> str | None:
    """What of this fact the signal reads; None where it reads another kind of fact."""
    if isinstance(body, f.PageViewed | f.Clicked):
        if signal.kind != ("page" if isinstance(body, f.PageViewed) else "click"):
            return None
        return place(body.url, hosts)
    if isinstance(body, f.FormSent) and signal.kind == "form":
        return body.form
    if isinstance(body, f.Happened) and signal.kind == "event":
        return body.name
    return "" if isinstance(body, f.Replied) and signal.kind == "reply" else None


def _seen(evidence: Evidence, name: str, fact: f.Fact, weights: Weights) -> Evidence:
    line = weights.lines.get(name)
    if line is not None and line.lasts is not None:
        grains = insert(evidence.penalties.get(name, ()), Grain(fact.at, fact.n, line.points, line.points))
        return evidence._replace(penalties={**evidence.penalties, name: grains})
    grain = Grain(fact.at, fact.n, line.points if line else 0.0)
    after = pour(evidence.signals.get(name), grain, _measure(name, weights))
    return _signal_changed(evidence, name, after, weights)


def _read(evidence: Evidence, piece: str, fact: f.Fact, weights: Weights) -> Evidence:
    after = pour(evidence.consumed.get(piece), Grain(fact.at, fact.n, 1.0), CONSUMPTION)
    return _consumed_changed(evidence, piece, after, weights)


def _signal_changed(evidence: Evidence, name: str, after: Reservoir | None, weights: Weights) -> Evidence:
    before = evidence.signals.get(name)
    evidence = evidence._replace(signals=_put(evidence.signals, name, after))
    stages = weights.stages.evidence.get(name, {})
    topics = weights.topics.signals.get(name, ())
    if not stages and not topics:
        return evidence
    return _pass_on(evidence, before, after, weights, stages=stages, topics=topics)


def _consumed_changed(evidence: Evidence, piece: str, after: Reservoir | None, weights: Weights) -> Evidence:
    before = evidence.consumed.get(piece)
    evidence = evidence._replace(consumed=_put(evidence.consumed, piece, after))
    stage, topics = weights.about.get(piece, ("", ()))
    stages = {stage: weights.stages.consumed} if stage else {}
    return _pass_on(evidence, before, after, weights, stages=stages, topics=topics)


def _pass_on(
    evidence: Evidence,
    before: Reservoir | None,
    after: Reservoir | None,
    weights: Weights,
    *,
    stages: Mapping[str, float],
    topics: Iterable[str],
) -> Evidence:
    """What counts now and did not before is poured into stages and topics.

    Where something counts no more (a late fact took its day, a grain was dropped, a retraction), they
    are filled anew from all that pours into them: they too may have dropped grains, which now are back.
    """
    then, now = counted(before), counted(after)
    if not then <= now:
        for stage in stages:
            evidence = _refilled_stage(evidence, stage, weights)
        for topic in topics:
            evidence = _refilled_topic(evidence, topic, weights)
        return evidence
    new = [grain for grain in after.grains if grain.n in now - then] if after else []
    for grain in new:
        for stage, weight in stages.items():
            evidence = _pour_stage(evidence, stage, Grain(grain.at, grain.n, weight), weights)
        for topic in topics:
            evidence = _pour_topic(evidence, topic, Grain(grain.at, grain.n, 1.0), weights)
    return evidence


def _pour_stage(evidence: Evidence, stage: str, grain: Grain, weights: Weights) -> Evidence:
    after = pour(evidence.stages.get(stage), grain, weights.stages.measure)
    return evidence._replace(stages={**evidence.stages, stage: after})


def _pour_topic(evidence: Evidence, topic: str, grain: Grain, weights: Weights) -> Evidence:
    after = pour(evidence.topics.get(topic), grain, weights.topics.measure)
    return evidence._replace(topics={**evidence.topics, topic: after})


def _give_stage(evidence: Evidence, stage: str, at: datetime, n: int, weights: Weights) -> Evidence:
    grain = Grain(at, n, weights.stages.enter)
    given = {**evidence.stages_given, stage: insert(evidence.stages_given.get(stage, ()), grain)}
    return _pour_stage(evidence._replace(stages_given=given), stage, grain, weights)


def _give_topic(evidence: Evidence, topic: str, fact: f.Fact, weights: Weights) -> Evidence:
    grain = Grain(fact.at, fact.n, 1.0)
    given = {**evidence.topics_given, topic: insert(evidence.topics_given.get(topic, ()), grain)}
    return _pour_topic(evidence._replace(topics_given=given), topic, grain, weights)


def _refilled_stage(evidence: Evidence, stage: str, weights: Weights) -> Evidence:
    grains = list(evidence.stages_given.get(stage, ()))
    for signal, into in weights.stages.evidence.items():
        if stage in into:
            grains += _as_much(evidence.signals.get(signal), into[stage])
    for piece, reservoir in evidence.consumed.items():
        if weights.about.get(piece, ("",))[0] == stage:
            grains += _as_much(reservoir, weights.stages.consumed)
    after = filled(grains, weights.stages.measure)
    return evidence._replace(stages=_put(evidence.stages, stage, after))


def _refilled_topic(evidence: Evidence, topic: str, weights: Weights) -> Evidence:
    grains = list(evidence.topics_given.get(topic, ()))
    for signal, topics in weights.topics.signals.items():
        if topic in topics:
            grains += _as_much(evidence.signals.get(signal), 1.0)
    for piece, reservoir in evidence.consumed.items():
        if topic in weights.about.get(piece, ("", ()))[1]:
            grains += _as_much(reservoir, 1.0)
    after = filled(grains, weights.topics.measure)
    return evidence._replace(topics=_put(evidence.topics, topic, after))


def _as_much(reservoir: Reservoir | None, points: float) -> Iterator[Grain]:
    """The grains that count, each as so many points."""
    grains = reservoir.grains if reservoir else ()
    return (Grain(grain.at, grain.n, points) for grain in grains if grain.counted)


def _enter(evidence: Evidence, fact: f.Fact, body: f.Entered, weights: Weights) -> Evidence:
    """Where somebody comes from: the first source stays; it may open a stage and name topics."""
    attributes = dict(evidence.attributes)
    for name, value in (("source", body.source), ("source_kind", body.kind), ("campaign", body.campaign)):
        known = attributes.get(name)
        if value and (known is None or (fact.at, fact.n) < (known.at, known.n)):
            attributes[name] = Known(value, fact.at, fact.n)
    evidence = evidence._replace(attributes=attributes)
    prior = weights.stages.prior.get(body.source) or weights.stages.prior.get(body.kind)
    if prior and prior != weights.stages.order[0]:
        evidence = _give_stage(evidence, prior, fact.at, fact.n, weights)
    for topic in weights.topics.sources.get(body.source, ()):
        evidence = _give_topic(evidence, topic, fact, weights)
    return evidence


def _learn(attributes: Mapping[str, Known], fact: f.Fact, body: f.Learned) -> Mapping[str, Known]:
    learned = dict(attributes)
    news: dict[str, Any] = {**body.values, **dict.fromkeys(body.personal, True)}
    for name, value in news.items():
        known = learned.get(name)
        if known is None or (known.at, known.n) < (fact.at, fact.n):
            learned[name] = Known(value, fact.at, fact.n)
    return learned


def _retract(evidence: Evidence, n: int, weights: Weights) -> Evidence:
    for name, reservoir in evidence.signals.items():
        after = without(reservoir, n, _measure(name, weights))
        if after is not reservoir:
            evidence = _signal_changed(evidence, name, after, weights)
    for piece, reservoir in evidence.consumed.items():
        after = without(reservoir, n, CONSUMPTION)
        if after is not reservoir:
            evidence = _consumed_changed(evidence, piece, after, weights)
    for stage, grains in evidence.stages_given.items():
        if any(grain.n == n for grain in grains):
            given = {**evidence.stages_given, stage: remove(grains, n)}
            evidence = _refilled_stage(evidence._replace(stages_given=_kept(given)), stage, weights)
    for topic, grains in evidence.topics_given.items():
        if any(grain.n == n for grain in grains):
            given = {**evidence.topics_given, topic: remove(grains, n)}
            evidence = _refilled_topic(evidence._replace(topics_given=_kept(given)), topic, weights)
    return evidence._replace(
        engaged=remove(evidence.engaged, n),
        penalties=_kept({name: remove(grains, n) for name, grains in evidence.penalties.items()}),
    )


def _measure(name: str, weights: Weights) -> Measure:
    line = weights.lines.get(name)
    return line.measure if line else NOTED


def _put(table: Mapping[str, Reservoir], name: str, value: Reservoir | None) -> Mapping[str, Reservoir]:
    if value is not None:
        return {**table, name: value}
    return {other: one for other, one in table.items() if other != name}


def _kept(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if value}


@lru_cache(maxsize=4096)
def place(url: str, hosts: tuple[str, ...]) -> str:
    """The path of a page of ours, the whole address of any other; without query, fragment, closing slash."""
    bare = url.split("#", 1)[0].split("?", 1)[0]
    parts = urlsplit(bare)
    if not parts.netloc or parts.netloc.lower() in hosts:
        bare = parts.path
    return bare.rstrip("/") or "/"

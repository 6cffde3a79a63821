"""What is worth saying next: of the sequence's pieces, those of the present stage that fit, best first.

Hard rules come first, each refusal with its reason; the rest is ranked by topic affinity (the share of
the prospect's decayed topic points that the piece is about, 0 to 1) and then by the author's order. All
topics fade by one half-life, so the shares, and the ranking, do not change by time alone.
"""

from datetime import UTC, date, datetime
from operator import itemgetter
from typing import NamedTuple

from nurture.core.answers import FOREVER, Answer, Reason, first_moment
from nurture.core.conditions import Fit, ask
from nurture.core.evidence import level
from nurture.core.facts import Preferred
from nurture.core.fit import fit as judge
from nurture.core.journey import Journey
from nurture.core.programme import Piece, Programme, Sequence


class Choice(NamedTuple):
    """The piece to say, or None; why; what was passed over; until when there is one, or none.

    With None, `until` is the first moment at which a piece becomes eligible by time alone.
    """

    piece: Piece | None
    because: Reason
    passed_over: tuple[tuple[str, Reason], ...]
    until: datetime = FOREVER


def choose(journey: Journey, sequence: Sequence, programme: Programme, now: datetime, fit: Fit) -> Choice:
    """The best eligible piece. A None whose `until` is FOREVER: nothing left, unless something happens."""
    shares = interests(journey, programme, now)
    ranked: list[tuple[float, int, Piece]] = []
    may_open: list[Piece] = []
    shelf = programme.shelf(sequence, journey.stage)
    lines = [*shelf.lines]
    for order, piece in shelf.here:
        no = refusal(piece, journey, now, fit)
        if no is None:
            ranked.append((-affinity(piece, shares), order, piece))
        else:
            lines[order] = piece.id, no.because
            if no.until != FOREVER:
                may_open.append(piece)
    passed_over = [line for line in lines if line is not None]
    if not ranked:
        opens = (_opens(piece, journey, programme, now) for piece in may_open)
        until = min(opens, default=FOREVER)
        return Choice(None, Reason("nothing left", {"stage": journey.stage}), tuple(passed_over), until)
    until = _some_eligible_until([piece for _, _, piece in ranked], journey, now, fit)
    ranked.sort(key=itemgetter(0, 1))
    (against, _, best), *others = ranked
    passed_over += [
        (piece.id, Reason("ranks lower", {"affinity": -share, "best": -against}))
        for share, _, piece in others
    ]
    return Choice(best, _because(best, -against, shares, journey, programme), tuple(passed_over), until)


def refusal(piece: Piece, journey: Journey, now: datetime, fit: Fit) -> Answer | None:
    """Why this piece is not for this prospect now; None: it is."""
    if piece.stage != journey.stage:
        return Answer(False, Reason("other stage", {"stage": piece.stage}))
    if piece.id in journey.sent:
        return Answer(False, Reason("sent", {"at": journey.sent[piece.id]}))
    if piece.id in journey.evidence.consumed:
        return Answer(False, Reason("consumed", {"at": journey.evidence.consumed[piece.id].as_of}))
    if piece.id in journey.failed:
        return Answer(False, Reason("failed"))
    if journey.preferred is not None and (topic := unwanted_topic(piece, journey.preferred)):
        return Answer(False, Reason("unwanted topic", {"topic": topic}))
    for name in piece.needs:
        if name not in journey.sent and name not in journey.evidence.consumed:
            return Answer(False, Reason("needs", {"piece": name}))
    for name in piece.uses:
        known = journey.evidence.attributes.get(name)
        if known is None or known.value is None:
            return Answer(False, Reason("not known", {"attribute": name}))
    return _not_published(piece, now) or _unwanted(piece, journey, now, fit)


def unwanted_topic(piece: Piece, asked: Preferred) -> str:
    """The piece's first topic that they want nothing of; empty: none.

    One is enough: somebody who wants nothing about prices does not want a price in a text on security.
    """
    return next((topic for topic in piece.topics if topic in asked.without), "")


def interests(journey: Journey, programme: Programme, now: datetime) -> dict[str, float]:
    """Each topic's share of all topic points, summing to 1; empty where nothing is known."""
    if not journey.evidence.topics:
        return {}
    measure = programme.topics.measure
    levels = {topic: level(one, measure, now) for topic, one in journey.evidence.topics.items()}
    total = sum(levels.values())
    # Ratios of sums that all fade alike are constant; nine digits keep them so in floating point too.
    return {topic: round(points / total, 9) for topic, points in levels.items()} if total > 0 else {}


def affinity(piece: Piece, shares: dict[str, float]) -> float:
    """The share of the prospect's interest that the piece is about."""
    points: float = 0
    for topic in piece.topics:
        points += shares.get(topic, 0.0)
    return points


def _not_published(piece: Piece, now: datetime) -> Answer | None:
    if piece.publish_on is not None and now < _midnight(piece.publish_on):
        opens = _midnight(piece.publish_on)
        return Answer(False, Reason("not yet published", {"until": opens}), opens)
    if piece.expires_on is not None and now >= _midnight(piece.expires_on):
        return Answer(False, Reason("out of date", {"on": piece.expires_on.isoformat()}))
    return None


def _unwanted(piece: Piece, journey: Journey, now: datetime, fit: Fit) -> Answer | None:
    """An unknown condition is not eligible: never write on a guess."""
    if piece.when is None:
        return None
    answer = ask(piece.when, journey.evidence, now, fit)
    if answer.holds:
        return None
    return Answer(
        False, Reason("not for them", {"why": answer.because.code, **answer.because.figures}), answer.until
    )


def _opens(piece: Piece, journey: Journey, programme: Programme, now: datetime) -> datetime:
    """When a piece becomes eligible if nothing happens; FOREVER: it does not."""

    def eligible(then: datetime) -> Answer:
        fit = judge(journey.evidence, programme.agreement, then)
        return refusal(piece, journey, then, fit) or Answer(True, Reason("eligible"))

    return first_moment(eligible, now).until


def _some_eligible_until(pieces: list[Piece], journey: Journey, now: datetime, fit: Fit) -> datetime:
    if any(piece.expires_on is None and piece.when is None for piece in pieces):
        return FOREVER
    return max(_eligible_until(piece, journey, now, fit) for piece in pieces)


def _eligible_until(piece: Piece, journey: Journey, now: datetime, fit: Fit) -> datetime:
    """Up to when an eligible piece stays so: time may outdate it, or turn its condition."""
    until = FOREVER if piece.expires_on is None else _midnight(piece.expires_on)
    return until if piece.when is None else min(until, ask(piece.when, journey.evidence, now, fit).until)


def _because(
    piece: Piece, share: float, shares: dict[str, float], journey: Journey, programme: Programme
) -> Reason:
    figures: dict[str, object] = {"stage": piece.stage, "affinity": share}
    about = max(piece.topics, key=lambda topic: shares.get(topic, 0.0), default="")
    if share > 0 and about:
        figures["topic"] = about
        source = journey.evidence.attributes.get("source")
        named = programme.topics.sources.get(str(source.value), ()) if source else ()
        figures["origin"] = "source" if about in named else "interest"
    return Reason("chosen", figures)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)

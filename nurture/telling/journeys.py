"""A journey as lines `day 9  moved  early -> mid  evidence 3.2, mid opens at 3.0`, in order of (at, n).

Decided lines print the figures recorded with them; observed lines what they add under the programme given.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from nurture.core import facts as f
from nurture.core.answers import Reason
from nurture.core.intent import score
from nurture.core.journey import Journey
from nurture.core.programme import Programme
from nurture.core.timing import zone_of
from nurture.core.weighing import begin, evolve, piece_read, place
from nurture.telling.reasons import moment, span, words


class Line(NamedTuple):
    """One line of a journey: when, what happened, to what, and why or with which effect."""

    at: datetime
    verb: str
    what: str
    why: str = ""
    decided: bool = False


def tell(prospect: int, facts: Iterable[f.Fact], programme: Programme) -> list[Line]:
    """The journey as lines in order of (at, n). A touch is told by its end, or as chosen while it lives."""
    journey = begin(prospect, programme)
    zone = programme.zone
    chosen: dict[int, f.Chosen] = {}
    told: dict[object, tuple[datetime, int, Line]] = {}
    for fact in facts:
        before, journey = journey, evolve(journey, fact, programme)
        zone = zone_of(journey.evidence, programme)
        body, key = fact.body, (fact.at, fact.n)
        if isinstance(body, f.Chosen):
            chosen[body.number] = body
            what, because = piece_path(body.piece, programme), _reasons(body.because, zone)
            told["touch", body.number] = (*key, Line(fact.at, "chosen", what, because, True))
        elif isinstance(body, f.Cancelled) and body.touch in chosen:
            what = piece_path(chosen[body.touch].piece, programme)
            line = Line(fact.at, "cancelled", what, _reasons(body.because, zone), True)
            told["touch", body.touch] = (*key, line)
        elif isinstance(body, f.TouchEnded):
            before_it = told.pop(("touch", body.touch), None)
            if before_it is not None and body.outcome == before_it[2].verb:
                told[fact.n] = before_it  # cancelled as decided: the decision says why
                continue
            told[fact.n] = (*key, _touch_line(fact.at, body, chosen.get(body.touch), programme, zone))
        elif isinstance(body, f.Resent) and body.touch in chosen:
            what = piece_path(chosen[body.touch].piece, programme)
            told[fact.n] = (*key, Line(fact.at, "resent", what, body.words, True))
        else:
            told[fact.n] = (*key, line_of(fact, before, journey, programme))
    return [line for _, _, line in sorted(told.values(), key=lambda one: one[:2])]


def line_of(fact: f.Fact, before: Journey, after: Journey, programme: Programme) -> Line:
    """One fact as a line."""
    body = fact.body
    verb, what, why = _VERBS[type(body)](body, programme, zone_of(after.evidence, programme))
    if type(body) not in f.DECIDED:
        why = why or _effect(before, after, programme, fact.at)
    return Line(fact.at, verb, what, why, type(body) in f.DECIDED)


def show(lines: Iterable[Line], start: datetime, zone: str) -> Iterator[str]:
    """Lines as text: days are counted on the calendar of the zone, from the day of `start`."""
    here = ZoneInfo(zone)
    first = start.astimezone(here).date()
    for line in lines:
        day = (line.at.astimezone(here).date() - first).days
        yield f"day {day:<4}{line.verb:<13}{line.what:<44}  {line.why}".rstrip()


def piece_path(piece: str, programme: Programme) -> str:
    """`early/cost-of-bad-data`."""
    known = programme.pieces.get(piece)
    return f"{known.stage}/{piece}" if known else piece


def _touch_line(
    at: datetime, body: f.TouchEnded, chosen: f.Chosen | None, programme: Programme, zone: str
) -> Line:
    verb = body.outcome.replace("_", " ")
    what = piece_path(chosen.piece, programme) if chosen else f"touch {body.touch}"
    why = _reasons(chosen.because, zone) if chosen and body.outcome == "sent" else body.words
    return Line(at, verb, what, why, True)


def _reasons(because: tuple[Reason, ...], zone: str) -> str:
    return ", ".join(words(reason, zone) for reason in because)


def _effect(before: Journey, after: Journey, programme: Programme, at: datetime) -> str:
    lines = programme.agreement.lines
    was, now = score(before.evidence, lines, at), score(after.evidence, lines, at)
    return f"intent {now - was:+.1f} -> {now:.1f}" if abs(now - was) >= 0.05 else ""


def _url(body: f.Clicked | f.PageViewed, programme: Programme) -> str:
    return piece_read(body, programme.weights) or place(body.url, programme.weights.hosts)


def _values(body: f.Learned) -> str:
    given = [f"{name} {_plain(value)}" for name, value in body.values.items()]
    return ", ".join([*given, *body.personal])


def _plain(value: object) -> str:
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _promoted(body: f.Promoted, programme: Programme, zone: str) -> tuple[str, str, str]:
    figures = {reason.code: reason.figures for reason in body.because}
    if body.lane == "hand_raise":
        return "promoted", f"to sales (grade {body.grade}, asked for sales)", _reasons(body.because, zone)
    points = figures.get("intent", {})
    what = f"to sales (grade {body.grade}, intent {points.get('points', 0):.1f}, timing now)"
    version = programme.agreement.version
    return "promoted", what, f"agreement v{version}: {body.grade} needs {points.get('needs', 0):.1f}"


def _preferences(body: f.Preferred, zone: str) -> str:
    parts = [f"nothing about {topic}" for topic in body.without]
    if body.gap:
        parts.append(f"{span(body.gap)} apart at least")
    if body.paused_until is not None:
        parts.append(f"nothing until {moment(body.paused_until, zone)}")
    return ", ".join(parts) or "as usual, nothing asked"


def _left(body: f.Left, programme: Programme, zone: str) -> tuple[str, str, str]:
    then = {"resting": "rests", "closed": "closed"}.get(body.then, f"goes on with {body.then}")
    if body.rest_until is not None:
        then += f" until {moment(body.rest_until, zone)}"
    return "left", body.sequence or "everything", f"{_reasons(body.because, zone)}; {then}"


_VERBS: Mapping[type, Callable[[Any, Programme, str], tuple[str, str, str]]] = {
    f.Entered: lambda b, p, z: ("entered", f"source {b.source}", f"{b.kind}, basis {b.basis}"),
    f.Learned: lambda b, p, z: ("learned", _values(b), b.origin and f"from {b.origin}"),
    f.Clicked: lambda b, p, z: ("clicked", _url(b, p), ""),
    f.PageViewed: lambda b, p, z: ("viewed", _url(b, p), ""),
    f.FormSent: lambda b, p, z: ("form", b.form, ""),
    f.Consumed: lambda b, p, z: ("consumed", b.piece, ""),
    f.Happened: lambda b, p, z: ("happened", b.name, ""),
    f.Replied: lambda b, p, z: ("replied", "", ""),
    f.Away: lambda b, p, z: ("away", f"until {moment(b.until, z)}" if b.until else "no date named", ""),
    f.Contacted: lambda b, p, z: ("contacted", "by a colleague", b.by),
    f.Resent: lambda b, p, z: ("resent", f"touch {b.touch}", b.words),
    f.Bounced: lambda b, p, z: ("bounced", b.kind, ""),
    f.Complained: lambda b, p, z: ("complained", "", ""),
    f.Consented: lambda b, p, z: (
        "consented",
        b.basis if b.scope == "all" else f"to {b.scope} again",
        f"until {moment(b.until, z)}" if b.until else "",
    ),
    f.Unsubscribed: lambda b, p, z: (
        "unsubscribed",
        "from everything" if b.scope == "all" else f"from {b.scope} only",
        f"by {b.way.replace('_', ' ')}",
    ),
    f.Preferred: lambda b, p, z: ("preferred", _preferences(b, z), ""),
    f.Declined: lambda b, p, z: (
        "declined",
        f"not before {moment(b.until, z)}" if b.until else "not for them",
        f"by {b.way.replace('_', ' ')}",
    ),
    f.Reconsidered: lambda b, p, z: ("reconsidered", "it is for them after all", ""),
    f.Held: lambda b, p, z: ("held", f"until {moment(b.until, z)}" if b.until else "until released", ""),
    f.Released: lambda b, p, z: ("released", "", ""),
    f.Answered: lambda b, p, z: (b.answer, b.reason, f"by {b.by}" if b.by else ""),
    f.DealChanged: lambda b, p, z: ("deal", f"{b.deal} {b.status}", ""),
    f.Retracted: lambda b, p, z: ("retracted", f"fact {b.fact}", b.why),
    f.Erased: lambda b, p, z: ("erased", "", ""),
    f.Enrolled: lambda b, p, z: ("enrolled", b.sequence, _reasons(b.because, z)),
    f.Cancelled: lambda b, p, z: ("cancelled", f"touch {b.touch}", _reasons(b.because, z)),
    f.Moved: lambda b, p, z: ("moved", f"{b.before} -> {b.stage}", _reasons(b.because, z)),
    f.Promoted: _promoted,
    f.Withdrawn: lambda b, p, z: ("withdrawn", "from sales", _reasons(b.because, z)),
    f.Recalled: lambda b, p, z: ("recalled", "from sales", _reasons(b.because, z)),
    f.Left: _left,
}

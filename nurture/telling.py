"""Reasons, verdicts and journeys as words: one notation for command line, web, mail, tests and docs.

The core says why as data (a code and figures); only here it becomes a sentence. A journey is a list of
lines `day 9  moved  early -> mid  evidence 3.2, mid opens at 3.0`, in order of (at, n). Decided lines
print the figures recorded with them; observed lines print what they add under the programme given.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from nurture.core import facts as f
from nurture.core.answers import FOREVER, Answer, Reason
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
from nurture.core.weighing import begin, evolve, piece_read, place

Figures = Mapping[str, Any]


class Line(NamedTuple):
    """One line of a journey: when, what happened, to what, and why or with which effect."""

    at: datetime
    verb: str
    what: str
    why: str = ""
    decided: bool = False


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


# Reasons ------------------------------------------------------------------------------------------------


def words(reason: Reason, zone: str = "UTC") -> str:
    """The reason as a phrase; instants in a zone."""
    teller = _WORDS.get(reason.code)
    return teller({"zone": zone, **reason.figures}) if teller else reason.code


def moment(at: datetime | None, zone: str = "UTC") -> str:
    """An instant as people read it, in a zone: `Mon 2 Mar 2026 08:46 GMT`."""
    if at is None or at.year >= FOREVER.year:
        return "only if something happens"
    return at.astimezone(ZoneInfo(zone)).strftime("%a %-d %b %Y %H:%M %Z")


def span(days: float) -> str:
    """A number of days as words."""
    if days == int(days):
        return f"{int(days)} day" + ("" if days == 1 else "s")
    return f"{days * 24:g} hours"


def _at(figures: Figures, name: str = "until") -> str:
    return moment(figures.get(name), figures["zone"])


def _did(figures: Figures) -> str:
    within = figures.get("within")
    return f"did {figures['signals']}" + (f" within {span(within)}" if within else "")


def _is(figures: Figures) -> str:
    value = figures.get("value")
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    if isinstance(value, float) and value == int(value):
        value = int(value)
    return f"{figures['attribute']} is {value}"


def _chosen(figures: Figures) -> str:
    text = f"first unseen in {figures['stage']}"
    if "topic" in figures:
        origin = "which the source names" if figures["origin"] == "source" else "which interests them"
        text += f" about {figures['topic']}, {origin}"
    return text


def _entry(figures: Figures) -> str:
    source, kind = figures.get("source", "unknown"), figures.get("source_kind", "unknown")
    return f"source {source}" + (f" ({kind})" if kind not in (source, "unknown") else "")


def _inner(figures: Figures) -> str:
    """The words of the rule inside a rule."""
    return words(Reason(figures.get("why", ""), figures))


def _cap(figures: Figures) -> str:
    return f"at most {figures['most']:g} per {span(figures['days'])}, room again {_at(figures)}"


_WORDS: Mapping[str, Callable[[Figures], str]] = {
    # conditions
    "known": lambda g: f"{g['attribute']} is known",
    "not known": lambda g: f"{g['attribute']} is not known",
    "is": _is,
    "did": _did,
    "did not": lambda g: f"{_did(g).replace('did ', 'no ', 1)}",
    "gained": lambda g: f"gained {g['points']:.1f} points within {span(g['within'])} (needs {g['needs']:g})",
    "grade": lambda g: f"grade {g['grade']}" + (f" to {g['best']}" if g["best"] != g["grade"] else ""),
    # fit, intent, timing, promotion
    "disqualified": lambda g: f"disqualified: {g['rule']}",
    "hand raised": lambda g: f"asked for sales ({g['signal']})",
    "hand raised, fit below": lambda g: (
        f"asked for sales ({g['signal']}), but grade {g['grade']} is below {g['needs']}"
    ),
    "fit below": lambda g: f"grade {g['grade']} is never promoted by score ({g['needs']} is the least)",
    "intent": lambda g: f"intent {g['points']:.1f} of {g['needs']:.1f}",
    "intent below": lambda g: (
        f"intent {g['points']:.1f}, {g['needs'] - g['points']:.1f} short of {g['needs']:.1f}"
    ),
    "timing": lambda g: f"{g['rule']} ({_inner(g)})",
    "not yet": lambda g: f"not yet {g['rule']} ({_inner(g)})",
    "fresh": lambda g: f"{g['points']:.1f} fresh points since sales gave the lead back",
    "not fresh": lambda g: f"{g['points']:.1f} fresh points of {g['needs']:g} since sales gave the lead back",
    "no answer": lambda g: f"sales did not answer by {_at(g)}",
    "with sales": lambda g: f"with sales, who have until {_at(g)}",
    "no longer stands": lambda g: f"what it rested on no longer stands ({g['why']})",
    # stages
    "evidence": lambda g: f"evidence {g['evidence']:.1f}, {g['stage']} opens at {g['needs']:.1f}",
    "evidence below": lambda g: f"no later stage has evidence of {g['needs']:.1f}",
    "evidence faded": lambda g: f"evidence faded to {g['evidence']:.1f}, below {g['needs']:.1f}",
    "evidence stands": lambda g: f"the stage's evidence is {g['evidence']:.1f}, it ends at {g['needs']:.1f}",
    # choosing
    "chosen": _chosen,
    "next": lambda g: f"next is {g['stage']}/{g['piece']}",
    "other stage": lambda g: f"is for {g['stage']}",
    "sent": lambda g: f"was sent on {_at(g, 'at')}",
    "consumed": lambda g: f"was read on {_at(g, 'at')}",
    "failed": lambda g: "could not be delivered before",
    "needs": lambda g: f"needs {g['piece']} first",
    "ranks lower": lambda g: (
        f"ranks lower (affinity {g['affinity']:.2f}, the choice has {g['best']:.2f})"
        if g["affinity"] < g["best"]
        else "comes later in the author's order"
    ),
    "not yet published": lambda g: f"is published on {_at(g)}",
    "out of date": lambda g: f"was for use until {g['on']}",
    "not for them": lambda g: f"is not for them: {_inner(g)}",
    "nothing left": lambda g: f"nothing left to say in {g['stage']}",
    "nothing left yet": lambda g: f"nothing left to say in {g['stage']}; {_ending(g)} on {_at(g)}",
    # timing
    "pause": lambda g: f"pause until {_at(g)}",
    "gap": lambda g: f"gap of {span(g['days'])} until {_at(g)}",
    "cool down": lambda g: f"they were active: {span(g['days'])} to read, until {_at(g)}",
    "cap": _cap,
    "open": lambda g: f"the window is open until {_at(g)}",
    "outside the window": lambda g: f"the window opens {_at(g)}",
    # enrollment
    "audience": _entry,
    "not the audience": lambda g: f"not the audience of {g['sequence']}: {_inner(g)}",
    "returns": lambda g: f"takes {g['sequence']} up again",
    "never again": lambda g: f"{g['sequence']} takes nobody twice",
    "not again yet": lambda g: f"{g['sequence']} takes them again from {_at(g)}",
    "resting": lambda g: f"resting until {_at(g)}",
    "came back": lambda g: "came back by themselves",
    "on its way": lambda g: f"{g['piece']} is on its way",
    "exit": lambda g: f"its exit holds: {_inner(g)}",
    "left": lambda g: f"left {g['sequence']}",
    "unknown sequence": lambda g: "in no sequence that the programme knows",
    # permission
    "silent": lambda g: f"may not be mailed: {g['why']}",
    "no consent": lambda g: "may not be mailed: no ground for it",
    "consent over": lambda g: f"may not be mailed: consent ended {_at(g, 'at')}",
    "held": lambda g: f"held until {'released' if g['until'] == FOREVER else _at(g)}",
    "quarantined": lambda g: f"quarantined after {g['failures']} failures in a row",
    "retracted": lambda g: "a fact it rested on was retracted",
    # states that only a fact ends
    "accepted": lambda g: "sales accepted and owns the lead",
    "opportunity": lambda g: "sales sees a deal",
    "won": lambda g: "won",
    "lost": lambda g: "lost",
    "closed": lambda g: "closed: only asking for sales opens it again",
    "gone": lambda g: "erased",
    "promoted": lambda g: "promoted to sales",
}


def _ending(figures: Figures) -> str:
    return {"rest": "rests", "close": "closes"}.get(figures["then"], f"goes on with {figures['then']}")


# Journeys -----------------------------------------------------------------------------------------------


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
    f.Bounced: lambda b, p, z: ("bounced", b.kind, ""),
    f.Complained: lambda b, p, z: ("complained", "", ""),
    f.Consented: lambda b, p, z: ("consented", b.basis, ""),
    f.Unsubscribed: lambda b, p, z: ("unsubscribed", b.way.replace("_", " "), ""),
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


# Why ----------------------------------------------------------------------------------------------------


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

"""Whom we take into which sequence, and where somebody goes who leaves one."""

from datetime import datetime

from nurture.core import facts as f
from nurture.core.answers import FOREVER, Answer, Reason, every, some
from nurture.core.choosing import Choice
from nurture.core.conditions import Fit, ask
from nurture.core.evidence import last_engaged
from nurture.core.journey import CLOSED, RESTING, Journey
from nurture.core.programme import Programme, Sequence
from nurture.core.timing import later, zone_of


def audience(
    journey: Journey, programme: Programme, now: datetime, fit: Fit
) -> tuple[Sequence | None, Answer]:
    """The sequence to take this prospect in: one agreed on before, else the first that is for them."""
    rest = _rested(journey, now)
    if not rest.holds:
        return None, rest
    answers: list[Answer] = []
    agreed = journey.follow or journey.enrolled
    first = sorted(programme.sequences, key=lambda one: not _returns(journey, one)) if agreed else None
    for sequence in first or programme.sequences:
        welcome = _welcome(journey, sequence, now, fit)
        if welcome.holds:
            return sequence, Answer(True, _entry(journey, sequence), welcome.until)
        answers.append(welcome)
    return None, some(answers)._replace(holds=False)


def silence(
    journey: Journey, sequence: Sequence, choice: Choice, programme: Programme, now: datetime
) -> Answer:
    """Nothing is left to say: has the sequence's wait passed since the last touch or sign of life?

    A piece that time alone will make eligible keeps the sequence going.
    """
    if choice.until != FOREVER:
        return Answer(False, choice.because, choice.until)
    last = [journey.enrolled[sequence.id], journey.last_touch, last_engaged(journey.evidence)]
    since = max(moment for moment in last if moment is not None)
    ends = later(since, sequence.ending.wait, zone_of(journey.evidence, programme))
    figures = {"stage": journey.stage, "since": since, "until": ends, "then": sequence.ending.then}
    if now >= ends:
        return Answer(True, Reason("nothing left", figures))
    return Answer(False, Reason("nothing left yet", figures), ends)


def leave(number: int, sequence: Sequence, now: datetime, because: Reason) -> f.Left:
    """Out of the sequence, to what its author wrote that comes after."""
    match sequence.ending.then:
        case "rest":
            return f.Left(number, sequence.id, RESTING, now + sequence.ending.rest_for, (because,))
        case "close":
            return f.Left(number, sequence.id, CLOSED, None, (because,))
        case other:
            return f.Left(number, sequence.id, other, None, (because,))


def unsubscribe(number: int, sequence: Sequence, now: datetime) -> f.Left:
    """Out of a sequence they do not want, to rest as long as it lets rest.

    Not on to what follows it, and not closed: both are for those who heard it to its end.
    """
    because = Reason("unsubscribed from", {"sequence": sequence.id})
    return f.Left(number, sequence.id, RESTING, now + sequence.ending.rest_for, (because,))


def _rested(journey: Journey, now: datetime) -> Answer:
    if journey.lifecycle != RESTING:
        return Answer(True, Reason("not resting"))
    engaged = last_engaged(journey.evidence)
    woken = engaged is not None and journey.resting_since is not None and engaged > journey.resting_since
    if woken and not journey.rest_fixed:
        return Answer(True, Reason("came back", {"at": engaged}))
    until = journey.rest_until
    if until is not None and now >= until:
        return Answer(True, Reason("rested"))
    code = "resting" if journey.declined is None else "not before"
    return Answer(False, Reason(code, {"until": until or FOREVER}), until or FOREVER)


def _returns(journey: Journey, sequence: Sequence) -> bool:
    """Agreed on before: named by the sequence just left, or interrupted when sales took over."""
    return sequence.id == journey.follow or sequence.id in journey.enrolled


def _welcome(journey: Journey, sequence: Sequence, now: datetime, fit: Fit) -> Answer:
    if sequence.id in journey.permission.unwanted:
        return Answer(False, Reason("unsubscribed from", {"sequence": sequence.id}))
    if sequence.id in journey.enrolled:
        return Answer(True, Reason("returns", {"sequence": sequence.id}))
    return every((_again(journey, sequence, now), _for_them(journey, sequence, now, fit)))


def _for_them(journey: Journey, sequence: Sequence, now: datetime, fit: Fit) -> Answer:
    answer = ask(sequence.audience, journey.evidence, now, fit)
    figures = {"sequence": sequence.id, "why": answer.because.code, **answer.because.figures}
    code = "audience" if answer.holds else "not the audience"
    return Answer(answer.holds, Reason(code, figures), answer.until)


def _again(journey: Journey, sequence: Sequence, now: datetime) -> Answer:
    left = journey.left.get(sequence.id)
    if left is None:
        return Answer(True, Reason("first time", {"sequence": sequence.id}))
    if sequence.again is None:
        return Answer(False, Reason("never again", {"sequence": sequence.id}))
    opens = left + sequence.again
    if now >= opens:
        return Answer(True, Reason("again", {"sequence": sequence.id}))
    return Answer(False, Reason("not again yet", {"sequence": sequence.id, "until": opens}), opens)


def _entry(journey: Journey, sequence: Sequence) -> Reason:
    figures = {
        name: known.value
        for name in ("source", "source_kind")
        if (known := journey.evidence.attributes.get(name)) is not None
    }
    if sequence.id in journey.enrolled:
        return Reason("returns", {"sequence": sequence.id, **figures})
    return Reason("audience", {"sequence": sequence.id, **figures})

"""The packet: everything sales needs to trust a lead and to start the talk, taken from the record.

It is put together when the prospect is promoted and holds no identity; name and address are added when
it is shown or mailed, so that erasing a person leaves nothing here.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nurture.core import facts as f
from nurture.core.answers import FOREVER, Reason
from nurture.core.evidence import last_engaged
from nurture.core.journey import Journey
from nurture.core.permission import REPLIED
from nurture.core.programme import Programme
from nurture.core.timing import business_later
from nurture.core.weighing import piece_read
from nurture.telling import moment, rounded, show, tell, why, words

_MOST_LINES = 60


def packet(
    journey: Journey, facts: Sequence[f.Fact], promoted: f.Fact, programme: Programme
) -> dict[str, Any]:
    """The packet as plain data for JSON and templates. `journey` and `facts` are up to the promotion."""
    body = promoted.body
    assert isinstance(body, f.Promoted)
    now, agreement = promoted.at, programme.agreement
    zone = agreement.clock.hours.zone
    answer = why(journey, programme, now, zone)
    entered = journey.entered_at or now
    return {
        "lane": body.lane,
        "grade": body.grade,
        "best_grade": answer.fit.best,
        "company": _known(journey, "company"),
        "role": _known(journey, "role"),
        "country": _known(journey, "country"),
        "fit": [
            {"criterion": name, "weight": weight, "holds": holds, "words": text}
            for name, weight, holds, text in answer.fit_lines
        ],
        "intent": round(answer.intent, 1),
        "lines": [
            {"words": line.words, "points": line.points}
            for line in rounded(answer.intent_lines, round(answer.intent, 1))
        ],
        "timing": f"{answer.timing}: {answer.timing_words}",
        "why_now": list(dict.fromkeys(words(reason, zone) for reason in body.because)),
        "stage": journey.stage,
        "stages": _stages(facts, zone),
        "read": _read(facts, programme, zone),
        "source": _known(journey, "source"),
        "source_kind": _known(journey, "source_kind"),
        "campaign": _known(journey, "campaign"),
        "days": (now - entered) // timedelta(days=1),
        "questions": _questions(journey, programme, answer.fit_lines),
        "opening": _opening(journey, facts, programme, zone),
        "warnings": _warnings(journey, facts, now, zone),
        "agreement": agreement.version,
        "review_overdue": now.astimezone(ZoneInfo(zone)).date() > agreement.review_by,
        "due": moment(due(programme, now), zone),
        "journey": _newest(list(show(tell(journey.prospect, facts, programme), entered, zone))),
    }


def due(programme: Programme, promoted_at: datetime) -> datetime:
    """When sales promised to have answered, in business time."""
    clock = programme.agreement.clock
    return business_later(clock.hours, promoted_at, clock.answer)


def _newest(lines: list[str]) -> list[str]:
    """The end of a long journey; the whole of it is one command away."""
    left_out = len(lines) - _MOST_LINES
    return [f"({left_out} earlier lines)", *lines[left_out:]] if left_out > 0 else lines


def _known(journey: Journey, name: str) -> str:
    known = journey.evidence.attributes.get(name)
    return str(known.value) if known is not None and known.value is not None else ""


def _stages(facts: Sequence[f.Fact], zone: str) -> list[dict[str, str]]:
    return [
        {"at": moment(fact.at, zone), "words": f"{fact.body.before} -> {fact.body.stage}"}
        for fact in facts
        if isinstance(fact.body, f.Moved)
    ]


def _read(facts: Sequence[f.Fact], programme: Programme, zone: str) -> list[dict[str, str]]:
    """What was read, the first time each, the newest first."""
    first: dict[str, datetime] = {}
    for fact in sorted(facts, key=lambda one: (one.at, one.n)):
        piece = piece_read(fact.body, programme.weights)
        if piece is not None:
            first.setdefault(piece, fact.at)
    return [
        {"at": moment(at, zone), "piece": piece, "title": programme.pieces[piece].title}
        for piece, at in sorted(first.items(), key=lambda item: item[1], reverse=True)
    ]


def _questions(
    journey: Journey, programme: Programme, lines: Sequence[tuple[str, float, str, str]]
) -> list[str]:
    """What is not known and worth asking: unknown lines of fit, the heaviest first."""
    open_lines = sorted((line for line in lines if line[2] == "unknown"), key=lambda line: -line[1])
    questions = []
    for name, _, _, _ in open_lines:
        attribute = programme.attributes.get(name)
        questions.append(
            attribute.ask if attribute and attribute.ask else f"{name.replace('_', ' ')} is not known"
        )
    return questions


def _opening(journey: Journey, facts: Sequence[f.Fact], programme: Programme, zone: str) -> str:
    """Where to start: the newest thing they did, and the doubt that what they read answers."""
    read = [(fact.at, piece) for fact in facts if (piece := piece_read(fact.body, programme.weights))]
    forms = [(fact.at, fact.body.form) for fact in facts if isinstance(fact.body, f.FormSent)]
    start = f"They sent the form {forms[-1][1]} on {moment(forms[-1][0], zone)}." if forms else ""
    if not read:
        engaged = last_engaged(journey.evidence)
        return start or (f"Their last sign of life was on {moment(engaged, zone)}." if engaged else "")
    at, latest = max(read, key=lambda pair: pair[0])
    last = programme.pieces[latest]
    doubt = f" It answers: {last.answers}" if last.answers else ""
    return f"{start} They read “{last.title}” on {moment(at, zone)}.{doubt}".lstrip()


def _warnings(journey: Journey, facts: Sequence[f.Fact], now: datetime, zone: str) -> list[str]:
    permission = journey.permission
    warnings = []
    if permission.silence:
        warnings.append(f"May not be sent marketing mail: {permission.silence}.")
    if permission.held and (permission.held_until is None or permission.held_until > now):
        warnings.append(_sentence(Reason("held", {"until": permission.held_until or FOREVER}), zone))
    for quiet in permission.quiet:
        if quiet.until <= now:
            continue
        if quiet.why == REPLIED:
            wrote = next(fact.at for fact in facts if fact.n == quiet.n)
            warnings.append(f"They wrote to us on {moment(wrote, zone)}: read it before you write or call.")
        else:
            warnings.append(_sentence(Reason(quiet.why, {"until": quiet.until}), zone))
    if journey.came_back is not None:
        warnings.append(f"Sales had this lead before, until {moment(journey.came_back, zone)}.")
    return warnings


def _sentence(reason: Reason, zone: str) -> str:
    said = words(reason, zone)
    return f"{said[:1].upper()}{said[1:]}."

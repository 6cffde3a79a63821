"""An observed line of a story as the fact it stands for: its words checked, each problem with its place."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from nurture.core import facts as f
from nurture.core.journey import Journey
from nurture.core.permission import BASES
from nurture.core.programme import SOURCE_KINDS, Attribute, Programme
from nurture.core.promotion import answered
from nurture.simulation.stories import NOON, Given, Place, Story, StoryProblem, Told, one_of, parts

BOUNCES = ("hard", "soft", "block", "content", "unknown")
ENTRY = ("source", "kind", "campaign", "basis", "given")
"""Words of the head that say how somebody came in."""
_FLAGS = {"yes": True, "true": True, "no": False, "false": False}


def instant(story: Story, day: int, clock: time) -> datetime:
    """That time of the story's clock on a day of it."""
    local = story.start.astimezone(ZoneInfo(story.zone)).date() + timedelta(days=day)
    return datetime.combine(local, clock, ZoneInfo(story.zone)).astimezone(UTC)


def entered(given: Mapping[str, Given]) -> f.Entered:
    """How somebody came in, in the words of the head or of a line. Raises StoryProblem."""
    said = {name: one.value for name, one in given.items()}
    source = said.get("source", "unknown")
    kind = said.get("kind", source if source in SOURCE_KINDS else "unknown")
    basis = said.get("basis", "consent")
    if "kind" in given:
        one_of(kind, SOURCE_KINDS, given["kind"].place, "kind of source")
    if "basis" in given:
        one_of(basis, BASES, given["basis"].place, "ground for writing")
    return f.Entered(source, kind, said.get("campaign", ""), basis, _given(given.get("given")))


def _given(said: Given | None) -> datetime | None:
    """The day on which the ground for writing was given, in UTC."""
    if said is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(said.value), time(), UTC)
    except ValueError:
        raise StoryProblem(said.place, f'"{said.value}" is no date', "given 2026-04-12") from None


def known(story: Story, programme: Programme) -> f.Learned | None:
    """What is known of them at the start; their zone is the story's unless it says otherwise."""
    given = {name: one for name, one in story.who.items() if name not in ENTRY}
    if "zone" in programme.attributes:
        given.setdefault("zone", Given(story.zone, Place(story.path, 1)))
    return _learned(given, programme) if given else None


def _learned(given: Mapping[str, Given], programme: Programme) -> f.Learned:
    values: dict[str, f.Scalar | None] = {}
    personal: list[str] = []
    for name, one in given.items():
        one_of(name, programme.attributes, one.place, "declared attribute")
        attribute = programme.attributes[name]
        if attribute.personal:
            personal.append(name)
        else:
            values[name] = None if one.value == "unknown" else _value(attribute, one)
    return f.Learned(values, tuple(personal), "story")


def _value(attribute: Attribute, given: Given) -> f.Scalar:
    """The text as the attribute's type. A zone may be one that does not exist, as in real lists."""
    text = given.value
    try:
        match attribute.type:
            case "number":
                return float(text)
            case "flag":
                return _FLAGS[text.lower()]
            case "date":
                return date.fromisoformat(text).isoformat()
            case "list":
                return tuple(text.split("+"))
            case "choice":
                return one_of(text, attribute.values, given.place, f"value of {attribute.name}")
    except (ValueError, KeyError):
        raise StoryProblem(
            given.place, f'"{text}" is no {attribute.type}', f"{attribute.name} {_EXAMPLES[attribute.type]}"
        ) from None
    return text


_EXAMPLES = {"number": "400", "flag": "yes", "date": "2026-12-31"}


def observed(line: Told, story: Story, programme: Programme) -> f.Body:
    """What an observed line says happened, where the journey so far does not matter. Raises StoryProblem."""
    what = line.what
    match line.verb:
        case "entered":
            given = parts(Given(what, line.about))
            for name, one in given.items():
                one_of(name, ENTRY, one.place, "word of entering")
            return entered(given)
        case "learned":
            return _learned(parts(Given(_needed(line, "role controller"), line.about)), programme)
        case "viewed":
            return f.PageViewed(url_of(line, programme, whole=False))
        case "form":
            return f.FormSent(one_of(what, programme.forms, line.about, "declared form"))
        case "consumed":
            return f.Consumed(one_of(what, programme.pieces, line.about, "piece"))
        case "happened":
            return f.Happened(_needed(line, "webinar_attended"))
        case "bounced":
            return f.Bounced(0, one_of(what or "hard", BOUNCES, line.about, "kind of bounce"))
        case "consented" if what.startswith("to "):
            return f.Consented("consent", _sequence(line, "to ", programme))
        case "consented":
            return f.Consented(one_of(what or "consent", BASES[1:], line.about, "ground for writing"))
        case "unsubscribed" if what:
            return f.Unsubscribed(_sequence(line, "from ", programme))
        case "preferred":
            return _preferred(line, story, programme)
    if line.verb in _UNTIL:
        return _UNTIL[line.verb](until=_until(line, story))
    return _NO_MORE_WORDS[line.verb]()


_UNTIL: Mapping[str, type[f.Held | f.Away | f.Declined]] = {
    "held": f.Held,
    "away": f.Away,
    "declined": f.Declined,
}
"""Verbs that may say `until day 24`."""

_NO_MORE_WORDS: Mapping[
    str, type[f.Replied | f.Complained | f.Unsubscribed | f.Released | f.Contacted | f.Reconsidered]
] = {
    "replied": f.Replied,
    "complained": f.Complained,
    "unsubscribed": f.Unsubscribed,
    "released": f.Released,
    "contacted": f.Contacted,
    "reconsidered": f.Reconsidered,
}

_WISHES = ("without", "gap", "paused")


def _preferred(line: Told, story: Story, programme: Programme) -> f.Preferred:
    """`without cost+control, gap 14 days, paused until day 40`; nothing: as if nothing had been asked."""
    given = parts(Given(line.what, line.about)) if line.what else {}
    for name, one in given.items():
        one_of(name, _WISHES, one.place, "wish")
    topics = dict.fromkeys(topic for piece in programme.pieces.values() for topic in piece.topics)
    without = given["without"].value.split("+") if "without" in given else ()
    paused = given.get("paused")
    return f.Preferred(
        tuple(one_of(topic, topics, given["without"].place, "topic") for topic in without),
        _days(given["gap"]) if "gap" in given else 0,
        _until(line._replace(what=paused.value, about=paused.place), story) if paused else None,
    )


def _days(given: Given) -> int:
    number = given.value.removesuffix(" days")
    if not (number.isascii() and number.isdigit() and len(number) <= 4):
        raise StoryProblem(given.place, f'"{given.value}" is no number of days', "gap 14 days")
    return int(number)


def _sequence(line: Told, before: str, programme: Programme) -> str:
    names = [sequence.id for sequence in programme.sequences]
    if not line.what.startswith(before):
        raise StoryProblem(line.about, f'"{line.what}" names no sequence', f"{line.verb}  {before}{names[0]}")
    return one_of(line.what.removeprefix(before).strip(), names, line.about, "sequence")


def answered_line(line: Told, journey: Journey, programme: Programme, at: datetime) -> f.Answered:
    """What sales answers. Raises StoryProblem for a reason the agreement does not know."""
    agreement = programme.agreement
    reasons = {"rejected": agreement.rejected, "recycled": agreement.recycled}.get(line.verb)
    if reasons is not None:
        one_of(line.what, reasons, line.about, f"reason for {line.verb}")
    return answered(agreement, journey.handoff, line.verb, line.what, by="story", at=at)


def url_of(line: Told, programme: Programme, *, whole: bool) -> str:
    """A piece's page, a path or a url, as the fact carries it."""
    piece = programme.pieces.get(line.what)
    if piece is None and not line.what.startswith(("/", "http://", "https://")):
        one_of(line.what, programme.pieces, line.about, "piece, path (/pricing) or url")
    target = piece.url if piece else line.what
    return programme.site.url.rstrip("/") + target if whole and target.startswith("/") else target


def _until(line: Told, story: Story) -> datetime | None:
    if not line.what:
        return None
    word, _, day = line.what.removeprefix("until ").partition(" ")
    if word != "day" or not (day.isascii() and day.isdigit() and len(day) <= 4):
        example = "until day 24" if line.verb == "preferred" else f"{line.verb}  until day 24"
        raise StoryProblem(line.about, f'"{line.what}" is no day', example)
    return instant(story, int(day), NOON)


def _needed(line: Told, example: str) -> str:
    if not line.what:
        raise StoryProblem(line.place, f"{line.verb} what?", f"{line.verb}  {example}")
    return line.what

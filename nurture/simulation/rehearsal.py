"""A story played against the programme in memory, and what came out compared with what is written.

Observed lines are played in, at the time written or at 12:00; decided lines must come out, all of them, in
this order. The right-hand column is compared where it is written. `sent` is a piece chosen and its ending,
which follows at once; a line may say failed, expired or suppressed instead. `chosen` and `cancelled` leave
the message on its way. Nothing is sent or stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from nurture.core import facts as f
from nurture.core.decide import settle
from nurture.core.journey import Journey
from nurture.core.programme import SOURCE_KINDS, Attribute, Programme
from nurture.core.promotion import answered
from nurture.core.weighing import begin, evolve
from nurture.simulation.stories import (
    ANSWERS,
    DECIDED,
    ENDINGS,
    NOON,
    OBSERVED,
    Given,
    Place,
    Story,
    StoryProblem,
    Told,
    one_of,
    parts,
)
from nurture.telling import Line, show, tell

ON_ITS_WAY = ("chosen", "cancelled")
BASES = ("consent", "soft_opt_in", "customer", "legitimate_interest", "none")
BOUNCES = ("hard", "soft", "block")
_ENTRY = ("source", "kind", "campaign", "basis")
_FLAGS = {"yes": True, "true": True, "no": False, "false": False}
_LAST_INSTANT = time(23, 59, 59)


class Played(NamedTuple):
    """What came of it. No differences: it passed."""

    story: Story
    differences: tuple[str, ...]
    journey: tuple[str, ...]


def play(story: Story, programme: Programme) -> Played:
    """Play the observed lines in and compare what is decided. Raises StoryProblem for an unknown word."""
    rehearsal = _Rehearsal(story, programme)
    rehearsal.run()
    lines = tell(1, rehearsal.facts, programme)
    differences = tuple(_compare(story, [line for line in lines if line.verb in DECIDED]))
    return Played(story, differences, tuple(show(lines, story.start, story.zone)))


class _Rehearsal:
    """One prospect in memory: facts at their times, settle at each wake, touches end at once."""

    def __init__(self, story: Story, programme: Programme) -> None:
        self.story, self.programme = story, programme
        self.journey: Journey = begin(1, programme)
        self.facts: list[f.Fact] = []
        self.played: dict[str, int] = {}
        self.on_its_way = 0
        self.endings = iter([line for line in story.lines if line.verb in (*ENDINGS, *ON_ITS_WAY)])

    def run(self) -> None:
        entry = {name: given for name, given in self.story.who.items() if name in _ENTRY}
        self.hear(_entered(entry), self.story.start)
        learned = _known(self.story, self.programme)
        if learned is not None:
            self.hear(learned, self.story.start)
        wake = self.story.start
        for line in self.story.lines:
            if line.verb in OBSERVED:
                at = _instant(self.story, line.day, line.clock or NOON)
                if at < self.story.start:
                    raise StoryProblem(line.place, "is before the story starts", "a later time")
                wake = self.wait(wake, at)
                self.hear(self.observed(line, at), at)
                self.played[f"{line.verb} {line.what}".strip()] = self.journey.n
                wake = self.wake(at)
        self.wait(wake, _instant(self.story, self.story.lines[-1].day, _LAST_INSTANT))

    def observed(self, line: Told, at: datetime) -> f.Body:
        """What the line says happened."""
        if line.verb == "retracted":
            if line.what not in self.played:
                what = f'nothing was played before as "{line.what}"'
                raise StoryProblem(line.about, what, "retracted  viewed /pricing")
            return f.Retracted(self.played[line.what])
        if line.verb == "clicked":
            last = max(self.journey.sent, key=lambda name: self.journey.sent[name], default="")
            return f.Clicked(self.journey.decisions, last, 1, _url(line, self.programme, whole=True))
        if line.verb in ANSWERS:
            return _answered(line, self.journey, self.programme, at)
        return _observed(line, self.story, self.programme)

    def wait(self, wake: datetime, until: datetime) -> datetime:
        """Wake at every moment promised before `until`."""
        while wake < until:
            wake = self.wake(wake)
        return wake

    def wake(self, now: datetime) -> datetime:
        settled = settle(self.journey, self.programme, now)
        self.facts.extend(settled.facts)
        self.journey = settled.journey
        live = self.journey.live
        if live is None:
            return settled.wait.until
        if live.cancelled:
            self.hear(f.TouchEnded(live.number, "cancelled"), now)
            return self.wake(now)
        if live.number == self.on_its_way:
            return settled.wait.until
        ending = next(self.endings, None)
        if ending is not None and ending.verb in ON_ITS_WAY:
            self.on_its_way = live.number
            return settled.wait.until
        self.hear(f.TouchEnded(live.number, ending.verb if ending else "sent"), now)
        return self.wake(now)

    def hear(self, body: f.Body, at: datetime) -> None:
        fact = f.Fact(1, self.journey.n + 1, at, at, self.programme.hash, body)
        self.facts.append(fact)
        self.journey = evolve(self.journey, fact, self.programme)


def _instant(story: Story, day: int, clock: time) -> datetime:
    local = story.start.astimezone(ZoneInfo(story.zone)).date() + timedelta(days=day)
    return datetime.combine(local, clock, ZoneInfo(story.zone)).astimezone(UTC)


def _entered(given: Mapping[str, Given]) -> f.Entered:
    said = {name: one.value for name, one in given.items()}
    source = said.get("source", "unknown")
    kind = said.get("kind", source if source in SOURCE_KINDS else "unknown")
    basis = said.get("basis", "consent")
    if "kind" in given:
        one_of(kind, SOURCE_KINDS, given["kind"].place, "kind of source")
    if "basis" in given:
        one_of(basis, BASES, given["basis"].place, "ground for writing")
    return f.Entered(source, kind, said.get("campaign", ""), basis)


def _known(story: Story, programme: Programme) -> f.Learned | None:
    """What is known of them at the start; their zone is the story's unless it says otherwise."""
    given = {name: one for name, one in story.who.items() if name not in _ENTRY}
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


def _observed(line: Told, story: Story, programme: Programme) -> f.Body:
    what = line.what
    match line.verb:
        case "entered":
            given = parts(Given(what, line.about))
            for name, one in given.items():
                one_of(name, _ENTRY, one.place, "word of entering")
            return _entered(given)
        case "learned":
            return _learned(parts(Given(_needed(line, "role controller"), line.about)), programme)
        case "viewed":
            return f.PageViewed(_url(line, programme, whole=False))
        case "form":
            return f.FormSent(one_of(what, programme.forms, line.about, "declared form"))
        case "consumed":
            return f.Consumed(one_of(what, programme.pieces, line.about, "piece"))
        case "happened":
            return f.Happened(_needed(line, "webinar_attended"))
        case "bounced":
            return f.Bounced(0, one_of(what or "hard", BOUNCES, line.about, "kind of bounce"))
        case "consented":
            return f.Consented(one_of(what or "consent", BASES[:-1], line.about, "ground for writing"))
        case "held":
            return f.Held(_held_until(line, story))
    return _NO_MORE_WORDS[line.verb]()


_NO_MORE_WORDS: Mapping[str, type[f.Replied | f.Complained | f.Unsubscribed | f.Released]] = {
    "replied": f.Replied,
    "complained": f.Complained,
    "unsubscribed": f.Unsubscribed,
    "released": f.Released,
}


def _answered(line: Told, journey: Journey, programme: Programme, at: datetime) -> f.Answered:
    agreement = programme.agreement
    reasons = {"rejected": agreement.rejected, "recycled": agreement.recycled}.get(line.verb)
    if reasons is not None:
        one_of(line.what, reasons, line.about, f"reason for {line.verb}")
    return answered(agreement, journey.handoff, line.verb, line.what, by="story", at=at)


def _url(line: Told, programme: Programme, *, whole: bool) -> str:
    """A piece's page, a path or a url, as the fact carries it."""
    piece = programme.pieces.get(line.what)
    if piece is None and not line.what.startswith(("/", "http://", "https://")):
        one_of(line.what, programme.pieces, line.about, "piece, path (/pricing) or url")
    target = piece.url if piece else line.what
    return programme.site.url.rstrip("/") + target if whole and target.startswith("/") else target


def _held_until(line: Told, story: Story) -> datetime | None:
    if not line.what:
        return None
    word, _, day = line.what.removeprefix("until ").partition(" ")
    if word != "day" or not (day.isascii() and day.isdigit() and len(day) <= 4):
        raise StoryProblem(line.about, f'"{line.what}" is no end of a hold', "held  until day 24")
    return _instant(story, int(day), NOON)


def _needed(line: Told, example: str) -> str:
    if not line.what:
        raise StoryProblem(line.place, f"{line.verb} what?", f"{line.verb}  {example}")
    return line.what


# Comparing ----------------------------------------------------------------------------------------------


def _compare(story: Story, came: Sequence[Line]) -> Iterator[str]:
    expected = [line for line in story.lines if line.verb in DECIDED]
    for index in range(max(len(expected), len(came))):
        wanted = expected[index] if index < len(expected) else None
        line = came[index] if index < len(came) else None
        if wanted is None and line is not None:
            yield f"{story.path}: not written, but came out: {_shown(line, story)}"
        elif line is None and wanted is not None:
            written = f"day {wanted.day} {wanted.verb} {wanted.what}"
            yield f"{story.path}:{wanted.place.line}: did not come out: {written}"
        elif wanted is not None and line is not None and not _same(wanted, line, story):
            yield f"{story.path}:{wanted.place.line}: came out as: {_shown(line, story)}"
            return  # what follows is a consequence


def _same(wanted: Told, line: Line, story: Story) -> bool:
    local = line.at.astimezone(ZoneInfo(story.zone))
    day = (local.date() - story.start.astimezone(ZoneInfo(story.zone)).date()).days
    if (day, line.verb) != (wanted.day, wanted.verb):
        return False
    if wanted.clock is not None and local.time().replace(second=0, microsecond=0) != wanted.clock:
        return False
    if wanted.what and wanted.what != line.what and not line.what.startswith(wanted.what + " ("):
        return False
    return not wanted.why or wanted.why == line.why


def _shown(line: Line, story: Story) -> str:
    """The line as the journey prints it, with its time, which may be all that differs."""
    (text,) = show([line], story.start, story.zone)
    return f"{text}  (at {line.at.astimezone(ZoneInfo(story.zone)):%H:%M})"

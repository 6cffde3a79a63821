"""Stories: journeys written as text, played against the programme in memory, and compared.

A story is a regression test that marketers read and write. Its head says when it starts and who it is
about; below `---` stand journey lines. Observed lines are played in, at the time written or at 12:00;
decided lines must come out, all of them, in this order. The right-hand column, after two spaces or more,
is compared where it is written. `sent` is a piece chosen and its ending, which follows at once; a line
may say failed, expired or suppressed instead. Grammar: docs/stories.md.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from nurture.core import facts as f
from nurture.core.decide import settle
from nurture.core.journey import Journey
from nurture.core.programme import SOURCE_KINDS, Attribute, Programme
from nurture.core.promotion import answered
from nurture.core.timing import is_zone
from nurture.core.weighing import begin, evolve
from nurture.telling import Line, show, tell

ENDINGS = ("sent", "failed", "expired", "suppressed")
DECIDED = ("enrolled", "chosen", "cancelled", "moved", "promoted", "withdrawn", "recalled", "left", *ENDINGS)
END = "end"
"""`day 30  end`: play up to the end of that day, though nothing is written there."""

_ANSWERS = ("accepted", "rejected", "recycled", "opportunity", "won", "lost")
_NOON = time(12)
_START_HINT = "start: 2026-03-02 08:00 Europe/London"
_LINE = re.compile(r"day +(\d+)(?: +(\d{1,2}):(\d{2}))? +([a-z_]+)(?: +(\S.*))?$")


class StoryProblem(Exception):
    """A line of a story that cannot be read: `file:line  what is wrong  what to write instead`."""


class Told(NamedTuple):
    """A line as written."""

    number: int
    day: int
    clock: time | None
    verb: str
    what: str
    why: str


class Story(NamedTuple):
    """A story as written: local start and zone, who it is about, and its lines."""

    path: str
    start: datetime
    zone: str
    who: Mapping[str, str]
    lines: tuple[Told, ...]


class Played(NamedTuple):
    """What came of it. No differences: it passed."""

    story: Story
    differences: tuple[str, ...]
    journey: tuple[str, ...]


# Reading ------------------------------------------------------------------------------------------------


def read(path: str, text: str) -> Story:
    """The story in a file's text. Raises StoryProblem with the place."""
    head: dict[str, tuple[int, str]] = {}
    lines: list[Told] = []
    below = False
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.rstrip()
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.strip() == "---":
            below = True
        elif below:
            lines.append(_told(path, number, line))
        else:
            name, colon, value = line.partition(":")
            if not colon or name.strip() not in ("start", "who"):
                raise _problem(path, number, f'"{line.strip()}" is no head line', "start: ... or who: ...")
            head[name.strip()] = (number, value.strip())
    if "start" not in head:
        raise _problem(
            path, 1, "the story does not say when it starts", "start: 2026-03-02 08:00 Europe/London"
        )
    if not lines:
        raise _problem(
            path, 1, "the story has no lines", "--- and below it lines such as: day 0  enrolled  new-leads"
        )
    start, zone = _start(path, *head["start"])
    return Story(path, start, zone, _who(path, *head.get("who", (1, ""))), tuple(lines))


def _told(path: str, number: int, line: str) -> Told:
    found = _LINE.match(line.strip())
    if not found:
        raise _problem(path, number, "not a journey line", "day 2  clicked  /pricing")
    day, hour, minute, verb, rest = found.groups()
    what, _, why = re.sub(r" {2,}", "\t", rest or "", count=1).partition("\t")
    if verb not in VERBS:
        raise _problem(path, number, f'"{verb}" is no verb', "one of " + ", ".join(VERBS))
    clock = None
    if hour is not None:
        if int(hour) > 23 or int(minute) > 59:
            raise _problem(path, number, f"{hour}:{minute} is no time of day", "day 2 14:05")
        clock = time(int(hour), int(minute))
    return Told(number, int(day), clock, verb, what.strip(), why.strip())


def _start(path: str, number: int, text: str) -> tuple[datetime, str]:
    try:
        moment, zone = text.rsplit(" ", 1)
        if not is_zone(zone):
            raise ValueError
        return datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC), zone
    except ValueError:
        raise _problem(path, number, f'"{text}" is no start', _START_HINT) from None


def _who(path: str, number: int, text: str) -> dict[str, str]:
    who: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, space, value = part.partition(" ")
        if not space:
            raise _problem(path, number, f'"{part}" has no value', "who: role vp, source referral")
        who[name] = value.strip()
    return who


def _problem(path: str, number: int, what: str, hint: str) -> StoryProblem:
    return StoryProblem(f"{path}:{number}:1  {what}  write: {hint}")


# Playing ------------------------------------------------------------------------------------------------


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
        self.endings = iter([line for line in story.lines if line.verb in (*ENDINGS, "chosen")])

    def run(self) -> None:
        self.hear(_entered(self.story.who), self.story.start)
        learned = _learned(self.story, self.programme)
        if learned is not None:
            self.hear(learned, self.story.start)
        wake = self.story.start
        for line in self.story.lines:
            if line.verb in DECIDED or line.verb == END:
                continue
            at = _instant(self.story, line.day, line.clock or _NOON)
            wake = self.wait(wake, at)
            self.hear(self.observed(line, at), at)
            self.played[f"{line.verb} {line.what}".strip()] = self.journey.n
            wake = self.wake(at)
        last = max((line.day for line in self.story.lines), default=0)
        self.wait(wake, _instant(self.story, last, time(23, 59, 59)))

    def observed(self, line: Told, at: datetime) -> f.Body:
        """What the line says happened."""
        if line.verb != "retracted":
            return _observed(line, self.story, self.journey, self.programme, at)
        if line.what not in self.played:
            what = f'nothing was played before as "{line.what}"'
            raise _problem(self.story.path, line.number, what, "day 5  retracted  viewed /pricing")
        return f.Retracted(self.played[line.what])

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
        ending = next(self.endings, None)
        if ending is not None and ending.verb == "chosen":
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


def _entered(who: Mapping[str, str]) -> f.Entered:
    source = who.get("source", "unknown")
    kind = who.get("kind", source if source in SOURCE_KINDS else "unknown")
    return f.Entered(source, kind, who.get("campaign", ""), who.get("basis", "consent"))


def _learned(story: Story, programme: Programme) -> f.Learned | None:
    given = {k: v for k, v in story.who.items() if k not in ("source", "kind", "campaign", "basis")}
    if "zone" in programme.attributes:
        given.setdefault("zone", story.zone)
    return _learn(given, story.path, 1, programme) if given else None


def _learn(given: Mapping[str, str], path: str, number: int, programme: Programme) -> f.Learned:
    values: dict[str, f.Scalar | None] = {}
    personal: list[str] = []
    for name, text in given.items():
        attribute = programme.attributes.get(name)
        if attribute is None:
            known = ", ".join(programme.attributes)
            raise _problem(path, number, f'"{name}" is no declared attribute', f"one of {known}")
        if attribute.personal:
            personal.append(name)
        else:
            values[name] = _value(attribute, text, path, number)
    return f.Learned(values, tuple(personal), "story")


def _value(attribute: Attribute, text: str, path: str, number: int) -> f.Scalar | None:
    try:
        match attribute.type:
            case "number":
                return float(text)
            case "flag":
                return {"yes": True, "true": True, "no": False, "false": False}[text.lower()]
            case "date":
                return date.fromisoformat(text).isoformat()
            case "list":
                return tuple(text.split("+"))
    except (ValueError, KeyError):
        raise _problem(
            path, number, f'"{text}" is no {attribute.type}', f"{attribute.name} <value>"
        ) from None
    return None if text == "unknown" else text


def _observed(line: Told, story: Story, journey: Journey, programme: Programme, at: datetime) -> f.Body:
    what = line.what
    piece = programme.pieces.get(what)
    match line.verb:
        case "entered":
            return _entered(_who(story.path, line.number, what))
        case "clicked":
            url = programme.site.url.rstrip("/") + (piece.url if piece else what)
            last = max(journey.sent, key=lambda name: journey.sent[name], default="")
            return f.Clicked(journey.decisions, last, 1, url)
        case "viewed":
            return f.PageViewed(piece.url if piece else what)
        case "form":
            return f.FormSent(what)
        case "consumed":
            return f.Consumed(what)
        case "happened":
            return f.Happened(what)
        case "bounced":
            return f.Bounced(journey.decisions, what or "hard")
        case "consented":
            return f.Consented(what or "consent")
        case "held":
            return f.Held(_instant(story, int(what.split()[-1]), _NOON) if what else None)
        case "learned":
            return _learn(_who(story.path, line.number, what), story.path, line.number, programme)
        case "unsubscribed":
            return f.Unsubscribed()
        case verb if verb in _ANSWERS:
            try:
                return answered(programme.agreement, journey.handoff, verb, what, by="story", at=at)
            except ValueError as error:
                raise _problem(story.path, line.number, str(error), f"{verb} <reason>") from None
        case "complained":
            return f.Complained()
        case "released":
            return f.Released()
    return f.Replied()


_OBSERVED = (
    "entered",
    "clicked",
    "viewed",
    "form",
    "consumed",
    "happened",
    "replied",
    "bounced",
    "complained",
    "consented",
    "unsubscribed",
    "held",
    "released",
    "learned",
    "retracted",
    *_ANSWERS,
)
VERBS = (*DECIDED, *_OBSERVED, END)


# Comparing ----------------------------------------------------------------------------------------------


def _compare(story: Story, came: Sequence[Line]) -> Iterator[str]:
    expected = [line for line in story.lines if line.verb in DECIDED]
    for index in range(max(len(expected), len(came))):
        wanted = expected[index] if index < len(expected) else None
        line = came[index] if index < len(came) else None
        if wanted is None and line is not None:
            (text,) = show([line], story.start, story.zone)
            yield f"{story.path}: not written, but came out: {text}"
        elif line is None and wanted is not None:
            written = f"day {wanted.day} {wanted.verb} {wanted.what}"
            yield f"{story.path}:{wanted.number}: did not come out: {written}"
        elif wanted is not None and line is not None and not _same(wanted, line, story):
            (text,) = show([line], story.start, story.zone)
            yield f"{story.path}:{wanted.number}: came out as: {text}"
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

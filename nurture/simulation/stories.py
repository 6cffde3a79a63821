"""Stories: journeys written as text, which marketers read and write. Here they are read, not yet played.

The head says when the story starts and who it is about; below `---` stand journey lines, in the order of
time. Grammar, for people: docs/stories.md.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from nurture.core.timing import is_zone

ENDINGS = ("sent", "failed", "expired", "suppressed")
"""How a chosen message ends; the line stands for both."""

DECIDED = ("enrolled", "chosen", "cancelled", "moved", "promoted", "withdrawn", "recalled", "left", *ENDINGS)
"""What must come out."""

ANSWERS = ("accepted", "rejected", "recycled", "opportunity", "won", "lost")
OBSERVED = (
    *("entered", "learned", "clicked", "viewed", "form", "consumed", "happened", "replied"),
    *("bounced", "complained", "consented", "unsubscribed", "held", "released", "retracted"),
    *("away", "contacted", "preferred", "declined", "reconsidered"),
    *ANSWERS,
)
"""What is played in."""

END = "end"
"""`day 30  end`: play up to the end of that day, though nothing more is written."""

VERBS = (*DECIDED, *OBSERVED, END)

NOON = time(12)
"""When something was observed, if the line does not say."""

LARGEST = 100_000
"""Bytes of a story; a page has two thousand."""

LAST_DAY = 3650

_HEAD = ("start", "who")
_START = "start: 2026-03-02 08:00 Europe/London"
_YEARS = range(2000, 2100)
_LINE = re.compile(r"\s*day +(\d+)(?: +(\d{1,2}):(\d{2}))? +([a-z_]+)(?: +(\S.*))?$")


class StoryProblem(Exception):
    """A story that cannot be read or played: `file:line:column  what is wrong  write: what to write`."""

    def __init__(self, place: "Place", what: str, hint: str) -> None:
        super().__init__(f"{place.path}:{place.line}:{place.column}  {what}  write: {hint}")


class Place(NamedTuple):
    """Where something stands in a file, both counted from 1."""

    path: str
    line: int
    column: int = 1


class Given(NamedTuple):
    """A value and where it stands."""

    value: str
    place: Place


class Told(NamedTuple):
    """A journey line as written. `place` is its verb's, `about` that of what follows."""

    place: Place
    about: Place
    day: int
    clock: time | None
    verb: str
    what: str
    why: str

    @property
    def since(self) -> tuple[int, time] | None:
        """Day and time; None for a decided line that leaves the time open."""
        clock = self.clock or (NOON if self.verb in OBSERVED else None)
        return None if clock is None else (self.day, clock)


class Story(NamedTuple):
    """A story as written: its start, the zone of its clock, who it is about, and its lines."""

    path: str
    start: datetime
    zone: str
    who: Mapping[str, Given]
    lines: tuple[Told, ...]


def read_file(file: Path) -> Story:
    """The story in a file. Raises StoryProblem with the place."""
    top = Place(str(file), 1)
    try:
        if file.stat().st_size > LARGEST:
            raise StoryProblem(top, f"is larger than {LARGEST} bytes", "one story a file")
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise StoryProblem(top, "is not UTF-8 text", "the same text, saved as UTF-8") from None
    except OSError as wrong:
        raise StoryProblem(top, f"cannot be read: {wrong.strerror}", "a file that can be read") from None
    return read(str(file), text)


def read(path: str, text: str) -> Story:
    """The story in a text. Raises StoryProblem with the place."""
    head: dict[str, Given] = {}
    lines: list[Told] = []
    below = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.strip() == "---" and not below:
            below = True
        elif below:
            lines.append(_told(Place(path, number), line.rstrip()))
        else:
            _head_line(head, Place(path, number), line)
    if "start" not in head:
        raise StoryProblem(Place(path, 1), "the story does not say when it starts", _START)
    if not lines:
        hint = "--- and below it lines such as: day 0  enrolled  new-leads"
        raise StoryProblem(Place(path, 1), "the story has no lines", hint)
    _in_order(lines)
    start, zone = _start(head["start"])
    return Story(path, start, zone, parts(head["who"]) if "who" in head else {}, tuple(lines))


def parts(given: Given) -> dict[str, Given]:
    """`role vp, employees 400` as names and values. Raises StoryProblem."""
    found: dict[str, Given] = {}
    for part in re.finditer(r"[^,]+", given.value):
        text = part.group().strip()
        if not text:
            continue
        offset = part.start() + len(part.group()) - len(part.group().lstrip())
        place = given.place._replace(column=given.place.column + offset)
        name, space, value = text.partition(" ")
        if not space:
            raise StoryProblem(place, f'"{text}" has no value', f"{name} and its value: role controller")
        if name in found:
            raise StoryProblem(place, f'"{name}" is given twice', "it once")
        found[name] = Given(value.strip(), place)
    return found


def one_of(word: str, known: Iterable[str], place: Place, what: str) -> str:
    """The word, if it is a known one. Raises StoryProblem, with the nearest as the hint."""
    names = list(known)
    if word in names:
        return word
    near = get_close_matches(word, names, n=1)
    hint = near[0] if near else "one of " + ", ".join(names) if names else "nothing: there is none"
    raise StoryProblem(place, f'"{word}" is no {what}', hint)


def _head_line(head: dict[str, Given], place: Place, line: str) -> None:
    name, colon, value = line.partition(":")
    name = name.strip()
    if not colon or name not in _HEAD:
        raise StoryProblem(place, f'"{line.strip()[:60]}" is no head line', "start: ... or who: ...")
    if name in head:
        raise StoryProblem(place, f"{name} is said twice", "it once")
    column = len(line) - len(line.partition(":")[2].lstrip()) + 1
    head[name] = Given(value.strip(), place._replace(column=column))


def _told(place: Place, line: str) -> Told:
    found = _LINE.match(line)
    if not found:
        raise StoryProblem(place, "not a journey line", "day 2  clicked  /pricing")
    day, hour, minute, verb, rest = found.groups()
    verb_at = place._replace(column=found.start(4) + 1)
    one_of(verb, VERBS, verb_at, "verb")
    if len(day) > 4 or int(day) > LAST_DAY:
        raise StoryProblem(place, f"day {day} is too far away", f"a day up to {LAST_DAY}")
    clock = None
    if hour is not None:
        if int(hour) > 23 or int(minute) > 59:
            raise StoryProblem(place, f"{hour}:{minute} is no time of day", "day 2 14:05")
        clock = time(int(hour), int(minute))
    what, _, why = re.sub(r" {2,}", "\t", rest or "", count=1).partition("\t")
    about = verb_at if rest is None else place._replace(column=found.start(5) + 1)
    return Told(verb_at, about, int(day), clock, verb, what.strip(), why.strip())


def _in_order(lines: list[Told]) -> None:
    for line in lines[:-1]:
        if line.verb == END:
            raise StoryProblem(line.place, "end is not the last line", "it below all others")
    day = 0
    for line in lines:
        if line.day < day:
            raise StoryProblem(line.place, f"day {line.day} stands below day {day}", "lines in order of time")
        day = line.day
    for before, line in pairwise([line for line in lines if line.since is not None]):
        if before.since is not None and line.since is not None and line.since < before.since:
            words = f"{_words(line.since)} stands below {_words(before.since)}"
            raise StoryProblem(line.place, words, "lines in order of time (12:00 where none is given)")


def _words(since: tuple[int, time]) -> str:
    return f"day {since[0]} {since[1]:%H:%M}"


def _start(given: Given) -> tuple[datetime, str]:
    try:
        moment, zone = given.value.rsplit(" ", 1)
        if not is_zone(zone):
            raise ValueError
        local = datetime.fromisoformat(moment)
        if local.tzinfo is not None or local.year not in _YEARS:
            raise ValueError
        return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC), zone
    except ValueError:
        raise StoryProblem(given.place, f'"{given.value[:60]}" is no start', _START) from None

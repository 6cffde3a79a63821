"""A story played against the programme in memory, and what came out compared with what is written.

Observed lines are played in, at the time written or at 12:00; decided lines must come out, all of them, in
this order. The right-hand column is compared where it is written. `sent` is a piece chosen and its ending,
which follows at once; a line may say failed, expired or suppressed instead. `chosen` and `cancelled` leave
the message on its way. Nothing is sent or stored.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from nurture.core import facts as f
from nurture.core.decide import settle
from nurture.core.journey import Journey
from nurture.core.programme import Programme
from nurture.core.weighing import begin, evolve
from nurture.simulation.observing import ENTRY, answered_line, entered, instant, known, observed, url_of
from nurture.simulation.stories import (
    ANSWERS,
    DECIDED,
    ENDINGS,
    NOON,
    OBSERVED,
    Story,
    StoryProblem,
    Told,
)
from nurture.telling import Line, show, tell

ON_ITS_WAY = ("chosen", "cancelled")
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
        entry = {name: given for name, given in self.story.who.items() if name in ENTRY}
        self.hear(entered(entry), self.story.start)
        learned = known(self.story, self.programme)
        if learned is not None:
            self.hear(learned, self.story.start)
        wake = self.story.start
        for line in self.story.lines:
            if line.verb in OBSERVED:
                at = instant(self.story, line.day, line.clock or NOON)
                if at < self.story.start:
                    raise StoryProblem(line.place, "is before the story starts", "a later time")
                wake = self.wait(wake, at)
                self.hear(self.observed(line, at), at)
                self.played[f"{line.verb} {line.what}".strip()] = self.journey.n
                wake = self.wake(at)
        self.wait(wake, instant(self.story, self.story.lines[-1].day, _LAST_INSTANT))

    def observed(self, line: Told, at: datetime) -> f.Body:
        """What the line says happened."""
        if line.verb == "retracted":
            if line.what not in self.played:
                what = f'nothing was played before as "{line.what}"'
                raise StoryProblem(line.about, what, "retracted  viewed /pricing")
            return f.Retracted(self.played[line.what])
        if line.verb == "clicked":
            last = max(self.journey.sent, key=lambda name: self.journey.sent[name], default="")
            return f.Clicked(self.journey.decisions, last, 1, url_of(line, self.programme, whole=True))
        if line.verb in ANSWERS:
            return answered_line(line, self.journey, self.programme, at)
        return observed(line, self.story, self.programme)

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

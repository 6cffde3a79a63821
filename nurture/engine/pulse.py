"""What a process knows of its own health: when its duties last came round, what fails, whether time is true.

It stands in memory, because it must be known while the store cannot be asked. Seconds are `clock.tick()`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

MISSED_TICKS = 3
"""A duty that has not come round for so many of its intervals is late."""

LONGEST_RUN = 900.0
"""Seconds that one run of a duty may take: a batch over a slow server takes minutes."""

JUMP = timedelta(minutes=5)
"""The wall clock moved by more than this against monotonic time: nothing is sent for one tick."""

LEAP = timedelta(hours=1)
"""It moved forward by more than this: nothing is decided or sent until it has stood for STEADY seconds."""

STEADY = 900.0
ONE_TICK = 1.0


class Steady:
    """The wall clock, compared with monotonic time: does it go on, or does it jump?

    A jump backwards fires nothing again, because what was done stands in rows; so it costs one tick. A leap
    forward could end everything that waits, so it is believed only after a quarter of an hour, or after a
    restart, or at once if it is put right. A machine that was suspended looks like that, too. What is on its
    way meanwhile goes by the time as it was before.
    """

    def __init__(self) -> None:
        self._last: tuple[datetime, float] | None = None
        self._before: tuple[datetime, float] | None = None
        self._until = 0.0
        self.trouble = ""
        """What the clock did, while that keeps us from deciding and sending."""

    def look(self, now: datetime, tick: float) -> str:
        """Compare; what is new about the clock as a sentence, or nothing."""
        drift, last, self._last = self._drift(now, tick), self._last, (now, tick)
        if self.trouble and abs(now - self.believed(now, tick)) <= JUMP:
            return self._steady("the clock was put right: going on")
        if abs(drift) > JUMP:
            self._before = self._before or last
            return self._jumped(drift, tick)
        if self.trouble and tick >= self._until:
            return self._steady("the clock has been steady: taken as true, going on")
        return ""

    def believed(self, now: datetime, tick: float) -> datetime:
        """The time to go by: while the clock is in doubt, how it would have gone on. From any thread."""
        jumps = abs(self._drift(now, tick)) > JUMP
        anchor = self._before or (self._last if jumps else None)
        return now if anchor is None else anchor[0] + timedelta(seconds=tick - anchor[1])

    def _drift(self, now: datetime, tick: float) -> timedelta:
        last = self._last
        return timedelta() if last is None else (now - last[0]) - timedelta(seconds=tick - last[1])

    def _steady(self, said: str) -> str:
        self.trouble, self._before = "", None
        return said

    def _jumped(self, drift: timedelta, tick: float) -> str:
        leaps = drift > LEAP
        until = tick + (STEADY if leaps else ONE_TICK)
        back = "forward" if drift > timedelta() else "back"
        said = f"the clock jumped {back} by {_rounded(abs(drift))}"
        if leaps or not self.trouble:
            self.trouble = said
        self._until = max(self._until, until)
        return f"{said}: nothing is decided or sent for {until - tick:,.0f} s"

    @property
    def in_doubt(self) -> bool:
        """Whether the doubt lasts longer than a tick, so that somebody should look."""
        return bool(self.trouble) and self._last is not None and self._until - self._last[1] > ONE_TICK


@dataclass(slots=True)
class _Beat:
    every: float
    at: float
    """When the duty last came round."""
    running: bool = False
    trouble: str = ""
    """Why its last run failed."""


class Pulse:
    """The duties of this process as they come round, and all that keeps it from working."""

    def __init__(self, tick: float, duties: Iterable[tuple[str, float]]) -> None:
        """`duties`: name and interval in seconds; all of them begin at `tick`."""
        self.clock = Steady()
        self.stopping = False
        self.ends = 0
        """Runs that came to an end, well or not: the loop turns."""
        self.successes = 0
        self.progress = dict.fromkeys((name for name, _ in duties), tick)
        """When each duty last did something."""
        self._beats = {name: _Beat(every, tick) for name, every in duties}

    def began(self, duty: str, tick: float) -> None:
        """A run begins."""
        beat = self._beats[duty]
        beat.at, beat.running = tick, True

    def did(self, duty: str, tick: float, done: int) -> None:
        """A part of a run did so much."""
        self._beats[duty].at = tick
        if done:
            self.progress[duty] = tick

    def ended(self, duty: str, tick: float, trouble: str = "") -> None:
        """A run came to its end; `trouble`: why it failed."""
        beat = self._beats[duty]
        beat.at, beat.running, beat.trouble = tick, False, trouble
        self.ends += 1
        self.successes += not trouble

    def stuck(self, tick: float) -> list[str]:
        """Duties that do not come round, so that a restart would help."""
        return [name for name, beat in self._beats.items() if tick - beat.at > _patience(beat)]

    def problems(self, tick: float) -> list[str]:
        """Why this process is not ready, a sentence each; nothing if it is."""
        late = self.stuck(tick)
        failing = [(name, beat.trouble) for name, beat in self._beats.items() if beat.trouble]
        return [
            *(["stopping"] if self.stopping else []),
            *([self.clock.trouble] if self.clock.trouble else []),
            *(f"the duty {name!r} does not come round" for name in late),
            *(f"the duty {name!r} fails: {trouble}" for name, trouble in failing),
        ]


def _patience(beat: _Beat) -> float:
    return LONGEST_RUN if beat.running else max(MISSED_TICKS * beat.every, MISSED_TICKS)


def _rounded(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    if minutes < 120:
        return f"{minutes:.0f} minutes"
    return f"{minutes / 60:.0f} hours" if minutes < 2880 else f"{minutes / 1440:,.0f} days"

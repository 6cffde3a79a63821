"""The conductor owns the clock: it lets due work run, then people act, and steps to the next instant.

Nothing sleeps. At each step the acts up to an instant are done one after another, each at its own time;
then the clock stands at that instant (rounded up to a minute) and every duty runs until nothing is due.
"""

import heapq
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from nurture import clock
from nurture.engine import Engine, next_moment, run_all
from nurture.simulation.personas import Act

_MINUTE = timedelta(minutes=1)


class Conductor:
    """Virtual time from one instant to another."""

    def __init__(self, engine: Engine, do: Callable[[Act], Awaitable[None]], end: datetime) -> None:
        """`do` carries an act out; what is planned after `end` is never done."""
        self._engine, self._do, self._end = engine, do, end
        self._acts: list[tuple[datetime, str, int, Act]] = []
        self._planned = 0

    def plan(self, acts: Iterable[Act]) -> None:
        """Let these happen at their time."""
        for act in acts:
            self._planned += 1
            heapq.heappush(self._acts, (act.at, act.person, self._planned, act))

    async def run(self, start: datetime, progress: Callable[[datetime], None] = lambda now: None) -> None:
        """Go on until `end`, or until nothing can happen any more."""
        now = start
        clock.set_virtual(now)
        await run_all(self._engine, now)
        while (moment := self._next()) is not None and moment <= self._end:
            now = max(_whole_minute(moment), now + _MINUTE)
            await self._act_until(now)
            clock.set_virtual(now)
            await run_all(self._engine, now)
            progress(now)
        clock.set_virtual(self._end)

    def _next(self) -> datetime | None:
        due = self._engine.store.read(next_moment)  # between two steps the loop has nothing else to do
        act = self._acts[0][0] if self._acts else None
        return min((moment for moment in (due, act) if moment is not None), default=None)

    async def _act_until(self, now: datetime) -> None:
        while self._acts and self._acts[0][0] <= now:
            at, _, _, act = heapq.heappop(self._acts)
            clock.set_virtual(at)
            await self._do(act)


def _whole_minute(moment: datetime) -> datetime:
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + _MINUTE

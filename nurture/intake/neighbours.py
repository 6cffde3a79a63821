"""Which hits stand together: in one message within seconds, at several people's messages within a minute.

Plain questions about times, links and networks. What follows from the answers is said by the rules.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from nurture.intake.agents import system_of

FLOOD = 60
"""Requests for one link from one network within a minute that a reader may make."""

CROWD = 5
"""Recipients whose links one network asks for before it is looked at as a crowd."""

_MINUTE = timedelta(minutes=1)
_RECENT = 10
"""Clicks on one link that are looked back at."""


class Request(NamedTuple):
    """One stored hit, as the rules read it. `link` counts from 1; 0 for opens and page views.

    `manner`: what else a browser would have said, see `tracking.manner_of`; empty where nobody looked.
    """

    id: int
    kind: str  # click, open, page
    link: int
    at: datetime
    method: str = "GET"
    agent: str = ""
    network: str = ""
    prefetch: bool = False
    manner: str = ""


class Stranger(NamedTuple):
    """A click on a message to somebody else."""

    at: datetime
    prospect: int


Strangers = Mapping[str, Sequence[Stranger]]
"""By network: clicks of other people's messages around the same time."""


def crowded(clicks: Sequence[Request], window: timedelta, links: int) -> set[int]:
    """Clicks that stand in some window, both ends included, together with `links` different links."""
    crowd: set[int] = set()
    marked = 0  # clicks before this place are known to be in or out
    seen: Counter[int] = Counter()
    first = 0
    for place, click in enumerate(clicks):
        seen[click.link] += 1
        while click.at - clicks[first].at > window:
            gone = clicks[first].link
            seen[gone] -= 1
            if not seen[gone]:
                del seen[gone]
            first += 1
        if len(seen) >= links:
            crowd.update(one.id for one in clicks[max(first, marked) : place + 1])
            marked = place + 1
    return crowd


def in_order(clicks: Sequence[Request], window: timedelta, links: int) -> set[int]:
    """Clicks of a round through all links, first to last, each once, within a window."""
    found: set[int] = set()
    run: list[Request] = []
    for click in clicks:
        if run and click.link == run[-1].link + 1:
            run.append(click)
        else:
            run = [click] if click.link == 1 else []
        if len(run) == links and click.at - run[0].at <= window:
            found.update(one.id for one in run)
    return found


def flooded(hits: Sequence[Request]) -> set[int]:
    """Hits after the sixtieth of one link from one network within a minute: a replay, not a reader."""
    recent: dict[tuple[str, int, str], deque[datetime]] = {}
    flood: set[int] = set()
    for hit in sorted(hits, key=by_time):
        times = recent.setdefault((hit.kind, hit.link, hit.network), deque())
        while times and hit.at - times[0] >= _MINUTE:
            times.popleft()
        times.append(hit.at)
        if len(times) > FLOOD:
            flood.add(hit.id)
    return flood


def elsewhere_soon(clicks: Sequence[Request]) -> set[int]:
    """Clicks that are followed within a minute by one on the same link, from another system and network.

    Clicks are in order of time. The gateway goes first, the person after it.
    """
    found: set[int] = set()
    recent: dict[int, deque[tuple[Request, str]]] = {}
    for click in clicks:
        before, system = recent.setdefault(click.link, deque(maxlen=_RECENT)), system_of(click.agent)
        for earlier, other in before:
            apart = system and other and system != other and click.network != earlier.network
            if apart and click.network and earlier.network and click.at - earlier.at <= _MINUTE:
                found.add(earlier.id)
        before.append((click, system))
    return found


def in_crowd(clicks: Iterable[Request], strangers: Strangers, window: timedelta) -> set[int]:
    """Clicks from a network that asks, in some window, for links of at least five different people."""
    return {click.id for click in clicks if _is_in_crowd(click, strangers.get(click.network, ()), window)}


def by_time(hit: Request) -> tuple[datetime, int]:
    """Hits in order."""
    return hit.at, hit.id


def _is_in_crowd(click: Request, others: Sequence[Stranger], window: timedelta) -> bool:
    near = _between(others, click.at - window, click.at + window)
    if len(near) < CROWD - 1:
        return False
    starts = {one.at for one in near if one.at <= click.at} | {click.at}
    people = ({one.prospect for one in _between(near, start, start + window)} for start in starts)
    return any(len(each) >= CROWD - 1 for each in people)


def _between(others: Sequence[Stranger], first: datetime, last: datetime) -> Sequence[Stranger]:
    return others[bisect_left(others, first, key=_instant) : bisect_right(others, last, key=_instant)]


def _instant(stranger: Stranger) -> datetime:
    return stranger.at

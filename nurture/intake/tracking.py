"""Who was it, a person or a machine? Raw requests to tracked addresses, judged once they have settled.

Mail gateways open and follow everything long before anybody reads. So a request is stored as a *hit*
before it is answered, and judged ten minutes later, when its neighbours are known. The rules are data:
a name, a weight in points, what to look at. A hit that gathers a whole point is a machine's, from half a
point on nobody can say, below that a person's. Only a person's hit ever becomes a fact.

Rules and weights: delivery, section 5.4, the first ones. Page views prove nothing about others, because
scanners run scripts: a view gets the verdict of the click that led to it.
"""

import re
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

HUMAN, UNSURE, MACHINE = "human", "unsure", "machine"

SETTLES_AFTER = timedelta(minutes=10)
"""From the first unsettled hit of a message until its hits are judged."""

WIDEST_WINDOW = timedelta(seconds=10)
"""No time rule looks further ahead than this, so a hit this old has all its neighbours."""

_PAIR_WINDOW = timedelta(seconds=2)
_FLOOD_WINDOW = timedelta(minutes=1)
_FLOOD = 60
_FEWEST_FOR_ALL = 3
_MOST_AGENT = 200

_MACHINE_AGENTS = re.compile(
    r"""^(?!mozilla/|opera/) | ^mozilla/\d\.\d$  # every browser begins so, and says more
    | https?:// | @ | \(compatible;\s*(?!msie|konqueror)  # says where to complain, as no browser does
    | (?<!cu)bot | crawl | spider | slurp | scan(ner|ning)\b | archiver | monitor(ing)?\b
    | preview | unfurl | linkexpand | google-safety
    | headless | phantomjs | puppeteer | playwright | selenium | webdriver
    | python | go-http | okhttp | http-?client | java/ | libwww | node-fetch""",
    re.IGNORECASE | re.VERBOSE,
)
"""Programs that say what they are: libraries, command line tools, crawlers, link previews, empty agents.

General patterns, not a list of names. `Cubot` is a telephone.
"""


class Request(NamedTuple):
    """One stored hit, as the rules read it. `link` counts from 1; 0 for opens and page views."""

    id: int
    kind: str  # click, open, page
    link: int
    at: datetime
    method: str = "GET"
    agent: str = ""
    network: str = ""
    prefetch: bool = False


class Judgement(NamedTuple):
    """A hit's verdict (human, unsure, machine), the names of the rules that spoke, their points."""

    id: int
    verdict: str
    reasons: tuple[str, ...]
    points: float


class _Scene(NamedTuple):
    """What is known about all hits of one message, worked out once."""

    accepted_at: datetime | None
    paired: frozenset[int]
    swept: frozenset[int]
    flooded: frozenset[int]


class Rule(NamedTuple):
    """A name that is kept with the hit, points, and when it speaks."""

    name: str
    weight: float
    speaks: Callable[[Request, _Scene], bool]


RULES: tuple[Rule, ...] = (
    Rule("asks for headers only", 1.0, lambda hit, scene: hit.method in ("HEAD", "OPTIONS")),
    Rule("prefetch", 1.0, lambda hit, scene: hit.prefetch),
    Rule("agent is a program", 1.0, lambda hit, scene: is_program(hit.agent)),
    Rule("two links within 2 s", 1.0, lambda hit, scene: hit.id in scene.paired),
    Rule("all links within 10 s", 1.0, lambda hit, scene: hit.id in scene.swept),
    Rule("more than 60 a minute", 1.0, lambda hit, scene: hit.id in scene.flooded),
    Rule("before acceptance", 1.0, lambda hit, scene: _after(hit, scene) is None),
    Rule("within 2 s of acceptance", 0.6, lambda hit, scene: _between(hit, scene, 0, 2)),
    Rule("within 10 s of acceptance", 0.4, lambda hit, scene: _between(hit, scene, 2, 10)),
)
"""Every rule that may speak about a click or an open."""

FOLLOWS = "follows the click"
NO_CLICK = "no click led here"
"""The two things said about a page view, beside the rules that read one request alone."""

_ABOUT_ONE_REQUEST = ("asks for headers only", "prefetch", "agent is a program")


def classify(hits: Iterable[Request], accepted_at: datetime | None, links: int) -> list[Judgement]:
    """Judge all hits of one message, in the order given.

    `accepted_at` is when the relay took the message (None: it has not, as far as we know); `links` is how
    many tracked links the message holds. Pure: the same hits always get the same verdicts.
    """
    hits = list(hits)
    clicks = sorted((hit for hit in hits if hit.kind == "click"), key=_by_time)
    scene = _Scene(
        accepted_at,
        frozenset(_crowded(clicks, _PAIR_WINDOW, 2)),
        frozenset(_crowded(clicks, WIDEST_WINDOW, links) if links >= _FEWEST_FOR_ALL else ()),
        frozenset(_flooded(hits)),
    )
    judged = {hit.id: _judge(hit, scene) for hit in hits if hit.kind != "page"}
    times = [click.at for click in clicks]
    for hit in hits:
        if hit.kind == "page":
            before = bisect_right(times, hit.at)
            judged[hit.id] = _judge_page(hit, judged[clicks[before - 1].id] if before else None, scene)
    return [judged[hit.id] for hit in hits]


def is_program(agent: str) -> bool:
    """Whether a User-Agent names a library, a tool, a crawler or a link preview, or nothing at all."""
    return _MACHINE_AGENTS.search(agent.strip()) is not None


def is_prefetch(purposes: Iterable[str]) -> bool:
    """Whether a `Purpose`, `Sec-Purpose` or `X-Moz` header says that nobody has asked to see this yet."""
    return any(
        word in purpose.lower() for purpose in purposes for word in ("prefetch", "preview", "prerender")
    )


def short_agent(agent: str) -> str:
    """A User-Agent as it is kept: printable, at most 200 characters."""
    return "".join(letter for letter in agent[: 2 * _MOST_AGENT] if letter.isprintable())[:_MOST_AGENT]


def _judge(hit: Request, scene: _Scene) -> Judgement:
    return _verdict(hit, [rule for rule in RULES if rule.speaks(hit, scene)])


def _judge_page(hit: Request, click: Judgement | None, scene: _Scene) -> Judgement:
    own = _verdict(hit, [rule for rule in RULES if _is_about(rule, hit, scene)])
    if own.verdict == MACHINE:
        return own
    if click is None:
        return Judgement(hit.id, UNSURE, (NO_CLICK,), 0.5)
    return Judgement(hit.id, click.verdict, (FOLLOWS, *click.reasons), click.points)


def _is_about(rule: Rule, hit: Request, scene: _Scene) -> bool:
    alone = rule.name in _ABOUT_ONE_REQUEST or hit.id in scene.flooded
    return alone and rule.speaks(hit, scene)


def _verdict(hit: Request, rules: Sequence[Rule]) -> Judgement:
    points = sum(rule.weight for rule in rules)
    verdict = MACHINE if points >= 1.0 else UNSURE if points >= 0.5 else HUMAN
    return Judgement(hit.id, verdict, tuple(rule.name for rule in rules), points)


def _by_time(hit: Request) -> tuple[datetime, int]:
    return hit.at, hit.id


def _after(hit: Request, scene: _Scene) -> float | None:
    """Seconds since the relay took the message; None if it had not."""
    if scene.accepted_at is None or hit.at < scene.accepted_at:
        return None
    return (hit.at - scene.accepted_at).total_seconds()


def _between(hit: Request, scene: _Scene, least: float, below: float) -> bool:
    after = _after(hit, scene)
    return after is not None and least <= after < below


def _crowded(clicks: Sequence[Request], window: timedelta, links: int) -> set[int]:
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


def _flooded(hits: Sequence[Request]) -> set[int]:
    """Hits after the sixtieth of one link from one network within a minute: a replay, not a reader."""
    recent: dict[tuple[str, int, str], deque[datetime]] = {}
    flood: set[int] = set()
    for hit in sorted(hits, key=_by_time):
        times = recent.setdefault((hit.kind, hit.link, hit.network), deque())
        while times and hit.at - times[0] >= _FLOOD_WINDOW:
            times.popleft()
        times.append(hit.at)
        if len(times) > _FLOOD:
            flood.add(hit.id)
    return flood

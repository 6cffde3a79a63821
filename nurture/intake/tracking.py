"""Who was it, a person or a machine? Raw requests to tracked addresses, judged once they have settled.

Mail gateways open and follow everything long before anybody reads. So a request is stored as a *hit*
before it is answered, and judged ten minutes later, when its neighbours are known. The rules are data:
a name, a weight in points, what to look at. A hit that gathers a whole point is a machine's, from half a
point on nobody can say, below that a person's. Only a person's hit ever becomes a fact.

Rules and weights: delivery, section 5.4, and docs/hits.md, which says where we differ and why. There is no
honeypot: a link that nobody can see costs more with spam filters than it tells. Page views prove nothing
about others, because scanners run scripts: a view gets the verdict of the click that led to it.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from nurture.intake import neighbours
from nurture.intake.agents import is_picture_proxy, is_program, loads_ahead
from nurture.intake.neighbours import Request, Strangers, by_time
from nurture.intake.networks import NO_NETWORKS, Networks

HUMAN, UNSURE, MACHINE = "human", "unsure", "machine"

BARE, MANNERS, HEADLESS = "bare", "page language", "headless"
"""What `manner_of` says of a request that has neither, both, or a browser without a window."""

SETTLES_AFTER = timedelta(minutes=10)
"""From the first unsettled hit of a message until its hits are judged."""

WIDEST_WINDOW = timedelta(minutes=1)
"""No rule that may make a machine of a person looks further ahead, so a hit this old has its neighbours."""

EDITION = 1
"""Raised with every change of what the rules look at; a test holds it to the code. Names and weights are
part of the fingerprint by themselves."""

_MACHINE_FROM, _UNSURE_FROM = 1.0, 0.5
_PAIR, _SWEEP, _ROUND = timedelta(seconds=2), timedelta(seconds=10), timedelta(minutes=5)
_AT_ONCE, _SOON = timedelta(seconds=10), timedelta(minutes=1)
_FEWEST_AT_ONCE, _FEWEST_IN_ORDER = 3, 4


class Judgement(NamedTuple):
    """A hit's verdict (human, unsure, machine), the names of the rules that spoke, their points."""

    id: int
    verdict: str
    reasons: tuple[str, ...]
    points: float


class Around(NamedTuple):
    """What is known beside the hits of one message: the operator's networks, and other people's clicks."""

    networks: Networks
    strangers: Strangers


ALONE = Around(NO_NETWORKS, {})
"""Nothing is known beside the message."""


class _Scene(NamedTuple):
    """What is known about all hits of one message, worked out once. Sets are of hit ids."""

    accepted_at: datetime | None
    links: int
    networks: Networks
    paired: frozenset[int]
    swept: frozenset[int]
    toured: frozenset[int]
    flooded: frozenset[int]
    overtaken: frozenset[int]
    at_once: frozenset[int]
    soon: frozenset[int]
    askers: frozenset[tuple[str, str]] = frozenset()
    """Network and agent of the machines in this message."""


class Rule(NamedTuple):
    """A name that is kept with the hit, points, and when it speaks."""

    name: str
    weight: float
    speaks: Callable[[Request, _Scene], bool]


_ABOUT_ONE: tuple[Rule, ...] = (
    Rule("asks for headers only", 1.0, lambda hit, scene: hit.method in ("HEAD", "OPTIONS")),
    Rule("prefetch", 1.0, lambda hit, scene: hit.prefetch),
    Rule("agent is a program", 1.0, lambda hit, scene: _is_a_program(hit)),
    Rule("mailbox loads ahead", 1.0, lambda hit, scene: hit.kind == "open" and loads_ahead(hit.agent)),
    Rule("more than 60 a minute", 1.0, lambda hit, scene: hit.id in scene.flooded),
)
"""These speak about page views, too."""

_ABOUT_NEIGHBOURS: tuple[Rule, ...] = (
    Rule("two links within 2 s", 1.0, lambda hit, scene: hit.id in scene.paired),
    Rule(
        "all links within 10 s", 1.0, lambda hit, scene: hit.id in scene.swept and not _is_haste(hit, scene)
    ),
    Rule(
        "all three links within 10 s", 0.6, lambda hit, scene: hit.id in scene.swept and _is_haste(hit, scene)
    ),
    Rule("before acceptance", 1.0, lambda hit, scene: _after(hit, scene) is None),
    Rule("within 2 s of acceptance", 0.6, lambda hit, scene: _between(hit, scene, 0, 2)),
    Rule("within 10 s of acceptance", 0.4, lambda hit, scene: _between(hit, scene, 2, 10)),
    Rule("five people within 10 s", 1.0, lambda hit, scene: hit.id in scene.at_once),
    Rule("five people within 60 s", 1.0, lambda hit, scene: _is_crowd(hit, scene) and not _has_manners(hit)),
    Rule("perhaps an office", 0.4, lambda hit, scene: _is_crowd(hit, scene) and _has_manners(hit)),
    Rule("network of machines", 0.6, lambda hit, scene: scene.networks.touch(hit.network)),
    Rule("followed from elsewhere", 0.5, lambda hit, scene: hit.id in scene.overtaken),
    Rule("all links in order", 0.6, lambda hit, scene: hit.id in scene.toured),
    Rule("asks as no browser does", 0.4, lambda hit, scene: hit.kind == "click" and hit.manner == BARE),
)

SAME_ASKER = Rule(
    "asked as a machine before", 0.6, lambda hit, scene: (hit.network, hit.agent) in scene.askers
)
"""Network and agent are those of a machine in the same message. Asked last, when machines are known."""

RULES: tuple[Rule, ...] = (*_ABOUT_ONE, *_ABOUT_NEIGHBOURS, SAME_ASKER)
"""Every rule that may speak about a click or an open."""

FOLLOWS = "follows the click"
NO_CLICK = "no click led here"
"""The two things said about a page view, beside the rules that read one request alone."""


def classify(
    hits: Iterable[Request], accepted_at: datetime | None, links: int, around: Around = ALONE
) -> list[Judgement]:
    """Judge all hits of one message, in the order given.

    `accepted_at` is when the relay took the message (None: it has not, as far as we know); `links` is how
    many tracked links the message holds. Pure: the same hits always get the same verdicts.
    """
    hits = list(hits)
    clicks = sorted((hit for hit in hits if hit.kind == "click"), key=by_time)
    scene = _scene(hits, clicks, accepted_at, links, around)
    first = {hit.id: _judge(hit, scene, RULES) for hit in hits if hit.kind != "page"}
    scene = scene._replace(askers=_askers(clicks, first))
    again = (hit for hit in clicks if SAME_ASKER.speaks(hit, scene) and first[hit.id].verdict != MACHINE)
    judged = first | {hit.id: _judge(hit, scene, RULES) for hit in again}
    times = [click.at for click in clicks]
    for hit in hits:
        if hit.kind == "page":
            before = bisect_right(times, hit.at)
            judged[hit.id] = _judge_page(hit, judged[clicks[before - 1].id] if before else None, scene)
    return [judged[hit.id] for hit in hits]


def fingerprint(networks: Networks = NO_NETWORKS) -> str:
    """Sixteen letters that change when a rule, a weight or the operator's list does: what `rules` keeps."""
    said = [f"{rule.name} {rule.weight}" for rule in RULES]
    return sha256("\n".join([str(EDITION), *said, networks.fingerprint()]).encode()).hexdigest()[:16]


def is_prefetch(purposes: Iterable[str]) -> bool:
    """Whether a `Purpose`, `Sec-Purpose` or `X-Moz` header says that nobody has asked to see this yet."""
    return any(
        word in purpose.lower() for purpose in purposes for word in ("prefetch", "preview", "prerender")
    )


def manner_of(headers: Mapping[str, str]) -> str:
    """What a browser says of itself when a person follows a link: that it wants a page, in which languages.

    `page`, `language`, both or `bare`; `headless` where its own client hints say that nobody looks at it.
    """
    if "headless" in headers.get("sec-ch-ua", "").lower():
        return HEADLESS
    said = {"page": "text/html" in headers.get("accept", ""), "language": headers.get("accept-language")}
    return " ".join(name for name, holds in said.items() if holds) or BARE


def _scene(
    hits: Sequence[Request],
    clicks: Sequence[Request],
    accepted_at: datetime | None,
    links: int,
    around: Around,
) -> _Scene:
    return _Scene(
        accepted_at,
        links,
        around.networks,
        paired=frozenset(neighbours.crowded(clicks, _PAIR, 2)),
        swept=frozenset(neighbours.crowded(clicks, _SWEEP, links) if links >= _FEWEST_AT_ONCE else ()),
        toured=frozenset(neighbours.in_order(clicks, _ROUND, links) if links >= _FEWEST_IN_ORDER else ()),
        flooded=frozenset(neighbours.flooded(hits)),
        overtaken=frozenset(neighbours.elsewhere_soon(clicks)),
        at_once=frozenset(neighbours.in_crowd(clicks, around.strangers, _AT_ONCE)),
        soon=frozenset(neighbours.in_crowd(clicks, around.strangers, _SOON)),
    )


def _askers(clicks: Iterable[Request], judged: Mapping[int, Judgement]) -> frozenset[tuple[str, str]]:
    return frozenset(
        (click.network, click.agent)
        for click in clicks
        if click.network and judged[click.id].verdict == MACHINE
    )


def _judge(hit: Request, scene: _Scene, rules: Sequence[Rule]) -> Judgement:
    spoke = [rule for rule in rules if rule.speaks(hit, scene)]
    points = round(sum(rule.weight for rule in spoke), 6)
    verdict = MACHINE if points >= _MACHINE_FROM else UNSURE if points >= _UNSURE_FROM else HUMAN
    return Judgement(hit.id, verdict, tuple(rule.name for rule in spoke), points)


def _judge_page(hit: Request, click: Judgement | None, scene: _Scene) -> Judgement:
    own = _judge(hit, scene, _ABOUT_ONE)
    if own.verdict == MACHINE:
        return own
    if click is None:
        return Judgement(hit.id, UNSURE, (NO_CLICK,), 0.5)
    return Judgement(hit.id, click.verdict, (FOLLOWS, *click.reasons), click.points)


def _is_a_program(hit: Request) -> bool:
    """What loads pictures for a mailbox is no browser and follows no link, but loads them for somebody."""
    if hit.kind == "open" and (is_picture_proxy(hit.agent) or loads_ahead(hit.agent)):
        return False
    return hit.manner == HEADLESS or is_program(hit.agent)


def _has_manners(hit: Request) -> bool:
    return hit.manner == MANNERS


def _is_haste(hit: Request, scene: _Scene) -> bool:
    """Three links, asked for one after another as a browser does: somebody may be in a hurry."""
    return scene.links == _FEWEST_AT_ONCE and _has_manners(hit)


def _is_crowd(hit: Request, scene: _Scene) -> bool:
    return hit.id in scene.soon and hit.id not in scene.at_once


def _after(hit: Request, scene: _Scene) -> float | None:
    """Seconds since the relay took the message; None if it had not."""
    if scene.accepted_at is None or hit.at < scene.accepted_at:
        return None
    return (hit.at - scene.accepted_at).total_seconds()


def _between(hit: Request, scene: _Scene, least: float, below: float) -> bool:
    after = _after(hit, scene)
    return after is not None and least <= after < below

"""The duties that judge hits: what people did becomes facts, what machines did stays a hit.

A message's hits are judged ten minutes after its first unsettled one, so that a scanner's whole round is
seen. They are judged at once when the person shows up by other means: a form, a reply. In one transaction
each human hit is written as Clicked or PageViewed (`at` the hit, `known` now), all are marked, and the
prospect is woken.

When the rules or the operator's list of networks change, the hits of the last days are judged again: what
turns out to be a machine's is taken back by Retracted, what turns out to be a person's is written then.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection

from nurture import failpoints
from nurture.core.facts import Body, Clicked, PageViewed, Retracted
from nurture.engine.joining import join
from nurture.intake.neighbours import Request, Stranger
from nurture.intake.networks import NO_NETWORKS, Networks
from nurture.intake.tracking import (
    HUMAN,
    MACHINE,
    SETTLES_AFTER,
    UNSURE,
    WIDEST_WINDOW,
    Around,
    Judgement,
    classify,
    fingerprint,
)
from nurture.store import hits
from nurture.store.facts import lock, note
from nurture.store.tables import whose_touch

LinksIn = Callable[[str, str], int]
"""Programme hash and piece -> how many tracked links the message holds (0 where nobody knows)."""

MESSAGES_AT_A_TIME = 50

JUDGED_AGAIN_FOR = timedelta(days=7)
"""How old a hit may be to be judged again. What an agent or a network meant longer ago, nobody knows today;
and sales have long acted on it."""


class Settled(NamedTuple):
    """What one round did: messages looked at, and hits by verdict."""

    messages: int = 0
    human: int = 0
    machine: int = 0
    unsure: int = 0


def next_settlement(connection: Connection) -> datetime | None:
    """When the next hits are due; None if none wait."""
    first = hits.next_unsettled(connection)
    return None if first is None else first + SETTLES_AFTER


def settle_hits(
    connection: Connection,
    now: datetime,
    programme: str,
    links_in: LinksIn,
    *,
    networks: Networks = NO_NETWORKS,
    most: int = MESSAGES_AT_A_TIME,
) -> Settled:
    """Settle up to `most` messages that are due; call again until `messages` is 0.

    Hits younger than the widest window of the rules are left for the next time: a scanner may be in the
    middle of its round. `networks` are those of the operator's list.
    """
    touches = hits.unsettled_messages(connection, now - SETTLES_AFTER, most)
    bench = _Bench(connection, now, programme, links_in, networks)
    return _settle(bench, touches, until=now - WIDEST_WINDOW)


def settle_hits_of(
    connection: Connection,
    prospect: int,
    now: datetime,
    programme: str,
    links_in: LinksIn,
    *,
    networks: Networks = NO_NETWORKS,
) -> Settled:
    """Settle everything of one prospect at once: the person is here."""
    touches = hits.unsettled_of(connection, prospect)
    return _settle(_Bench(connection, now, programme, links_in, networks), touches, until=now)


def is_stale(connection: Connection, now: datetime, networks: Networks) -> bool:
    """Whether there are hits to judge again."""
    since = now - JUDGED_AGAIN_FOR
    return bool(hits.stale_messages(connection, fingerprint(networks), since, 1))


def reclassify(
    connection: Connection,
    now: datetime,
    programme: str,
    links_in: LinksIn,
    *,
    networks: Networks = NO_NETWORKS,
    most: int = MESSAGES_AT_A_TIME,
) -> Settled:
    """Judge up to `most` messages again whose hits were judged under other rules; until `messages` is 0."""
    rules, since = fingerprint(networks), now - JUDGED_AGAIN_FOR
    touches = hits.stale_messages(connection, rules, since, most)
    lock(connection, (whose_touch(touch)[0] for touch in touches))
    bench = _Bench(connection, now, programme, links_in, networks)
    rulings: list[_Ruling] = []
    for touch in touches:
        stale, rows = hits.stale_hits_of(connection, touch, rules, since)
        rulings += (one for one in _rule(bench, touch, rows) if one.hit.id in stale)
    _write(bench, rulings)
    return _count(touches, rulings)


class _Bench(NamedTuple):
    """What hits are judged with."""

    connection: Connection
    now: datetime
    programme: str
    links_in: LinksIn
    networks: Networks


class _Ruling(NamedTuple):
    """A hit, the message it belongs to, and what was found."""

    hit: Any
    message: hits.Message
    judgement: Judgement


def _settle(bench: _Bench, touches: Sequence[int], *, until: datetime) -> Settled:
    lock(bench.connection, (whose_touch(touch)[0] for touch in touches))  # nobody else settles these now
    rulings: list[_Ruling] = []
    for touch in touches:
        found = _rule(bench, touch, hits.hits_of(bench.connection, touch))
        rulings += (one for one in found if one.hit.settled_at is None and one.hit.at <= until)
    _write(bench, rulings)
    failpoints.hit("settle.before")
    return _count(touches, rulings)


def _rule(bench: _Bench, touch: int, rows: Sequence[Any]) -> Iterable[_Ruling]:
    message = hits.message_of(bench.connection, touch)
    links = bench.links_in(message.programme, message.piece)
    around = Around(bench.networks, _strangers(bench.connection, rows, message.prospect))
    judged = classify(map(_request, rows), message.accepted_at, links, around)
    return (_Ruling(row, message, one) for row, one in zip(rows, judged, strict=True))


def _strangers(connection: Connection, rows: Iterable[Any], prospect: int) -> dict[str, list[Stranger]]:
    """Other people's clicks around the clicks of a message, by network, in order of time."""
    clicks = (row for row in rows if row.kind == "click" and row.network)
    found: dict[str, set[Stranger]] = {}
    for network, second in {(row.network, row.at.replace(microsecond=0)) for row in clicks}:
        near = hits.clicks_near(connection, network, second, prospect)
        found.setdefault(network, set()).update(Stranger(*one) for one in near)
    return {network: sorted(each) for network, each in found.items()}


def _write(bench: _Bench, rulings: Sequence[_Ruling]) -> None:
    """Facts for what is a person's now, Retracted for what is no more, and the verdict with each hit."""
    became: dict[int, int | None] = {one.hit.id: one.hit.fact for one in rulings}
    news: dict[int, list[tuple[Body, datetime, int]]] = {}
    for ruling in rulings:
        if said := _news(ruling, bench.now):
            news.setdefault(ruling.message.prospect, []).append((*said, ruling.hit.id))
    in_order = {prospect: sorted(each, key=itemgetter(1)) for prospect, each in news.items()}
    bodies = {prospect: [(body, at) for body, at, _ in each] for prospect, each in in_order.items()}
    noted = note(bench.connection, bodies, known=bench.now, programme=bench.programme) if bodies else {}
    for prospect, facts in noted.items():
        for (body, _, hit), fact in zip(in_order[prospect], facts, strict=True):
            became[hit] = None if isinstance(body, Retracted) else fact.n
    verdicts = (
        hits.Verdict(one.hit.id, one.judgement.verdict, one.judgement.reasons, became[one.hit.id])
        for one in rulings
    )
    hits.mark_settled(bench.connection, verdicts, fingerprint(bench.networks), bench.now)
    for one in rulings:  # a page read from a message says whose browser it is
        if one.hit.visitor and one.judgement.verdict == HUMAN != one.hit.verdict:
            join(bench.connection, one.hit.visitor, one.message.prospect, bench.now, bench.programme)


def _news(ruling: _Ruling, now: datetime) -> tuple[Body, datetime] | None:
    """What is to be recorded of a hit; nothing where it is as it was."""
    hit, judgement = ruling.hit, ruling.judgement
    if judgement.verdict != HUMAN:
        why = f"{judgement.verdict}: {', '.join(judgement.reasons)}"
        return (Retracted(hit.fact, why), now) if hit.fact is not None else None
    body = _fact(hit, ruling.message)
    return (body, hit.at) if body is not None and hit.verdict != HUMAN else None


def _count(touches: Sequence[int], rulings: Sequence[_Ruling]) -> Settled:
    said = [ruling.judgement.verdict for ruling in rulings]
    return Settled(len(touches), said.count(HUMAN), said.count(MACHINE), said.count(UNSURE))


def _request(row: Any) -> Request:
    return Request(
        row.id, row.kind, row.link, row.at, row.method, row.agent, row.network, row.prefetch, row.manner
    )


def _fact(row: Any, message: hits.Message) -> Body | None:
    """What a person's hit says. That a picture was loaded says nothing."""
    match row.kind:
        case "click":
            return Clicked(message.decision, message.piece, row.link, row.url)
        case "page":
            return PageViewed(row.url, message.decision)
    return None

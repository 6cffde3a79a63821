"""The duty that settles hits: what people did becomes facts, what machines did stays a hit.

A message's hits are judged ten minutes after its first unsettled one, so that a scanner's whole round is
seen. They are judged at once when the person shows up by other means: a form, a reply. In one transaction
each human hit is written as Clicked or PageViewed (`at` the hit, `known` now), all are marked, and the
prospect is woken.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection

from nurture import failpoints
from nurture.core.facts import Body, Clicked, PageViewed
from nurture.intake.tracking import HUMAN, MACHINE, SETTLES_AFTER, UNSURE, WIDEST_WINDOW, Request, classify
from nurture.store import hits
from nurture.store.facts import lock, note
from nurture.store.tables import whose_touch

LinksIn = Callable[[str, str], int]
"""Programme hash and piece -> how many tracked links the message holds (0 where nobody knows)."""

MESSAGES_AT_A_TIME = 50


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
    most: int = MESSAGES_AT_A_TIME,
) -> Settled:
    """Settle up to `most` messages that are due; call again until `messages` is 0.

    Hits younger than the widest window of the rules are left for the next time: a scanner may be in the
    middle of its round.
    """
    touches = hits.unsettled_messages(connection, now - SETTLES_AFTER, most)
    return _settle(connection, touches, now, programme, links_in, until=now - WIDEST_WINDOW)


def settle_hits_of(
    connection: Connection, prospect: int, now: datetime, programme: str, links_in: LinksIn
) -> Settled:
    """Settle everything of one prospect at once: the person is here."""
    touches = hits.unsettled_of(connection, prospect)
    return _settle(connection, touches, now, programme, links_in, until=now)


def _settle(
    connection: Connection,
    touches: Sequence[int],
    now: datetime,
    programme: str,
    links_in: LinksIn,
    *,
    until: datetime,
) -> Settled:
    lock(connection, (whose_touch(touch)[0] for touch in touches))  # nobody else settles these meanwhile
    news: dict[int, list[tuple[Body, datetime]]] = {}
    verdicts: dict[int, tuple[str, Sequence[str]]] = {}
    for touch in touches:
        message = hits.message_of(connection, touch)
        rows = hits.hits_of(connection, touch)
        judged = classify(
            map(_request, rows), message.accepted_at, links_in(message.programme, message.piece)
        )
        for row, judgement in zip(rows, judged, strict=True):
            if row.settled_at is not None or row.at > until:
                continue
            verdicts[row.id] = (judgement.verdict, judgement.reasons)
            body = _fact(row, message)
            if judgement.verdict == HUMAN and body is not None:
                news.setdefault(message.prospect, []).append((body, row.at))
    hits.mark_settled(connection, verdicts, now)
    if news:
        in_order = {prospect: sorted(each, key=itemgetter(1)) for prospect, each in news.items()}
        note(connection, in_order, known=now, programme=programme)
    failpoints.hit("settle.before")
    said = [verdict for verdict, _ in verdicts.values()]
    return Settled(len(touches), said.count(HUMAN), said.count(MACHINE), said.count(UNSURE))


def _request(row: Any) -> Request:
    return Request(row.id, row.kind, row.link, row.at, row.method, row.agent, row.network, row.prefetch)


def _fact(row: Any, message: hits.Message) -> Body | None:
    """What a person's hit says. That a picture was loaded says nothing."""
    match row.kind:
        case "click":
            return Clicked(message.decision, message.piece, row.link, row.url)
        case "page":
            return PageViewed(row.url, message.decision)
    return None

"""Events that the company's own product and site tell of: once each, whoever they are about.

Somebody unknown enters with the event's source and no ground for writing: they are scored, and nobody mails
them before they consent. Who asked to be forgotten is not entered again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from nurture.core.facts import Body, Entered
from nurture.engine.arriving import changed_of, entering
from nurture.intake.events import Heard, Refusal, learned_of
from nurture.store import facts, prospects
from nurture.store.suppressions import ERASED, reasons_of

AT_A_TIME = 200
"""Events of one transaction, so that nobody waits long for the store."""

_FORGOTTEN = "email: this person asked to be forgotten and is not entered again."


@dataclass(frozen=True)
class Ground:
    """What events are recorded with; `channel` names who tells of them."""

    channel: str
    now: datetime
    programme: str
    suppression_key: bytes = field(repr=False)


class Taken(NamedTuple):
    """What became of events: ids taken now and before, and who was refused."""

    taken: tuple[str, ...]
    known: tuple[str, ...]
    refused: tuple[Refusal, ...]


def take(connection: Connection, heard: Sequence[Heard], ground: Ground) -> Taken:
    """Record each event once, by the sender's channel and the event's id."""
    before = facts.heard_before(connection, ground.channel, [one.id for one in heard])
    news: list[Heard] = []
    known: list[str] = []
    for one in heard:
        if one.id in before:
            known.append(one.id)
        else:
            before.add(one.id)
            news.append(one)
    refused = _forgotten(connection, news, ground)
    out = {one.index for one in refused}
    news = [one for one in news if one.place not in out]
    _record(connection, news, ground)
    return Taken(tuple(one.id for one in news), tuple(known), refused)


def _forgotten(connection: Connection, news: Sequence[Heard], ground: Ground) -> tuple[Refusal, ...]:
    addresses = {one.address for one in news}
    reasons = reasons_of(connection, ground.suppression_key, addresses)
    erased = [address for address, reason in reasons.items() if reason == ERASED]
    gone = set(erased) - prospects.ids_of(connection, erased).keys()
    return tuple(Refusal(index=one.place, id=one.id, why=_FORGOTTEN) for one in news if one.address in gone)


def _record(connection: Connection, news: Sequence[Heard], ground: Ground) -> None:
    sources = {one.address: one.source for one in reversed(news)}
    rows = [
        {"address": address, "source": source, "source_kind": "unknown", "entered_at": ground.now}
        for address, source in sources.items()
    ]
    ids = prospects.enter_many(connection, rows)
    counts = facts.lock(connection, ids.values())
    entered: dict[int, list[tuple[Body, datetime]]] = {}
    for address, prospect in ids.items():
        if not counts[prospect]:
            came = Entered(sources[address], "unknown")
            bodies = entering(connection, came, address, ground.suppression_key)
            entered[prospect] = [(body, ground.now) for body in bodies]
    facts.note(connection, entered, known=ground.now, programme=ground.programme)
    heard: dict[int, list[facts.Heard]] = {}
    for one in news:
        prospect = ids[one.address]
        said = changed_of(connection, prospect, learned_of(one)) if one.learned else ()
        for number, body in enumerate((*one.bodies, *said)):
            id = f"{one.id} {number}" if number else one.id  # a sender's id holds no space
            heard.setdefault(prospect, []).append(facts.Heard(body, one.at, id))
    facts.note_once(connection, heard, channel=ground.channel, known=ground.now, programme=ground.programme)

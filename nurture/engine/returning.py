"""What came back becomes facts: kept once, and what follows from it for whom it is proven to be about.

One transaction takes a batch: every return is kept under its channel and id, what was kept before is left
alone, and the facts, suppressions, doubts and breakers that follow are written with it. docs/returns.md.
"""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from nurture.core.facts import Away, Body, Bounced, Complained, Contacted, Replied, Unsubscribed
from nurture.engine.doubting import evidence
from nurture.engine.proof import Ground, Whose, whose_is
from nurture.engine.settling import settle_hits_of
from nurture.engine.silencing import cancel, silence
from nurture.intake.returns import Kind, Return
from nurture.store import breakers, facts, returns
from nurture.store.tables import whose_touch

LONGEST_RAW = 5_000_000
"""Bytes of a message that are kept; what is longer has its end in the attachments."""

_ARRIVED = {
    "complained": "in doubt, and a complaint about it came: it arrived",
    "replied": "in doubt, and an answer to it came: it arrived",
    "away": "in doubt, and an automatic answer to it came: it arrived",
    "unsubscribed": "in doubt, and it was answered with an unsubscribe: it arrived",
    "delivered": "in doubt, and the receiver's server has it",
}
_TOLD = ("replied", "complained")
"""What a colleague is told of by mail."""


class Taken(NamedTuple):
    """What became of a return: its id, what it was kept as, the person and touch it is about (None: nobody
    known), and whether it was known before."""

    id: str
    kind: Kind
    whose: Whose | None
    known: bool


def take(
    connection: Connection, heard: Sequence[Return], channel: str, ground: Ground, *, held: bool = False
) -> list[Taken]:
    """Keep these returns and do what follows from them, in the order given.

    `held`: keep them and do nothing, until a person lets them go (`release`). Doing it again changes nothing.
    """
    heard = [_storable(one) for one in heard]
    before = _before(connection, channel, heard)
    about = [(one, None if one.id in before else whose_is(connection, one, ground)) for one in heard]
    facts.lock(connection, {whose.prospect for _, whose in about if whose})  # in order, as everybody does
    taken: list[Taken] = []
    for one, whose in about:
        is_new = False
        if one.id not in before:
            said = _believed(connection, one, whose, ground)
            is_new = returns.keep(connection, _row(said, channel, whose, ground, held))
            before[one.id] = Taken(one.id, said.kind, whose, known=True)
            if is_new and whose is not None and not held:
                _follow(connection, said, whose, channel, ground)
        taken.append(before[one.id]._replace(known=not is_new))
    return taken


def _before(connection: Connection, channel: str, heard: Sequence[Return]) -> dict[str, Taken]:
    """What became of those of them that the channel has told before, by their ids."""
    found: dict[str, Taken] = {}
    for row in returns.known(connection, channel, [one.id for one in heard]):
        whose = Whose(row.prospect, row.touch or 0) if row.prospect else None
        found[row.external_id] = Taken(row.external_id, row.kind, whose, known=True)
    return found


def _believed(connection: Connection, one: Return, whose: Whose | None, ground: Ground) -> Return:
    """What a return is once it is known whose it is. An answer that a colleague wrote to all who had the
    person's is none of the person's: we wrote to them."""
    if whose is None:
        return one._replace(kind="other") if one.kind == "contacted" else one
    writer = next(iter(one.addresses), "").lower()
    if one.kind not in ("replied", "away") or not ground.is_colleague(writer):
        return one
    if writer == returns.address_of(connection, whose.prospect):  # one of us, trying things out
        return one
    return one._replace(kind="contacted" if one.kind == "replied" else "other", by=writer)


def _storable(one: Return) -> Return:
    """Without what PostgreSQL keeps in no text: NUL, and halves of a character."""
    id, status, words, text, by = map(_text, (one.id, one.status, one.words, one.text, one.by))
    return one._replace(id=id, status=status, words=words, text=text, by=by)


def _text(said: str) -> str:
    return said.replace("\0", "").encode("utf-8", "replace").decode()


def release(connection: Connection, channel: str, ground: Ground) -> int:
    """Do what follows from the returns of a channel that were held; how many."""
    waiting = returns.held(connection, channel)
    facts.lock(connection, {row.prospect for row in waiting if row.prospect is not None})
    for row in waiting:
        one = Return(
            row.external_id, row.kind, row.at, vouched=True, bounce=row.bounce, status=row.status,
            words=row.words,
        )  # fmt: skip
        if row.prospect is not None:
            _follow(connection, one, Whose(row.prospect, row.touch or 0), channel, ground)
        told = row.prospect is not None and row.kind in _TOLD
        returns.let_go(connection, row.id, ground.now if told else None)
    return len(waiting)


def _follow(connection: Connection, one: Return, whose: Whose, channel: str, ground: Ground) -> None:
    """Write what follows from one return about a person who is known, whose row is locked."""
    prospect, touch = whose
    at = _happened(connection, one, touch, ground.now)
    _settle_doubt(connection, one, touch, ground)
    if one.kind in ("replied", "complained", "unsubscribed"):
        settle_hits_of(
            connection, prospect, ground.now, ground.programme, ground.links_in, networks=ground.networks
        )
    decision = whose_touch(touch)[1] if touch else 0
    said = f"{one.kind} {one.id}"
    silencing = _silencing(one, decision)
    if silencing is not None:
        silence(
            connection, prospect, silencing, at, said,
            key=ground.suppression_key, programme=ground.programme, now=ground.now,
        )  # fmt: skip
    elif body := _fact(one, decision):
        facts.note(connection, {prospect: [(body, at)]}, known=ground.now, programme=ground.programme)
        if isinstance(body, Replied):
            cancel(connection, prospect)
    bounce = one.bounce if one.kind == "bounced" else ""
    counts = bounce or one.kind == "complained"
    if counts and not returns.was_told(connection, prospect, touch, one.kind, bounce, (channel, one.id)):
        address = returns.address_of(connection, prospect)
        breakers.returned(connection, address, bounce, one.words or one.reason, ground.now)


def _happened(connection: Connection, one: Return, touch: int, now: datetime) -> datetime:
    """When it happened, as far as that is believed: not before the message it is about, nor after now."""
    chosen = returns.chosen_at(connection, touch) if touch else None
    at = min(one.at or now, now)
    return max(at, chosen) if chosen is not None and chosen <= now else at


def _settle_doubt(connection: Connection, one: Return, touch: int, ground: Ground) -> None:
    if not touch:
        return
    key = ground.suppression_key
    if one.kind == "bounced":
        words = f"in doubt, and it came back: {one.words or one.reason or one.status}"
        evidence(connection, touch, words, ground.now, key=key, outcome="failed")
    elif words := _ARRIVED.get(one.kind, ""):
        evidence(connection, touch, words, ground.now, key=key)


def _silencing(one: Return, decision: int) -> Unsubscribed | Complained | Bounced | None:
    """What ends all mail to a person at once."""
    match one.kind:
        case "complained":
            return Complained(decision)
        case "unsubscribed":
            return Unsubscribed("all", _way(one))
        case "bounced" if one.bounce == "hard":
            return Bounced(decision, "hard")
    return None


def _way(one: Return) -> str:
    if one.one_click:
        return "one_click"
    return "provider" if one.vouched else "mailto" if not one.text else "reply"


def _fact(one: Return, decision: int) -> Body | None:
    match one.kind:
        case "replied":
            return Replied(decision)
        case "away":
            return Away(decision, one.until)
        case "contacted":
            return Contacted(one.by)
        case "bounced":
            return Bounced(decision, one.bounce)
    return None


def _row(one: Return, channel: str, whose: Whose | None, ground: Ground, held: bool) -> Mapping[str, object]:
    return {
        "channel": channel,
        "external_id": one.id,
        "kind": one.kind,
        "at": one.at or ground.now,
        "received_at": ground.now,
        "prospect": whose.prospect if whose else None,
        "touch": (whose.touch or None) if whose else None,
        "bounce": one.bounce,
        "status": one.status,
        "words": one.words,
        "text": one.text,
        "raw": zlib.compress(one.raw[:LONGEST_RAW]) if one.raw else None,
        "held": held,
        "mail_due_at": ground.now if whose and one.kind in _TOLD and not held else None,
        "mail_attempts": 0,
    }

"""What came back becomes facts: whose it is, proven by our own signatures, and what follows from it.

One transaction takes a batch: every return is kept under its channel and id, what was kept before is left
alone, and the facts, suppressions, doubts and breakers that follow are written with it. docs/returns.md.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import Connection

from nurture.core.facts import Away, Body, Bounced, Complained, Contacted, Replied, Unsubscribed
from nurture.core.programme import Programme
from nurture.delivery.tokens import Keys, message_id, read, read_address, takes_copies
from nurture.engine.doubting import evidence
from nurture.engine.settling import LinksIn, settle_hits_of
from nurture.engine.silencing import cancel, silence
from nurture.intake.addresses import NoAddress, normalise
from nurture.intake.networks import NO_NETWORKS, Networks
from nurture.intake.returns import Kind, Return
from nurture.store import breakers, facts, returns
from nurture.store.prospects import ids_of
from nurture.store.tables import whose_touch

MOST_MARKS = 200
"""Marks of one return that are looked at; a message that names more names them for nothing."""
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


class Whose(NamedTuple):
    """The person a return is about, and the touch (0 where it names none of ours)."""

    prospect: int
    touch: int


class Taken(NamedTuple):
    """What became of a return: its id, what it was kept as, the person and touch it is about (None: nobody
    known), and whether it was known before."""

    id: str
    kind: Kind
    whose: Whose | None
    known: bool


def is_colleague(programme: Programme, address: str) -> bool:
    """Whether an address is one of us: sales, where answers go, and everybody at the sender's domain."""
    sender, address = programme.sender, address.lower()
    known = {each.lower() for each in (*programme.sales, sender.reply_to) if each}
    return address in known or address.rpartition("@")[2] == sender.address.rpartition("@")[2].lower()


def _nobody(_: str) -> bool:
    return False


@dataclass(frozen=True)
class Ground:
    """What a taker works with: the instant, the active programme's hash, the keys, the wiring that settles
    hits, who is a colleague (by address), whose copied mail counts, and from where machines ask."""

    now: datetime
    programme: str
    keys: Keys
    suppression_key: bytes = field(repr=False)
    links_in: LinksIn
    is_colleague: Callable[[str], bool] = _nobody
    networks: Networks = NO_NETWORKS


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


def whose_is(connection: Connection, one: Return, ground: Ground) -> Whose | None:
    """Whom a return is about: by a mark we signed; by the address alone only where it is vouched for.

    A Message-ID is a keyed hash of the touch: it is compared with those of the people the return names.
    """
    marks = one.marks[:MOST_MARKS]
    if one.kind == "contacted":
        copied = any(takes_copies(ground.keys, mark.partition("@")[0]) for mark in marks)
        if not (copied and ground.is_colleague(one.by)):
            return None
    elif touch := next(filter(None, (_signed(mark, ground.keys) for mark in marks)), None):
        prospect, decision = whose_touch(touch)
        if not decision:  # mail to the person that is no touch: it asked for a confirmation
            return Whose(prospect, 0) if returns.is_there(connection, prospect) else None
        return Whose(prospect, touch) if returns.is_ours(connection, touch) else None
    people = list(ids_of(connection, _readable(one.addresses)).values())
    named = {mark[1:].partition("@")[0].lower() for mark in marks if mark.startswith("<n1.")}
    for prospect, touch in returns.touches_of(connection, people) if named else ():
        if message_id(ground.keys, touch, "")[1:].partition("@")[0] in named:
            return Whose(prospect, touch)
    if one.vouched or one.kind == "contacted":
        return Whose(people[0], 0) if people else None
    return None


def _signed(mark: str, keys: Keys) -> int | None:
    """The touch that an address or an unsubscribe link names, where we signed it."""
    if mark.startswith(("http://", "https://")):
        try:
            path = urlsplit(mark).path
        except ValueError:
            return None
        token = read(keys, "u", path.rpartition("/u/")[2])
        return token.touch if token else None
    local = mark.partition("@")[0]
    return next(filter(None, (read_address(keys, purpose, local) for purpose in "bru")), None)


def _readable(addresses: Sequence[str]) -> list[str]:
    found = []
    for address in addresses[:MOST_MARKS]:
        try:
            found.append(normalise(address))
        except NoAddress:
            continue
    return found


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

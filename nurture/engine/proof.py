"""Whose is what came back: the one place where a claim from outside is believed.

By a mark that we signed, or a Message-ID of ours to somebody it names; by an address alone only where
whoever told us proved who they are. docs/returns.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import Connection

from nurture.core.programme import Programme
from nurture.delivery.tokens import Keys, message_id, read, read_address, takes_copies
from nurture.engine.settling import LinksIn
from nurture.intake.addresses import NoAddress, normalise
from nurture.intake.networks import NO_NETWORKS, Networks
from nurture.intake.returns import Return
from nurture.store import returns
from nurture.store.prospects import ids_of
from nurture.store.tables import whose_touch

MOST_MARKS = 200
"""Marks of one return that are looked at; a message that names more names them for nothing."""


class Whose(NamedTuple):
    """The person a return is about, and the touch (0 where it names none of ours)."""

    prospect: int
    touch: int


def is_colleague(programme: Programme, address: str) -> bool:
    """Whether an address is one of us: sales, where answers go, and everybody at the sender's domain."""
    sender, address = programme.sender, address.lower()
    known = {each.lower() for each in (*programme.sales, sender.reply_to) if each}
    return address in known or address.rpartition("@")[2] == sender.domain.lower()


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

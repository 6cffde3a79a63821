"""What a person asks of our mail, and taking the last such word back: one fact each, in one transaction.

A message on its way that the new word forbids is cancelled with it. For a day the last word can be undone on
the page it was said on, unless it was a complaint or the one click of a mail program: after those only a new
consent brings mail back. docs/preferences.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from nurture.core.facts import Body, Consented, Declined, Entered, Fact, Preferred, Reconsidered, Unsubscribed
from nurture.core.programme import Programme
from nurture.engine.doubting import evidence
from nurture.engine.silencing import EVERYTHING, PAGE, cancel, last_word
from nurture.store import consents, suppressions, wishes
from nurture.store.facts import note
from nurture.store.tables import TOUCHES, whose_touch

UNDO_FOR = timedelta(hours=24)
"""How long the last word can be taken back."""

_PROOF = "in doubt, and its preferences were changed: it arrived"


class Asked(NamedTuple):
    """Whose word it is (by the message `touch`), when it was said, what is known of who pressed."""

    touch: int
    at: datetime
    asker: str = ""


class Standing(NamedTuple):
    """What holds for a person now.

    `silence`: why we never write to them (empty: we may); `sequence`: what the message belonged to, and
    `left` whether they want no more of that; `said`: the word that can be undone, its number `last` (0: there
    is none), and until when.
    """

    silence: str
    sequence: str
    left: bool
    preferred: Preferred
    declined: Declined | None
    last: int = 0
    said: Body | None = None
    undo_until: datetime | None = None


def standing(connection: Connection, touch: int, now: datetime, *, key: bytes) -> Standing | None:
    """What holds for the person a message went to; None where nothing is known of them (any more)."""
    prospect = whose_touch(touch)[0]
    address = wishes.address_of(connection, prospect)
    if address is None:
        return None
    said = wishes.wishes_of(connection, prospect)
    sequence = wishes.sequence_of(connection, touch)
    word = last_word(said, sequence)
    last = _undoable(connection, said, now, address, key)
    undo = (last.n, last.body, last.at + UNDO_FOR) if last else ()
    return Standing(
        suppressions.reasons_of(connection, key, [address]).get(address, ""),
        sequence,
        word is not None and isinstance(word.body, Unsubscribed),
        _preferred(said, now),
        _declined(said, now),
        *undo,
    )


def prefer(
    connection: Connection,
    asked: Asked,
    change: Callable[[Preferred], Preferred],
    programme: Programme,
    key: bytes,
) -> bool:
    """Note what a person asks for, made by `change` of what holds; cancel what that forbids.

    False where it holds already, or nothing is known of them (any more).
    """
    prospect = _begin(connection, asked, key)
    if prospect is None:
        return False
    before = _preferred(wishes.wishes_of(connection, prospect), asked.at)
    wanted = change(before)
    if wanted == before:
        return False
    forbidden = _forbidden(connection, prospect, wanted, programme, asked.at)
    if forbidden:
        cancel(connection, prospect, TOUCHES.c.id.in_(forbidden))
    note(connection, {prospect: [(wanted, asked.at)]}, known=asked.at, programme=programme.hash)
    return True


def decline(
    connection: Connection, asked: Asked, until: datetime | None, programme: Programme, key: bytes
) -> bool:
    """Note that this is not for them, or not before `until`; cancel what is on its way. False as `prefer`."""
    prospect = _begin(connection, asked, key)
    if prospect is None:
        return False
    cancel(connection, prospect)
    word = Declined(until, PAGE)
    if word == _declined(wishes.wishes_of(connection, prospect), asked.at):
        return False
    note(connection, {prospect: [(word, asked.at)]}, known=asked.at, programme=programme.hash)
    return True


def undo(connection: Connection, asked: Asked, number: int, programme: Programme, key: bytes) -> bool:
    """Take back the last word, if it is fact `number` still and a day is not over. False: nothing changed.

    Of an unsubscribe the suppression is lifted, and the ledger of permissions keeps who pressed and when; the
    ground for writing is the one that stood before.
    """
    prospect = _begin(connection, asked, key)
    if prospect is None:
        return False
    said = wishes.wishes_of(connection, prospect)
    address = wishes.address_of(connection, prospect) or ""
    last = _undoable(connection, said, asked.at, address, key)
    if last is None or last.n != number:
        return False
    body = last.body
    back: Body
    if isinstance(body, Unsubscribed):
        ground = _ground_before(said, last.n, body.scope)
        assert ground is not None  # else it could not be undone
        back = ground
        _lift(connection, prospect, address, asked, back, key)
    elif isinstance(body, Declined):
        back = Reconsidered(PAGE)
    else:
        back = _preferred(said[: said.index(last)], asked.at)
    note(connection, {prospect: [(back, asked.at)]}, known=asked.at, programme=programme.hash)
    return True


def _begin(connection: Connection, asked: Asked, key: bytes) -> int | None:
    """The person, their row locked; that they are here proves that the message arrived."""
    prospect = whose_touch(asked.touch)[0]
    if wishes.lock_address(connection, prospect) is None:
        return None
    evidence(connection, asked.touch, _PROOF, asked.at, key=key)
    return prospect


def _lift(
    connection: Connection, prospect: int, address: str, asked: Asked, back: Consented, key: bytes
) -> None:
    """Take the address off the list, with evidence."""
    words = ", ".join(filter(None, (f"undo pressed on the page of touch {asked.touch}", asked.asker)))
    suppressions.lift(connection, key, address, evidence=words, scope=back.scope)
    source = "undo of an unsubscribe"
    given = consents.Evidence(prospect, back.basis, source, PAGE, asked.at, words, back.scope)
    consents.keep(connection, [given], asked.at)


def _forbidden(
    connection: Connection, prospect: int, wanted: Preferred, programme: Programme, now: datetime
) -> list[int]:
    """What is on its way and must not leave any more: by its topic, or all of it, by the time."""
    live = wishes.waiting(connection, prospect)
    sent = wishes.last_sent(connection, prospect) if live else None
    paused = wanted.paused_until is not None and wanted.paused_until > now
    if paused or (sent is not None and sent + timedelta(days=wanted.gap) > now):
        return [one.touch for one in live]
    return [one.touch for one in live if _is_about(one.piece, wanted.without, programme)]


def _is_about(piece: str, topics: Sequence[str], programme: Programme) -> bool:
    known = programme.pieces.get(piece)
    return known is not None and not set(topics).isdisjoint(known.topics)


def _preferred(said: Sequence[Fact], now: datetime) -> Preferred:
    """What stands of it: a pause that is over has been forgotten."""
    words = (fact.body for fact in reversed(said))
    last = next((word for word in words if isinstance(word, Preferred)), Preferred())
    over = last.paused_until is not None and last.paused_until <= now
    return replace(last, paused_until=None) if over else last


def _declined(said: Sequence[Fact], now: datetime) -> Declined | None:
    """What stands of their last No."""
    for fact in reversed(said):
        if isinstance(fact.body, Reconsidered):
            return None
        if isinstance(fact.body, Declined):
            over = fact.body.until is not None and fact.body.until <= now
            return None if over else fact.body
    return None


def _undoable(
    connection: Connection, said: Sequence[Fact], now: datetime, address: str, key: bytes
) -> Fact | None:
    """The last word, where it was said on our page less than a day ago.

    An unsubscribe only where nothing else keeps the address on the list, neither what stood there before it
    nor a stronger reason since, and where we might write before: an undo is no consent of its own.
    """
    last = next((fact for fact in reversed(said) if not isinstance(fact.body, Entered)), None)
    if last is None or now - last.at >= UNDO_FOR:
        return None
    on_page = isinstance(last.body, Preferred) or getattr(last.body, "way", "") == PAGE
    if not on_page or isinstance(last.body, Reconsidered):
        return None
    if isinstance(last.body, Unsubscribed):
        scope = last.body.scope
        is_its_own = suppressions.since(connection, key, address, scope) == last.at
        reason = suppressions.reason_of(connection, key, address, scope)
        stood = _ground_before(said, last.n, scope) is not None
        return last if is_its_own and reason == "unsubscribed" and stood else None
    return last


def _ground_before(said: Sequence[Fact], number: int, scope: str) -> Consented | None:
    """The permission to write at all that stood before fact `number`, given anew; None where none did."""
    for fact in reversed(said):
        body = fact.body
        if fact.n >= number or not isinstance(body, Consented | Entered) or body.basis == "none":
            continue
        if isinstance(body, Entered) or body.scope == EVERYTHING:
            until = body.until if isinstance(body, Consented) else None
            return Consented(body.basis, scope, until, body.given or fact.at)
    return None

"""Mail that comes in: fetched, read, taken, and only then marked as done.

A crash between taking and marking reads a letter again, which changes nothing: a letter has one id, and what
was kept under it is left alone. A letter that cannot be taken is kept as it is and counted as other, so that
it keeps nobody waiting. docs/returns.md.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection

from nurture import failpoints
from nurture.delivery.tokens import Keys
from nurture.engine.mailboxes import Letter, Place
from nurture.engine.proof import Ground, is_colleague
from nurture.engine.returning import Taken, take
from nurture.engine.shelf import Shelf, links_in
from nurture.intake.mail import read
from nurture.intake.networks import NO_NETWORKS, Networks
from nurture.intake.returns import Return
from nurture.store import Store, is_unavailable

logger = logging.getLogger(__name__)

CHANNEL = "mailbox"
"""However a letter comes, by IMAP, maildir or file, it is the same letter."""
BATCH = 200
"""Letters of one look."""
AT_ONCE = 50
"""Letters in one transaction,"""
BYTES_AT_ONCE = 20_000_000
"""and the bytes of them in memory, more or less."""


class Heard(NamedTuple):
    """A letter, what it says, and what became of that."""

    letter: Letter
    returns: tuple[Return, ...]
    taken: tuple[Taken, ...]


@dataclass(frozen=True)
class Taking:
    """What letters are taken with."""

    store: Store
    shelf: Shelf
    keys: Keys
    suppression_key: bytes = field(repr=False)
    networks: Networks = NO_NETWORKS

    def take(self, letters: Sequence[Letter], now: datetime) -> list[Heard]:
        """Read these letters and do what follows from them, committed. Blocks.

        Raises what the store raises where it cannot be written; a letter's own trouble is that letter's.
        """
        heard = [heard_in(letter, now) for letter in letters]
        try:
            taken = self.store.write_now(partial(self._take, heard, now))
        except Exception as trouble:
            if is_unavailable(trouble):
                raise
            taken = [self._take_alone(letter, each, now) for letter, each in zip(letters, heard, strict=True)]
        failpoints.hit("fetch.taken")
        return [Heard(*each) for each in zip(letters, heard, taken, strict=True)]

    def _take_alone(self, letter: Letter, returns: tuple[Return, ...], now: datetime) -> tuple[Taken, ...]:
        """In a transaction of its own; what cannot be taken is kept and counted, and a person told."""
        try:
            return self.store.write_now(partial(self._take, [returns], now))[0]
        except Exception as trouble:
            if is_unavailable(trouble):
                raise
            logger.exception("a letter could not be taken and is kept as it is")
            kept = _as_it_is(letter, trouble)
            return self.store.write_now(partial(self._take, [(kept,)], now))[0]

    def _take(
        self, heard: Sequence[tuple[Return, ...]], now: datetime, connection: Connection
    ) -> list[tuple[Taken, ...]]:
        programme = self.shelf.active(connection).programme
        ground = Ground(
            now,
            programme.hash,
            self.keys,
            self.suppression_key,
            partial(links_in, connection, self.shelf),
            partial(is_colleague, programme),
            self.networks,
        )
        taken = iter(take(connection, [one for returns in heard for one in returns], CHANNEL, ground))
        failpoints.hit("fetch.before")
        return [tuple(next(taken) for _ in returns) for returns in heard]


def heard_in(letter: Letter, now: datetime) -> tuple[Return, ...]:
    """What a letter says. Readers raise nothing; should one do so, the letter is kept as it is."""
    try:
        return read(letter.raw, min(letter.came_at or now, now))
    except Exception as trouble:
        logger.exception("a letter could not be read and is kept as it is")
        return (_as_it_is(letter, trouble),)


def _as_it_is(letter: Letter, trouble: Exception) -> Return:
    words = f"could not be taken: {type(trouble).__name__}"
    return Return(f"sha256:{sha256(letter.raw).hexdigest()}", "other", words=words, raw=letter.raw)


def fetch(place: Place, taking: Taking, now: datetime, is_over: Callable[[], bool] = lambda: False) -> int:
    """Take what waits at a place, BATCH letters at most; how many. Blocks.

    `is_over`: asked between transactions, whether to stop. Raises Unreachable.
    """
    done = 0
    with place.open() as opened:
        for letters in _together(opened.waiting(BATCH)):
            taking.take(letters, now)
            opened.done([letter.key for letter in letters])
            done += len(letters)
            if is_over():
                break
    return done


def _together(letters: Iterator[Letter]) -> Iterator[list[Letter]]:
    """Letters for one transaction each."""
    some: list[Letter] = []
    for letter in letters:
        some.append(letter)
        if len(some) == AT_ONCE or sum(len(each.raw) for each in some) >= BYTES_AT_ONCE:
            yield some
            some = []
    if some:
        yield some

"""Somebody wants no more of this: suppressed, recorded and stopped in one transaction.

The person is the one the message went to, whoever pressed the button: mails are forwarded. Doing it again
changes nothing. What the store could not take waits in the journal and is done by its taker.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from nurture.core.facts import Unsubscribed
from nurture.engine.doubting import evidence
from nurture.store.door import Store, Work
from nurture.store.facts import note
from nurture.store.journal import Entry, Taker
from nurture.store.suppressions import suppress
from nurture.store.tables import FACTS, LIVE, PROSPECTS, TOUCHES, whose_touch

KIND = "unsubscribe"
_PROOF = "in doubt, and its unsubscribe link was used: it arrived"


class Unsubscribe(NamedTuple):
    """Who asked (through the message `touch`), how (one_click, page, mailto), and when."""

    touch: int
    way: str
    at: datetime

    def work(self, suppression_key: bytes, programme: str, now: datetime) -> Work[bool]:
        """The work for `store.write(..., urgent=True)`: True if something was still to do."""
        return lambda connection: unsubscribe(connection, self, suppression_key, programme, now)


def unsubscribe(
    connection: Connection, asked: Unsubscribe, suppression_key: bytes, programme: str, now: datetime
) -> bool:
    """Suppress the address, note Unsubscribed, cancel what is on its way. False if all that was done.

    Somebody erased has nothing left to stop: their suppression, if any, stands already.
    """
    prospect = whose_touch(asked.touch)[0]
    locking = select(PROSPECTS.c.address).where(PROSPECTS.c.id == prospect).with_for_update()
    address = connection.execute(locking).scalar()
    if address is None:
        return False
    suppress(
        connection, suppression_key, address, "unsubscribed", asked.at, f"touch {asked.touch}, {asked.way}"
    )
    live = (TOUCHES.c.prospect == prospect) & TOUCHES.c.state.in_(LIVE)
    connection.execute(update(TOUCHES).where(live).values(cancelled=True))
    evidence(connection, asked.touch, _PROOF, now, key=suppression_key)
    if _last_word(connection, prospect) == "Unsubscribed":
        return False
    note(connection, {prospect: [(Unsubscribed("all", asked.way), asked.at)]}, known=now, programme=programme)
    return True


def _last_word(connection: Connection, prospect: int) -> str | None:
    """The newest of what the person said about hearing from us."""
    words = (
        select(FACTS.c.kind)
        .where(FACTS.c.prospect == prospect, FACTS.c.kind.in_(("Unsubscribed", "Consented")))
        .order_by(FACTS.c.n.desc())
        .limit(1)
    )
    return connection.execute(words).scalar()


def journal_entry(asked: Unsubscribe) -> Entry:
    """What the journal keeps."""
    return {"kind": KIND, "token": str(asked.touch), "way": asked.way, "at": asked.at.isoformat()}


def taker(
    store: Store, suppression_key: bytes, programme: Callable[[], str], now: Callable[[], datetime]
) -> Taker:
    """Who brings waiting unsubscribes into the store: `journal.replay({KIND: taker(...)})`."""

    def take(entries: Sequence[Entry]) -> None:
        for entry in entries:
            asked = Unsubscribe(int(entry["token"]), entry["way"], datetime.fromisoformat(entry["at"]))
            store.write_now(asked.work(suppression_key, programme(), now()))

    return take

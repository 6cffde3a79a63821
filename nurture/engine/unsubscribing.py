"""Somebody wants no more of this: done at once, or kept in the journal until the store can take it.

The person is the one the message went to, whoever pressed the button: mails are forwarded. Doing it again
changes nothing. What is done is said in `silencing`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from nurture.core.facts import Unsubscribed
from nurture.engine.doubting import evidence
from nurture.engine.silencing import EVERYTHING, silence
from nurture.store.door import Store, Work
from nurture.store.journal import Entry, Taker
from nurture.store.tables import whose_touch
from nurture.store.wishes import lock_address

KIND = "unsubscribe"
_PROOF = "in doubt, and its unsubscribe link was used: it arrived"


class Unsubscribe(NamedTuple):
    """Who asked (through the message `touch`), how (one_click, page, mailto, reply), and when.

    `scope` is all, or the id of the one sequence they want no more of; `asker` what is known of who pressed,
    as it is kept for evidence.
    """

    touch: int
    way: str
    at: datetime
    scope: str = EVERYTHING
    asker: str = ""

    def work(self, suppression_key: bytes, programme: str, now: datetime) -> Work[bool]:
        """The work for `store.write(..., urgent=True)`: True if something was still to do."""
        return lambda connection: unsubscribe(connection, self, suppression_key, programme, now)


def unsubscribe(
    connection: Connection, asked: Unsubscribe, suppression_key: bytes, programme: str, now: datetime
) -> bool:
    """Silence the person, whose using the link proves that the message arrived. False if all that was done.

    Somebody erased has nothing left to stop: their suppression, if any, stands already.
    """
    prospect = whose_touch(asked.touch)[0]
    if lock_address(connection, prospect) is None:
        return False
    evidence(connection, asked.touch, _PROOF, now, key=suppression_key)
    said = ", ".join(filter(None, (f"touch {asked.touch}", asked.way, asked.asker)))
    return silence(
        connection, prospect, Unsubscribed(asked.scope, asked.way), asked.at, said,
        key=suppression_key, programme=programme, now=now,
    )  # fmt: skip


def journal_entry(asked: Unsubscribe) -> Entry:
    """What the journal keeps."""
    return {
        "kind": KIND,
        "token": str(asked.touch),
        "way": asked.way,
        "at": asked.at.isoformat(),
        "scope": asked.scope,
        "asker": asked.asker,
    }


def taker(
    store: Store, suppression_key: bytes, programme: Callable[[], str], now: Callable[[], datetime]
) -> Taker:
    """Who brings waiting unsubscribes into the store: `journal.replay({KIND: taker(...)})`."""

    def take(entries: Sequence[Entry]) -> None:
        for entry in entries:
            asked = Unsubscribe(
                int(entry["token"]), entry["way"], datetime.fromisoformat(entry["at"]),
                entry.get("scope", EVERYTHING), entry.get("asker", ""),
            )  # fmt: skip
            store.write_now(asked.work(suppression_key, programme(), now()))

    return take

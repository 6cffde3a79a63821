"""Answers of servers in the journal: what it keeps of one, and who brings them into the store.

An entry names the touch by owner and epoch, as every step after the claim does. So it may come twice, or
after somebody else took the touch: then nothing happens. One that was declared in doubt meanwhile is told by
its answer.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from nurture.store import Store, is_unavailable, outbox
from nurture.store.journal import Entry, Taker
from nurture.store.touches import Claim, Deferral, Ending, Result

logger = logging.getLogger(__name__)

KIND = "answer"


def entry_of(result: Result, now: datetime) -> Entry:
    """What the journal keeps."""
    claim = result.claim
    entry = {
        "kind": KIND,
        "token": f"{claim.touch}.{claim.epoch}",
        "owner": claim.owner,
        "attempts": str(claim.attempts),
        "words": result.words,
    }
    if isinstance(result, Deferral):
        counted = "yes" if result.counted else ""
        return {**entry, "due_at": result.due_at.isoformat(), "counted": counted, "whose": result.whose}
    return {**entry, "outcome": result.outcome, "bounce": result.bounce, "at": (result.at or now).isoformat()}


def taker(store: Store, key: bytes, now: datetime) -> Taker:
    """Who brings waiting answers into the store: `journal.replay({KIND: taker(...)})`."""

    def take(entries: Sequence[Entry]) -> None:
        for entry in entries:
            try:
                store.write_now(partial(_bring_in, entry, key, now))
            except Exception as trouble:
                if is_unavailable(trouble):
                    raise
                # Left out, so that it does not keep the others waiting: its touch is in doubt one day.
                logger.exception("The answer about touch %s cannot be recorded.", entry.get("token"))

    return take


def _bring_in(entry: Entry, key: bytes, now: datetime, connection: Connection) -> None:
    touch = _touch(entry)
    standing = outbox.as_they_stand(connection, [touch])
    if touch in standing:  # else the person was erased meanwhile
        outbox.turn(connection, [_result(entry, standing[touch])], (), now, key=key)


def _touch(entry: Entry) -> int:
    return int(entry["token"].partition(".")[0])


def _result(entry: Entry, standing: Claim) -> Result:
    claim = standing._replace(
        owner=entry["owner"], epoch=int(entry["token"].partition(".")[2]), attempts=int(entry["attempts"])
    )
    if "due_at" in entry:
        due_at = datetime.fromisoformat(entry["due_at"])
        return Deferral(claim, due_at, entry["words"], bool(entry["counted"]), entry["whose"])
    at = datetime.fromisoformat(entry["at"])
    return Ending(claim, entry["outcome"], entry["words"], entry["bounce"], at)

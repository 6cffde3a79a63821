"""What became of a message in doubt: proof first, then a person, then the policy. docs/delivery.md.

Proof is whatever only the arrived message can cause: a request for one of its addresses (by a machine too),
an unsubscribe by its token, a bounce or a reply that names it. Whoever hears such a thing calls `evidence`.
"""

from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import Connection

from nurture.core.journey import NURTURING
from nurture.errors import Mistake
from nurture.store import doubt as doubts
from nurture.store.doubt import Doubt

Policy = Literal["assume_sent", "resend", "hold"]
"""What is done after a day without proof."""

FOLLOWED = "in doubt, and one of its addresses was asked for: it arrived"
ASSUMED = "in doubt, and no word for a day: assumed to be sent"


class Resolved(NamedTuple):
    """How many doubts became what."""

    sent: int = 0
    resent: int = 0
    held: int = 0


def evidence(
    connection: Connection, touch: int, words: str, now: datetime, *, key: bytes, outcome: str = "sent"
) -> bool:
    """Settle a touch by proof that came in now; False where it is not in doubt.

    `outcome`: sent, or failed for a bounce. `words` name the proof. `key` is the suppression key.
    """
    found = doubts.doubt_of(connection, touch, key=key)
    if found is None:
        return False
    doubts.settle(connection, [(found, outcome, words)], now)
    return True


def resolve_doubts(
    connection: Connection, now: datetime, policy: Policy, programme: str, *, key: bytes
) -> Resolved:
    """Settle what can be settled now: by proof, or by `policy` where a day brought none."""
    known: list[tuple[Doubt, str, str]] = []
    held: list[int] = []
    resent = 0
    for doubt in doubts.doubts(connection, now, key=key):
        if doubt.proven:
            known.append((doubt, "sent", FOLLOWED))
        elif policy == "hold" or (policy == "resend" and doubt.resent_at is not None):
            held.append(doubt.claim.touch)
        elif policy == "resend" and not (why_not := in_the_way(doubt, now)):
            doubts.send_again(connection, doubt, "no word for a day: sent again", now, programme)
            resent += 1
        else:
            words = f"{ASSUMED}, because {why_not}" if policy == "resend" else ASSUMED
            known.append((doubt, "sent", words))
    doubts.settle(connection, known, now)
    doubts.hold(connection, held, now)
    return Resolved(len(known), resent, len(held))


def in_the_way(doubt: Doubt, now: datetime) -> str:
    """Why the touch cannot be sent again; empty if it can."""
    if doubt.resent_at is not None:
        return "it was sent again once already"
    if now >= doubt.claim.expires:
        return "it has expired"
    if doubt.cancelled or not doubt.claim.address:
        return "it was cancelled meanwhile"
    if doubt.silenced:
        return f"the address is not mailed any more: {doubt.silenced}"
    if doubt.lifecycle != NURTURING:
        return f"the prospect is {doubt.lifecycle}"
    return "another message to the same prospect is on its way" if doubt.busy else ""


def resolve_by_hand(
    connection: Connection, touch: int, what: str, words: str, now: datetime, *, programme: str, key: bytes
) -> None:
    """What a person says of a touch in doubt: sent, failed, or resend. Raises Mistake where it cannot be."""
    found = doubts.doubt_of(connection, touch, key=key)
    if found is None:
        raise Mistake(f"message {touch} is not in doubt; `nurture outbox show {touch}` tells what it is")
    if what != "resend":
        doubts.settle(connection, [(found, what, words)], now)
    elif why_not := in_the_way(found, now):
        raise Mistake(f"message {touch} cannot be sent again: {why_not}; resolve it as sent or failed")
    else:
        doubts.send_again(connection, found, words, now, programme)

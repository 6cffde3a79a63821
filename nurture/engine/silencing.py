"""Nothing more to this person, or nothing more from one sequence: the one place where that is done.

Suppressed, entered in the ledger of permissions, noted and stopped in one transaction. What is on its way is
refused at the fence from the same commit on (promise P6 of docs/delivery.md).
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, update

from nurture.core.facts import Bounced, Complained, Consented, Fact, Unsubscribed
from nurture.store import consents, wishes
from nurture.store.facts import note
from nurture.store.suppressions import suppress
from nurture.store.tables import LIVE, TOUCHES

EVERYTHING = "all"
"""The scope of an Unsubscribed that ends all mail; any other is the id of the sequence it ends."""

PAGE = "page"
"""The way of an Unsubscribed by our page, which alone can be undone there."""

Silencing = Unsubscribed | Complained | Bounced

_REASONS = {Unsubscribed: "unsubscribed", Complained: "complained", Bounced: "bounced"}


def silence(
    connection: Connection,
    prospect: int,
    why: Silencing,
    at: datetime,
    said: str,
    *,
    key: bytes,
    programme: str,
    now: datetime,
) -> bool:
    """Suppress the address (`said` is kept as evidence), note `why` at `at`, cancel what is on its way.

    An Unsubscribed from one sequence does the same for that sequence alone. False where nothing is new: there
    is nobody to write to (any more), because somebody erased has their suppression already, or they had said
    the same before; that suppresses and cancels all the same.
    """
    address = wishes.lock_address(connection, prospect)
    if address is None:
        return False
    scope = why.scope if isinstance(why, Unsubscribed) else EVERYTHING
    suppress(connection, key, address, _REASONS[type(why)], at, said, scope)
    cancel(connection, prospect, *([] if scope == EVERYTHING else [TOUCHES.c.sequence == scope]))
    if isinstance(why, Unsubscribed) and _says_nothing_new(why, wishes.wishes_of(connection, prospect)):
        return False
    if not isinstance(why, Bounced):
        way = why.way if isinstance(why, Unsubscribed) else "complaint"
        consents.withdraw(connection, [consents.Withdrawal(prospect, way, way, at, said, scope)], now)
    note(connection, {prospect: [(why, at)]}, known=now, programme=programme)
    return True


def cancel(connection: Connection, prospect: int, *which: ColumnElement[bool]) -> None:
    """Have the fence refuse what is on its way to a prospect: all, or what `which` says of TOUCHES."""
    live = TOUCHES.c.prospect == prospect, TOUCHES.c.state.in_(LIVE)
    connection.execute(update(TOUCHES).where(*live, *which).values(cancelled=True))


def _says_nothing_new(why: Unsubscribed, said: tuple[Fact, ...]) -> bool:
    """Whether the same was said before and not taken back.

    After our page, which can be undone, another way counts again, because it cannot.
    """
    before = last_word(said, why.scope)
    if before is None or not isinstance(before.body, Unsubscribed):
        return False
    return before.body.way == why.way or before.body.way != PAGE


def last_word(said: tuple[Fact, ...], scope: str) -> Fact | None:
    """The newest Unsubscribed or Consented of this scope: what a person said about hearing from us."""
    for fact in reversed(said):
        if isinstance(fact.body, Unsubscribed | Consented) and fact.body.scope == scope:
            return fact
    return None

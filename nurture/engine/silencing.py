"""Nothing more to this person: suppressed, recorded and stopped in one transaction.

What is on its way is refused at the fence from the same commit on (promise P6 of docs/delivery.md).
"""

from datetime import datetime

from sqlalchemy import Connection, select, update

from nurture.core.facts import Bounced, Complained, Unsubscribed
from nurture.store.facts import note
from nurture.store.suppressions import suppress
from nurture.store.tables import LIVE, PROSPECTS, TOUCHES

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

    False where there is nobody to write to (any more): somebody erased has their suppression already.
    """
    locking = select(PROSPECTS.c.address).where(PROSPECTS.c.id == prospect).with_for_update()
    address = connection.execute(locking).scalar()
    if address is None:
        return False
    suppress(connection, key, address, _REASONS[type(why)], at, said)
    cancel(connection, prospect)
    note(connection, {prospect: [(why, at)]}, known=now, programme=programme)
    return True


def cancel(connection: Connection, prospect: int) -> None:
    """Have the fence refuse what is on its way to the prospect."""
    live = (TOUCHES.c.prospect == prospect) & TOUCHES.c.state.in_(LIVE)
    connection.execute(update(TOUCHES).where(live).values(cancelled=True))

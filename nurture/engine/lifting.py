"""A name comes off the list of those who are never mailed: whoever it silenced may be written to again."""

from datetime import datetime

from sqlalchemy import Connection, select

from nurture.core.facts import Released
from nurture.store import note, suppressions
from nurture.store.tables import PROSPECTS


def lift(connection: Connection, *, name: str, key: bytes, why: str, now: datetime, programme: str) -> bool:
    """Take an address or a domain off the list; False if it was not on it.

    Who was silenced by the list alone is released; what people said themselves stands in their journey
    until they consent again. Raises Mistake where lifting needs evidence.
    """
    if not suppressions.lift(connection, key, name, evidence=why):
        return False
    whose = (
        PROSPECTS.c.address == name
        if "@" in name
        else PROSPECTS.c.address.endswith(f"@{name}", autoescape=True)
    )
    prospects = connection.scalars(select(PROSPECTS.c.id).where(whose)).all()
    note(connection, {id: [(Released(), now)] for id in prospects}, known=now, programme=programme)
    return True

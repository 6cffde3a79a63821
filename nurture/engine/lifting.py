"""A name comes off the list of those who are never mailed: whoever it silenced may be written to again.

What people said themselves is not undone by taking a name off a list: it needs a new consent, whose evidence
goes into the ledger, and which is noted like any other.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from nurture.core.facts import Body, Consented, Released
from nurture.store import consents, note, suppressions
from nurture.store.tables import PROSPECTS

SOURCE = "suppress remove"
"""What the ledger names as the source of a consent that came to us outside of our pages."""


def lift(
    connection: Connection,
    *,
    name: str,
    key: bytes,
    why: str,
    now: datetime,
    programme: str,
    scope: str = suppressions.ALL,
) -> bool:
    """Take an address or a domain off the list; False if it was not on it. `why`: evidence of a new consent.

    Who was silenced by the list or by a bounce alone is released. Who had said so themselves has consented
    now: `why` is kept in the ledger. Who is on the list by their own address stays silent when their domain
    comes off it. Raises Mistake where lifting needs evidence and there is none.
    """
    reason = suppressions.reason_of(connection, key, name, scope)
    if reason is None:
        return False
    suppressions.lift(connection, key, name, evidence=why, scope=scope)
    prospects = _theirs(connection, name, key)
    said_so = reason in suppressions.THEIR_OWN
    body: Body = Consented("consent", scope, given=now) if said_so else Released()
    if said_so:
        given = [consents.Evidence(id, "consent", SOURCE, "manual", now, why, scope) for id in prospects]
        consents.keep(connection, given, now)
    note(connection, {id: [(body, now)] for id in prospects}, known=now, programme=programme)
    return True


def _theirs(connection: Connection, name: str, key: bytes) -> Sequence[int]:
    """Whose address this is, or who is at this domain and not on the list by their own address."""
    of = PROSPECTS.c
    if "@" in name:
        return connection.scalars(select(of.id).where(of.address == name)).all()
    there = of.address.endswith(f"@{name}", autoescape=True)
    people = connection.execute(select(of.address, of.id).where(there)).all()
    silent = suppressions.reasons_of(connection, key, [row.address for row in people])
    return [row.id for row in people if row.address not in silent]

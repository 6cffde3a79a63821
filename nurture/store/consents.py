"""The ledger of permissions: every one that was given, and every one that was taken back, with its evidence.

Append-only: the database itself refuses to change a row, and to delete one of somebody who is there. Erase
deletes it with the person. The ledger proves; whether we may write is said by facts and suppressions, which
the same transaction writes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select

from nurture.store.tables import CONSENTS


class Evidence(NamedTuple):
    """A permission given: on which ground we may write to somebody, where, how and when, how we know.

    `source` is the form, list or colleague; `way` is form, confirmation, import, page, manual. `scope` is
    all, or the id of one sequence.
    """

    prospect: int
    basis: str
    source: str
    way: str
    at: datetime
    evidence: str = ""
    scope: str = "all"


class Withdrawal(NamedTuple):
    """A permission taken back. `way` is as of Unsubscribed, or complaint."""

    prospect: int
    source: str
    way: str
    at: datetime
    evidence: str = ""
    scope: str = "all"


def keep(connection: Connection, given: Sequence[Evidence], known: datetime) -> None:
    """Write permissions into the ledger, recorded at `known`; the caller notes Entered or Consented."""
    _write(connection, [{"kind": "given", "known": known, **each._asdict()} for each in given])


def withdraw(connection: Connection, taken: Sequence[Withdrawal], known: datetime) -> None:
    """Write that permissions were taken back; the caller notes Unsubscribed or Complained and suppresses."""
    _write(
        connection, [{"kind": "withdrawn", "basis": "", "known": known, **each._asdict()} for each in taken]
    )


def consents_of(connection: Connection, prospect: int) -> Sequence[Row[Any]]:
    """The ledger of one prospect, in the order in which it was recorded."""
    return connection.execute(
        select(CONSENTS).where(CONSENTS.c.prospect == prospect).order_by(CONSENTS.c.id)
    ).all()


def _write(connection: Connection, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(CONSENTS), rows)

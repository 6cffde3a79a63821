"""The evidence of permissions, as it was given. Append-only; erase deletes it with the person."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select

from nurture.store.tables import CONSENTS


class Evidence(NamedTuple):
    """On which ground we may write to somebody, where and when it was given, and how we know."""

    prospect: int
    basis: str
    source: str
    given_on: date
    evidence: str = ""


def keep(connection: Connection, given: Sequence[Evidence]) -> None:
    """Keep the evidence; the caller notes Entered or Consented."""
    if given:
        connection.execute(insert(CONSENTS), [each._asdict() for each in given])


def consents_of(connection: Connection, prospect: int) -> Sequence[Row[Any]]:
    """What a prospect gave, in order."""
    return connection.execute(
        select(CONSENTS).where(CONSENTS.c.prospect == prospect).order_by(CONSENTS.c.id)
    ).all()

"""Questions about one prospect: the journey, the reasons, at any instant. Reads only."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from nurture.core.facts import Fact
from nurture.core.journey import Journey
from nurture.core.programme import Programme
from nurture.core.weighing import refold
from nurture.engine.noticing import noticed
from nurture.engine.shelf import Shelf
from nurture.errors import Mistake
from nurture.intake.addresses import NoAddress, normalise
from nurture.store import facts, programmes, prospects
from nurture.telling import Line, tell


class Record(NamedTuple):
    """All that is known of one prospect at an instant."""

    prospect: Row[Any]
    facts: tuple[Fact, ...]
    journey: Journey
    programme: Programme
    applied: tuple[Line, ...]
    """Where another agreement began to hold."""
    noticed: tuple[Line, ...] = ()
    """What machines asked for, and nobody knows who; it counts nowhere."""

    def lines(self) -> list[Line]:
        """The journey as lines, and the agreements and what does not count between them."""
        told = tell(self.journey.prospect, self.facts, self.programme)
        return sorted([*self.applied, *self.noticed, *told], key=_when)


def look_up(connection: Connection, shelf: Shelf, address: str, at: datetime | None) -> Record:
    """The record of the prospect with this address; with `at`, as it was known then.

    Facts known by `at` are refolded under the programme that was active then. Raises Mistake where nobody
    has this address, or nothing was known of them yet.
    """
    row = prospect_of(connection, address)
    known = tuple(fact for fact in facts.history(connection, row.id) if at is None or fact.known <= at)
    if at is not None and not known:
        raise Mistake(f"nothing was known of {address} at that time")
    hash = programmes.active_at(connection, at) if at is not None else None
    programme = (shelf.of(connection, hash) if hash else shelf.active(connection)).programme
    journey = refold(row.id, known, programme)
    uncounted = noticed(connection, row.id, programme.weights.hosts, at)
    return Record(row, known, journey, programme, _applied(connection, shelf, known), uncounted)


def prospect_of(connection: Connection, address: str) -> Row[Any]:
    """The prospect's row. Raises Mistake where nobody has this address."""
    try:
        row = prospects.find(connection, normalise(address))
    except NoAddress as wrong:
        raise Mistake(str(wrong)) from None
    if row is None:
        raise Mistake(f"there is no prospect {address}; `nurture prospect list` shows who there is")
    return row


def _applied(connection: Connection, shelf: Shelf, known: tuple[Fact, ...]) -> tuple[Line, ...]:
    lines: list[Line] = []
    version = None
    for fact in known:
        agreement = shelf.of(connection, fact.programme).programme.agreement
        if version is not None and agreement.version != version:
            signed = f"signed {agreement.agreed_on} by {agreement.marketing} and {agreement.sales}"
            lines.append(Line(fact.known, "applied", f"agreement v{agreement.version}", signed))
        version = agreement.version
    return tuple(lines)


def _when(line: Line) -> datetime:
    return line.at

"""Browsers that our pages may recognise: whose they are, and what strangers read in them.

A view that no message led to belongs to nobody until the person says who they are. `hits.visitor` holds the
browser's random number, only where the person agreed to it (docs/site.md).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.store.tables import HITS, VISITORS

REACHES_BACK = timedelta(days=90)
MOST_JOINED = 500
"""Views of a browser that become somebody's when they say who they are: the newest."""


def claim(connection: Connection, visitor: str, prospect: int, now: datetime) -> None:
    """From now on this browser is the prospect's, whoever's it was."""
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"visitor": visitor, "prospect": prospect, "since": now}
    writing = kind.insert(VISITORS).values(row)
    connection.execute(
        writing.on_conflict_do_update(index_elements=["visitor"], set_={"prospect": prospect, "since": now})
    )


class Owner(NamedTuple):
    """Whose a browser is, and when they or a view of theirs said so last."""

    prospect: int
    since: datetime


def whose(connection: Connection, visitor: str) -> Owner | None:
    """The owner of a browser; None for a stranger's."""
    row = connection.execute(_WHOSE, {"visitor": visitor}).one_or_none()
    return None if row is None else Owner(*row)


def views_of_stranger(connection: Connection, visitor: str, now: datetime) -> Sequence[Row[Any]]:
    """What was read in a browser since it was somebody's, or while nobody knew whose it is; by time. Locked:
    whoever else asks gets what is left."""
    owner = whose(connection, visitor)
    since = max(now - REACHES_BACK, owner.since) if owner else now - REACHES_BACK
    rows = connection.execute(_VIEWS, {"visitor": visitor, "since": since}).all()
    return sorted(rows, key=lambda row: (row.at, row.id))


def join(
    connection: Connection, view: int, prospect: int, verdict: str, why: Sequence[str], fact: int | None
) -> None:
    """A stranger's view is the prospect's, judged, and (of a person) fact number `fact` of theirs."""
    connection.execute(
        _JOIN, {"hit": view, "whose": prospect, "said": verdict, "why": list(why), "number": fact}
    )


_WHOSE = select(VISITORS.c.prospect, VISITORS.c.since).where(VISITORS.c.visitor == bindparam("visitor"))
_VIEWS = (
    select(HITS)
    .where(
        HITS.c.visitor == bindparam("visitor"),
        HITS.c.prospect.is_(None),
        HITS.c.at >= bindparam("since"),
    )
    .order_by(HITS.c.id.desc())
    .limit(MOST_JOINED)
    .with_for_update()  # two people may say at the same instant that the browser is theirs
)
_JOIN = (
    update(HITS)
    .where(HITS.c.id == bindparam("hit"))
    .values(
        prospect=bindparam("whose"),
        verdict=bindparam("said"),
        reasons=bindparam("why"),
        fact=bindparam("number"),
    )
)

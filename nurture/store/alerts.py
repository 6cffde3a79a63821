"""What a person was told of: raised, told once, told again while it lasts, told when it is over.

One row for each (kind, subject), so that telling survives a restart and several daemons say a thing once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Row, delete, insert, select, update

from nurture.store.tables import ALERTS

TOLD_AGAIN = timedelta(hours=24)
"""While it lasts."""

CALM = timedelta(minutes=5)
"""It must be over for so long before that is told: what comes and goes is one alert."""


class Found(NamedTuple):
    """Something that a person should know now. `figure`: how many; more of it is news."""

    kind: str
    subject: str
    words: str
    figure: int = 0


class News(NamedTuple):
    """What is to be told: `state` is raised, still or over."""

    state: str
    kind: str
    subject: str
    words: str
    raised_at: datetime


def keep(connection: Connection, found: Sequence[Found], now: datetime) -> list[News]:
    """Write what stands and what is over; what is to be told now, until `told` says that it was."""
    rows = {(row.kind, row.subject): row for row in connection.execute(select(ALERTS).with_for_update())}
    for one in found:
        _stands(connection, one, rows.pop((one.kind, one.subject), None), now)
    for row in rows.values():
        _is_over(connection, row, now)
    standing = connection.execute(
        select(ALERTS).order_by(ALERTS.c.raised_at, ALERTS.c.kind, ALERTS.c.subject)
    )
    return [News(state, row.kind, row.subject, row.words, row.raised_at)
            for row in standing if (state := _state(row, now))]  # fmt: skip


def told(connection: Connection, news: News, now: datetime) -> None:
    """It was told: not again, unless it changes or lasts; what is over is forgotten."""
    here = (ALERTS.c.kind == news.kind) & (ALERTS.c.subject == news.subject)
    if news.state == "over":
        connection.execute(delete(ALERTS).where(here, ALERTS.c.cleared_at.is_not(None)))
    else:
        connection.execute(update(ALERTS).where(here).values(told_at=now))


def _stands(connection: Connection, found: Found, row: Row | None, now: datetime) -> None:  # type: ignore[type-arg]
    if row is None:
        connection.execute(insert(ALERTS).values(**found._asdict(), raised_at=now))
        return
    news = {"told_at": None} if found.figure > row.figure else {}
    values = {"words": found.words, "figure": found.figure, "cleared_at": None, **news}
    if any(getattr(row, name) != value for name, value in values.items()):
        here = (ALERTS.c.kind == row.kind) & (ALERTS.c.subject == row.subject)
        connection.execute(update(ALERTS).where(here).values(**values))


def _is_over(connection: Connection, row: Row, now: datetime) -> None:  # type: ignore[type-arg]
    here = (ALERTS.c.kind == row.kind) & (ALERTS.c.subject == row.subject)
    if row.cleared_at is None:
        connection.execute(update(ALERTS).where(here).values(cleared_at=now))


def _state(row: Row, now: datetime) -> str:  # type: ignore[type-arg]
    """What is to be told of it; nothing, if nothing is."""
    if row.cleared_at is not None:
        return "over" if now - row.cleared_at >= CALM else ""
    if row.told_at is None:
        return "raised"
    return "still" if now - row.told_at >= TOLD_AGAIN else ""

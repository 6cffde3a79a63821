"""What the endpoints of webhooks brought, as far as the brake and `nurture webhook` ask. docs/webhooks.md."""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.store.tables import META, PROSPECTS, RETURNS

PREFIX = "webhook:"
"""Of the channel of an endpoint, before its name."""

_LOCK = 7_214_000_001
_SILENCES = or_(
    RETURNS.c.kind.in_(("complained", "unsubscribed")),
    and_(RETURNS.c.kind == "bounced", RETURNS.c.bounce == "hard"),
)


class Counted(NamedTuple):
    """So many returns of a kind came over a channel; `held`: so many of them wait for a person."""

    channel: str
    kind: str
    many: int
    held: int


class Asking(NamedTuple):
    """A topic that asks to be confirmed: the row, and the message of SNS."""

    id: int
    channel: str
    said: bytes


def lock(connection: Connection) -> None:
    """Wait for whoever else takes a webhook just now, so that no two take the same one, or pass the brake
    together. SQLite has one who writes anyhow."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def silenced_since(connection: Connection, channel: str, since: datetime) -> int:
    """How many returns of a channel have silenced somebody since then."""
    mine = RETURNS.c.channel == channel, RETURNS.c.received_at > since, RETURNS.c.held.is_(False)
    known = RETURNS.c.prospect.is_not(None)
    return connection.scalar(select(func.count()).where(*mine, known, _SILENCES)) or 0


def holds_any(connection: Connection, channel: str) -> bool:
    """Whether something of a channel that would silence somebody waits for a person."""
    mine = RETURNS.c.channel == channel, RETURNS.c.held, _SILENCES
    return connection.scalar(select(RETURNS.c.id).where(*mine).limit(1)) is not None


def size_of_list(connection: Connection) -> int:
    """How many people there are to be written to."""
    return connection.scalar(select(func.count()).where(PROSPECTS.c.address.is_not(None))) or 0


def content_of(connection: Connection, channel: str, id: str) -> bytes | None:
    """All that came under an id; None where nothing did."""
    mine = RETURNS.c.channel == channel, RETURNS.c.external_id == id
    row = connection.execute(select(RETURNS.c.raw).where(*mine)).one_or_none()
    return None if row is None else zlib.decompress(row.raw) if row.raw else b""


def released_at(connection: Connection, channel: str) -> datetime | None:
    """When a person last said of a channel that it is to be believed."""
    said = connection.scalar(select(META.c.value).where(META.c.key == f"released {channel}"))
    return datetime.fromisoformat(said) if said else None


def keep_release(connection: Connection, channel: str, now: datetime) -> None:
    """A person has said so now."""
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    values = {"key": f"released {channel}", "value": now.isoformat()}
    put = kind.insert(META).values(**values)
    connection.execute(put.on_conflict_do_update(index_elements=["key"], set_={"value": values["value"]}))


def discard(connection: Connection, channel: str, words: str) -> int:
    """What waits for a person is kept as nothing that anything follows from; how many."""
    mine = and_(RETURNS.c.channel == channel, RETURNS.c.held, _SILENCES)
    said = func.substr(words + ": " + RETURNS.c.words, 1, 300)
    done = connection.execute(update(RETURNS).where(mine).values(held=False, kind="other", words=said))
    return done.rowcount


def counts(connection: Connection, since: datetime) -> Sequence[Counted]:
    """What came over webhooks since then, and all that is held."""
    held = func.count().filter(RETURNS.c.held, RETURNS.c.kind != "other")
    mine = RETURNS.c.channel.startswith(PREFIX), or_(RETURNS.c.received_at > since, RETURNS.c.held)
    grouped = select(RETURNS.c.channel, RETURNS.c.kind, func.count(), held).where(*mine)
    rows = connection.execute(grouped.group_by(RETURNS.c.channel, RETURNS.c.kind).order_by(RETURNS.c.kind))
    return [Counted(*row) for row in rows]


def held_by_channel(connection: Connection) -> dict[str, int]:
    """How many of each endpoint wait for a person."""
    waiting = select(RETURNS.c.channel, func.count()).where(RETURNS.c.held, _SILENCES)
    return {row[0]: row[1] for row in connection.execute(waiting.group_by(RETURNS.c.channel))}


def asking(connection: Connection, since: datetime) -> list[Asking]:
    """The topics that have asked since then to be confirmed, and were not, the newest first."""
    waiting = RETURNS.c.held, RETURNS.c.kind == "other", RETURNS.c.received_at > since
    rows = select(RETURNS.c.id, RETURNS.c.channel, RETURNS.c.raw).where(*waiting)
    return [Asking(row.id, row.channel, zlib.decompress(row.raw))
            for row in connection.execute(rows.order_by(RETURNS.c.id.desc())) if row.raw]  # fmt: skip

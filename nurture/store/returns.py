"""The table of returns: all that came back, under its channel and id, once."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.store.facts import chunks
from nurture.store.tables import PROSPECTS, RETURNS, TOUCHES

RETRY = timedelta(minutes=5)
"""How long until the mail that tells of a return is tried again."""


class Tellable(NamedTuple):
    """A return that a colleague is to be told of, and the person and the message it is about."""

    id: int
    kind: str
    prospect: int
    at: datetime
    words: str
    text: str
    raw: bytes | None
    address: str | None
    account: str
    personal: dict[str, Any]
    lifecycle: str
    touch: int | None
    piece: str | None
    stage: str | None
    sent_at: datetime | None


def known(connection: Connection, channel: str, ids: Sequence[str]) -> Sequence[Row[Any]]:
    """Which of these ids the channel has told before: external_id, kind, prospect, touch."""
    of = RETURNS.c
    told = select(of.external_id, of.kind, of.prospect, of.touch).where(of.channel == channel)
    found: list[Row[Any]] = []
    for some in chunks(list(ids)):
        found.extend(connection.execute(told.where(of.external_id.in_(some))))
    return found


def was_told(
    connection: Connection, prospect: int, touch: int, kind: str, bounce: str, own: tuple[str, str]
) -> bool:
    """Whether the same came back of this touch in another way or a second time, and is not held.

    `own`: channel and id of the return that asks.
    """
    of = RETURNS.c
    same = of.prospect == prospect, of.touch == touch, of.kind == kind, of.bounce == bounce, ~of.held
    others = select(of.id).where(*same, (of.channel != own[0]) | (of.external_id != own[1]))
    return bool(touch) and connection.scalar(others.limit(1)) is not None


def keep(connection: Connection, row: Mapping[str, Any]) -> bool:
    """Keep one; False where another process has just kept it under its channel and id."""
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    keeping = kind.insert(RETURNS).on_conflict_do_nothing(index_elements=["channel", "external_id"])
    return connection.scalar(keeping.values(**row).returning(RETURNS.c.id)) is not None


def held(connection: Connection, channel: str) -> Sequence[Row[Any]]:
    """What of a channel waits for a person, in order."""
    waiting = RETURNS.c.held, RETURNS.c.channel == channel
    return connection.execute(select(RETURNS).where(*waiting).order_by(RETURNS.c.id)).all()


def let_go(connection: Connection, id: int, mail_due_at: datetime | None) -> None:
    """It is held no longer, and a colleague is told of it at an instant, if at all."""
    values = {"held": False, "mail_due_at": mail_due_at}
    connection.execute(update(RETURNS).where(RETURNS.c.id == id).values(**values))


def is_ours(connection: Connection, touch: int) -> bool:
    """Whether there is such a touch (still)."""
    return connection.scalar(select(TOUCHES.c.id).where(TOUCHES.c.id == touch)) is not None


def is_there(connection: Connection, prospect: int) -> bool:
    """Whether there is such a prospect (still)."""
    return connection.scalar(select(PROSPECTS.c.id).where(PROSPECTS.c.id == prospect)) is not None


def chosen_at(connection: Connection, touch: int) -> datetime | None:
    """When a touch was chosen; None where there is none."""
    return connection.scalar(select(TOUCHES.c.chosen_at).where(TOUCHES.c.id == touch))


def touches_of(connection: Connection, prospects: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Prospect and touch of all that was chosen for these people, the newest first."""
    for some in chunks(prospects):
        rows = select(TOUCHES.c.prospect, TOUCHES.c.id).where(TOUCHES.c.prospect.in_(some))
        for row in connection.execute(rows.order_by(TOUCHES.c.id.desc())):
            yield row.prospect, row.id


def address_of(connection: Connection, prospect: int) -> str:
    """Where the person is written to; empty once erased."""
    return connection.scalar(select(PROSPECTS.c.address).where(PROSPECTS.c.id == prospect)) or ""


def claim_mail(connection: Connection, now: datetime, limit: int) -> list[Tellable]:
    """What is to be told now. It is put off at once, so that two daemons rarely send the same."""
    query = (
        select(RETURNS.c.id)
        .where(_UNMAILED, RETURNS.c.mail_due_at <= now)
        .order_by(RETURNS.c.mail_due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = connection.scalars(query).all()
    if not ids:
        return []
    later = {"mail_due_at": now + RETRY, "mail_attempts": RETURNS.c.mail_attempts + 1}
    connection.execute(update(RETURNS).where(RETURNS.c.id.in_(ids)).values(**later))
    return [Tellable._make(row) for row in connection.execute(_TELLABLE.where(RETURNS.c.id.in_(ids)))]


def next_mail(connection: Connection) -> datetime | None:
    """When the next return is to be told; None if none is."""
    due: datetime | None = connection.scalar(_NEXT_MAIL)
    return due


def mailed(connection: Connection, id: int, at: datetime) -> None:
    """A colleague was told of it."""
    connection.execute(update(RETURNS).where(RETURNS.c.id == id).values(mailed_at=at))


def listing(
    connection: Connection, *, kind: str | None = None, unknown: bool = False, limit: int
) -> Sequence[Row[Any]]:
    """What came back, the newest first; of one kind, or of nobody known, if asked."""
    query = select(RETURNS, PROSPECTS.c.address).join_from(RETURNS, PROSPECTS, isouter=True)
    if kind is not None:
        query = query.where(RETURNS.c.kind == kind)
    if unknown:
        query = query.where(RETURNS.c.prospect.is_(None))
    return connection.execute(query.order_by(RETURNS.c.id.desc()).limit(limit)).all()


def by_id(connection: Connection, id: int) -> Row[Any] | None:
    """One return with all that came, and the person's address; None if there is none."""
    query = select(RETURNS, PROSPECTS.c.address).join_from(RETURNS, PROSPECTS, isouter=True)
    return connection.execute(query.where(RETURNS.c.id == id)).one_or_none()


_UNMAILED = RETURNS.c.mail_due_at.is_not(None) & RETURNS.c.mailed_at.is_(None)
_NEXT_MAIL = select(func.min(RETURNS.c.mail_due_at)).where(_UNMAILED)
_TELLABLE = (
    select(
        RETURNS.c.id, RETURNS.c.kind, RETURNS.c.prospect, RETURNS.c.at, RETURNS.c.words, RETURNS.c.text,
        RETURNS.c.raw, PROSPECTS.c.address, PROSPECTS.c.account, PROSPECTS.c.personal, PROSPECTS.c.lifecycle,
        RETURNS.c.touch, TOUCHES.c.piece, TOUCHES.c.stage, TOUCHES.c.ended_at,
    )
    .join_from(RETURNS, PROSPECTS, PROSPECTS.c.id == RETURNS.c.prospect)
    .join(TOUCHES, TOUCHES.c.id == RETURNS.c.touch, isouter=True)
    .order_by(RETURNS.c.id)
)  # fmt: skip

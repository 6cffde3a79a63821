"""Handoffs in the store: the list sales works from, its answers, and the mail that tells of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from nurture.core import facts as f
from nurture.core.journey import ANSWERS, PROMOTED
from nurture.core.programme import Programme
from nurture.core.promotion import answered
from nurture.errors import Mistake
from nurture.store.facts import lock, note
from nurture.store.tables import DEALS, HANDOFFS, PROSPECTS

RETRY = timedelta(minutes=5)
"""How long until the mail to sales is tried again; it is sent at least once, with the same id."""


class Mailable(NamedTuple):
    """A handoff whose mail is due, with the identity that the packet leaves out."""

    id: int
    prospect: int
    decision: int
    packet: dict[str, Any]
    address: str | None
    account: str
    personal: dict[str, Any]


def list_handoffs(connection: Connection, *, state: str | None = None) -> Sequence[Any]:
    """Handoffs with the prospect's address, the newest first; of one state, if asked."""
    query = (
        select(HANDOFFS, PROSPECTS.c.address, PROSPECTS.c.account, PROSPECTS.c.personal)
        .join(PROSPECTS, PROSPECTS.c.id == HANDOFFS.c.prospect)
        .order_by(HANDOFFS.c.promoted_at.desc(), HANDOFFS.c.id.desc())
    )
    if state is not None:
        query = query.where(HANDOFFS.c.state == state)
    return connection.execute(query).all()


def get(connection: Connection, id: int) -> Any:
    """One handoff. Raises Mistake if there is none."""
    query = (
        select(HANDOFFS, PROSPECTS.c.address, PROSPECTS.c.account, PROSPECTS.c.personal)
        .join(PROSPECTS, PROSPECTS.c.id == HANDOFFS.c.prospect)
        .where(HANDOFFS.c.id == id)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise Mistake(f"there is no handoff {id}; `nurture handoff list` shows those there are")
    return row


def answer(
    connection: Connection,
    id: int,
    given: str,
    *,
    programme: Programme,
    now: datetime,
    reason: str = "",
    by: str = "",
    amount: int | None = None,
    currency: str = "",
) -> None:
    """Write sales' answer: the fact, the handoff's state, and for won and lost the deal (minor units).

    Raises Mistake where the answer does not follow the last one, or the agreement knows no such reason.
    """
    lock(connection, [get(connection, id).prospect])  # the wake too locks the person before the handoff
    row = get(connection, id)
    standing = PROMOTED if row.state == "open" else row.state
    if standing not in ANSWERS[given]:
        after = ", ".join("open" if state == PROMOTED else state for state in ANSWERS[given])
        raise Mistake(f"handoff {id} is {row.state}: {given} follows {after}")
    try:
        body = answered(programme.agreement, row.decision, given, reason, by=by, at=now)
    except ValueError as wrong:
        raise Mistake(str(wrong)) from None
    news: list[tuple[f.Body, datetime]] = [(body, now)]
    if given in ("opportunity", "won", "lost"):
        deal = f"handoff-{id}"
        news.append((f.DealChanged(deal, "open" if given == "opportunity" else given), now))
        _keep_deal(connection, deal, row, given, now, amount, currency)
    note(connection, {row.prospect: news}, known=now, programme=programme.hash)
    connection.execute(
        update(HANDOFFS).where(HANDOFFS.c.id == id).values(state=given, reason=reason, by=by, answered_at=now)
    )


def claim_mail(connection: Connection, now: datetime, limit: int) -> list[Mailable]:
    """Open handoffs whose mail is due. They are put off at once, so that two daemons rarely send the same."""
    query = (
        select(HANDOFFS, PROSPECTS.c.address, PROSPECTS.c.account, PROSPECTS.c.personal)
        .join(PROSPECTS, PROSPECTS.c.id == HANDOFFS.c.prospect)
        .where(_UNMAILED, HANDOFFS.c.mail_due_at <= now)
        .order_by(HANDOFFS.c.mail_due_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=HANDOFFS)
    )
    rows = connection.execute(query).all()
    if rows:
        connection.execute(
            update(HANDOFFS)
            .where(HANDOFFS.c.id.in_([row.id for row in rows]))
            .values(mail_due_at=now + RETRY, mail_attempts=HANDOFFS.c.mail_attempts + 1)
        )
    return [
        Mailable(
            row.id,
            row.prospect,
            row.decision,
            row.packet,
            row.address,
            row.account,
            row.personal,
        )
        for row in rows
    ]


def next_mail(connection: Connection) -> datetime | None:
    """When the next mail to sales is due; None if none is."""
    due: datetime | None = connection.scalar(_NEXT_MAIL)
    return due


def mailed(connection: Connection, *, id: int, at: datetime | None, words: str) -> None:
    """The mail to sales was accepted at an instant, or (None) it was not and is tried again; why."""
    connection.execute(update(HANDOFFS).where(HANDOFFS.c.id == id).values(mailed_at=at, words=words))


_UNMAILED = HANDOFFS.c.mailed_at.is_(None) & (HANDOFFS.c.state == "open")
"""What was answered, or taken back, before the mail left is no news any more."""
_NEXT_MAIL = select(func.min(HANDOFFS.c.mail_due_at)).where(_UNMAILED)


def _keep_deal(
    connection: Connection, deal: str, row: Any, given: str, now: datetime, amount: int | None, currency: str
) -> None:
    values: dict[str, Any] = {"status": "open" if given == "opportunity" else given}
    if given != "opportunity":
        values["closed_on"] = now.date()
    if amount is not None:
        values |= {"amount": amount, "currency": currency}
    changed = connection.execute(update(DEALS).where(DEALS.c.id == deal).values(**values))
    if changed.rowcount == 0:
        opened = {"id": deal, "prospect": row.prospect, "account": row.account, "opened_on": now.date()}
        connection.execute(insert(DEALS).values(**opened, **values))

"""Consents that were ticked and wait for the owner of the address to say so: docs/site.md.

A ticked box proves nothing, because anybody can type in anybody's address. So each is a row here until the
link in a mail to that address is used. Rows whose `mail_due_at` is empty and that were never mailed are asked
about by nobody; `said` says why.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from nurture.store.tables import CONFIRMATIONS, PROSPECTS

RETRIES = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 30, 60, 120, 240, 480))
"""How long until a mail is tried again; after the last one it is given up."""

GIVEN_UP = "given up: "

LINK = "/u/"
"""In place of a form: nothing was ticked, a link to unsubscribe was asked for. No form has such a name."""


class Asked(NamedTuple):
    """A consent that is to be confirmed, and whose it is; `address` None once erased."""

    id: int
    prospect: int
    address: str | None
    form: str
    words: str
    asked_at: datetime
    network: str
    mail_attempts: int
    mailed_at: datetime | None
    confirmed_at: datetime | None


class Count(NamedTuple):
    """Consents ticked, by what became of them."""

    confirmed: int = 0
    waiting: int = 0
    not_asked: int = 0


def keep(
    connection: Connection,
    prospect: int,
    form: str,
    words: str,
    network: str,
    now: datetime,
    *,
    why_not: str = "",
) -> None:
    """Keep a ticked consent; its mail is due at once, unless there is a reason why none is sent."""
    row = {
        "prospect": prospect, "form": form, "words": words, "network": network, "asked_at": now,
        "mail_due_at": None if why_not else now, "mail_attempts": 0, "said": why_not,
    }  # fmt: skip
    connection.execute(insert(CONFIRMATIONS), [row])


def asked_before(connection: Connection, prospect: int) -> tuple[int, datetime | None]:
    """How many mails asked this person (or tried to) and were not answered, and when any asked last."""
    was_asked = CONFIRMATIONS.c.mail_due_at.is_not(None) | (CONFIRMATIONS.c.mail_attempts > 0)
    query = select(
        func.count().filter(CONFIRMATIONS.c.confirmed_at.is_(None)), func.max(CONFIRMATIONS.c.asked_at)
    ).where(CONFIRMATIONS.c.prospect == prospect, CONFIRMATIONS.c.form != LINK, was_asked)
    unanswered, last = connection.execute(query).one()
    return unanswered, last


def link_asked_for(connection: Connection, prospect: int) -> datetime | None:
    """When a link to unsubscribe was last asked for with this person's address."""
    own = CONFIRMATIONS.c.prospect == prospect, CONFIRMATIONS.c.form == LINK
    last: datetime | None = connection.scalar(select(func.max(CONFIRMATIONS.c.asked_at)).where(*own))
    return last


def get(connection: Connection, id: int) -> Asked | None:
    """One of them; None where there is none (any more)."""
    row = connection.execute(_ASKED.where(CONFIRMATIONS.c.id == id)).one_or_none()
    return None if row is None else Asked(*row)


def claim_mail(connection: Connection, now: datetime, limit: int) -> list[Asked]:
    """Those whose mail is due. They are put off at once, so that two daemons rarely send the same."""
    due = (
        _ASKED.where(_UNMAILED, CONFIRMATIONS.c.mail_due_at <= now)
        .order_by(CONFIRMATIONS.c.mail_due_at, CONFIRMATIONS.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=CONFIRMATIONS)
    )
    found = [Asked(*row) for row in connection.execute(due)]
    for one in found:
        wait = RETRIES[min(one.mail_attempts, len(RETRIES) - 1)]
        values = {"mail_due_at": now + wait, "mail_attempts": one.mail_attempts + 1}
        connection.execute(update(CONFIRMATIONS).where(CONFIRMATIONS.c.id == one.id).values(values))
    return found


def mailed(connection: Connection, id: int, at: datetime, words: str) -> None:
    """A server has taken the mail."""
    _set(connection, id, {"mailed_at": at, "said": words})


def not_mailed(connection: Connection, one: Asked, words: str, *, for_good: bool) -> None:
    """Nobody has taken it: it is tried again, or not, where that is of no use or was tried often enough."""
    if for_good or one.mail_attempts > len(RETRIES):
        _set(connection, one.id, {"mail_due_at": None, "said": f"{GIVEN_UP}{words}"})
    else:
        _set(connection, one.id, {"said": words})


def confirm(connection: Connection, id: int, at: datetime) -> None:
    """The owner of the address has said so; a mail that still waits has nothing to ask any more."""
    _set(connection, id, {"confirmed_at": at, "mail_due_at": None})


def next_mail(connection: Connection) -> datetime | None:
    """When the next mail is due; None if none is."""
    due: datetime | None = connection.scalar(_NEXT_MAIL)
    return due


def count(connection: Connection) -> Count:
    """All of them, by what became of them."""
    of = CONFIRMATIONS.c
    is_asked = of.mailed_at.is_not(None) | of.mail_due_at.is_not(None)
    query = select(
        func.count().filter(of.confirmed_at.is_not(None)),
        func.count().filter(of.confirmed_at.is_(None) & is_asked),
        func.count().filter(of.confirmed_at.is_(None) & ~is_asked),
    ).where(of.form != LINK)
    return Count(*connection.execute(query).one())


def _set(connection: Connection, id: int, values: Mapping[str, Any]) -> None:
    connection.execute(update(CONFIRMATIONS).where(CONFIRMATIONS.c.id == id).values(**values))


_COLUMNS = (PROSPECTS.c.address if name == "address" else CONFIRMATIONS.c[name] for name in Asked._fields)
_ASKED = select(*_COLUMNS).join(PROSPECTS, PROSPECTS.c.id == CONFIRMATIONS.c.prospect)
_UNMAILED = CONFIRMATIONS.c.mail_due_at.is_not(None) & CONFIRMATIONS.c.mailed_at.is_(None)
_NEXT_MAIL = select(func.min(CONFIRMATIONS.c.mail_due_at)).where(_UNMAILED)

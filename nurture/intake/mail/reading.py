"""One raw message becomes what came back: bounces, complaints, automatic answers, what a person wrote.

In this order, as docs/returns.md says: a delivery report (RFC 3464), a feedback report (RFC 5965), a bounce
that only words tell of, an automatic answer (RFC 3834); whatever is left a person wrote, or nobody knows.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from nurture.intake.mail import replies
from nurture.intake.mail.automatic import is_by_a_machine, read_automatic
from nurture.intake.mail.bounce import is_bounce, read_bounce, told_of
from nurture.intake.mail.delivery_status import read_delivery_status
from nurture.intake.mail.feedback import read_feedback
from nurture.intake.mail.marks import MESSAGE_ID, marks_of
from nurture.intake.mail.message import Message, parse
from nurture.intake.mail.notification import read_notification
from nurture.intake.returns import Return

_RECEIPT = "message/disposition-notification"
_UNREAD = re.compile(
    r"^disposition:[^;\n]*automatic-action[^;\n]*;[ \t]*deleted", re.IGNORECASE | re.MULTILINE
)
"""Sieve's "reject" answers with a receipt like this (RFC 5429)."""


def read(raw: bytes, received_at: datetime) -> tuple[Return, ...]:
    """What came back in this message: one return, or one for each recipient a report speaks of. Never raises.

    `at` is the message's own date, but never after `received_at`. The bytes stand in the first return only.
    """
    message = parse(raw)
    heard = _heard(message)
    at, to = written_at(message, received_at), replies.sent_to(message)
    returns = (
        one._replace(id=id, at=at, marks=one.marks or marks_of(message, *one.addresses, *to))
        for id, one in zip(_ids(own_id(message), heard), heard, strict=True)
    )
    first, *rest = returns
    return (first._replace(raw=raw), *rest)


def _ids(own: str, heard: Sequence[Return]) -> list[str]:
    """The message's id for its only return, else with the recipient, or the place where one comes twice."""
    if len(heard) == 1:
        return [own]
    named = [one.recipient.lower() for one in heard]
    return [
        f"{own} {who if who and who not in named[:number] else number}" for number, who in enumerate(named)
    ]


def own_id(message: Message) -> str:
    """The Message-ID of the message, or a hash of its bytes where it has none."""
    match = MESSAGE_ID.search(message.headers.first("message-id"))
    return match[0] if match else f"sha256:{hashlib.sha256(message.raw).hexdigest()}"


def written_at(message: Message, received_at: datetime) -> datetime:
    """When the message says it was written, or when we received it where it says nothing believable."""
    try:
        at = parsedate_to_datetime(message.headers.first("date")[:100])
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return received_at
    return min(at, received_at)


def _heard(message: Message) -> list[Return]:
    for reads in (read_delivery_status, read_feedback, read_receipt, read_notification, read_bounce):
        if heard := reads(message):
            return heard
    if copies := replies.read_copies(message):
        return copies
    reply = replies.read_reply(message)
    if _asks_by_address(message, reply):
        return [reply]
    if away := read_automatic(message):
        return away
    if reply.kind == "replied" and is_by_a_machine(message.headers):
        return [reply._replace(kind="other", reason="written by a machine")]
    return [reply]


def _asks_by_address(message: Message, reply: Return) -> bool:
    """Whether it came to an address that unsubscribes: mail programs write there in a person's name."""
    return reply.kind == "unsubscribed" and any(
        to.lower().startswith("u+") for to in replies.sent_to(message)
    )


def read_receipt(message: Message) -> list[Return]:
    """A receipt that the message was displayed or deleted (RFC 8098): it arrived, or a filter refused it."""
    receipt = next((part.text for part in message.own if part.type == _RECEIPT), "")
    if _UNREAD.search(receipt) and is_bounce(message):
        return told_of(message)
    if receipt:
        return [Return("", "delivered", reason="read receipt", words=message.headers.spoken("subject")[:300])]
    return []

"""Notes about mail that Amazon SES sends as mail, by an SNS subscription of protocol "email".

The body is the same JSON that the webhook gets, without a signature that could be verified: what it says is
a claim like any bounce's, and only a mark of ours in it names a person.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nurture.delivery import diagnose
from nurture.intake.mail.codes import codes_in, one_line
from nurture.intake.mail.message import Message
from nurture.intake.returns import Bounce, Kind, Return

MOST_RECIPIENTS = 20
_ABOUT: Mapping[str, tuple[str, str, Kind]] = {
    "Delivery": ("delivery", "recipients", "delivered"),
    "Bounce": ("bounce", "bouncedRecipients", "bounced"),
    "Complaint": ("complaint", "complainedRecipients", "complained"),
    "DeliveryDelay": ("deliveryDelay", "delayedRecipients", "deferred"),
}
"""The type of a note: where its details stand, where in them the recipients, and what it tells."""
_NO_COMPLAINT = ("not-spam", "auth-failure", "virus")


def read_notification(message: Message) -> list[Return]:
    """One return for each recipient of the note; none where the message is no such note."""
    note = _note(message.text)
    where, whom, kind = _ABOUT.get(
        str(note.get("notificationType") or note.get("eventType")), ("", "", "other")
    )
    details = note.get(where)
    if not isinstance(details, dict):
        return []
    if details.get("complaintFeedbackType") in _NO_COMPLAINT:
        kind = "other"
    return [_return(details, one, kind, _marks(note)) for one in _each(details.get(whom))[:MOST_RECIPIENTS]]


def _note(text: str) -> Mapping[str, Any]:
    start = text.find("{")
    if start < 0 or '"mail"' not in text:
        return {}
    try:
        note, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return {}
    return note if isinstance(note, dict) else {}


def _return(details: Mapping[str, Any], one: object, kind: Kind, marks: tuple[str, ...]) -> Return:
    about = one if isinstance(one, dict) else {"emailAddress": one}
    who = str(about.get("emailAddress") or "")[:320]
    said = str(about.get("diagnosticCode") or details.get("smtpResponse") or "")
    status = str(about.get("status") or "")[:9] or codes_in(said).status
    bounce: Bounce = ""
    reason = str(details.get("complaintFeedbackType") or "")[:60]
    if kind == "bounced":
        bounce, reason = diagnose(codes_in(said).reply, status, said)
        if bounce == "unknown" and details.get("bounceType") == "Transient":
            bounce = "soft"
    return Return(
        "", kind, marks=marks, addresses=(who,) if who else (), bounce=bounce, status=status,
        words=one_line(said), reason=reason, recipient=who,
    )  # fmt: skip


def _marks(note: Mapping[str, Any]) -> tuple[str, ...]:
    """The sender with its token, the recipients, and our own Message-ID, as SES repeats them."""
    mail = note.get("mail")
    if not isinstance(mail, dict):
        return ()
    common = mail.get("commonHeaders")
    own = common.get("messageId") if isinstance(common, dict) else None
    named = [own, mail.get("source"), *_each(mail.get("destination"))]
    return tuple(mark for mark in named if isinstance(mark, str) and 3 <= len(mark) <= 320)[:MOST_RECIPIENTS]


def _each(found: object) -> Sequence[Any]:
    return found if isinstance(found, list) else ()

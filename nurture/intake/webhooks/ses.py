"""Amazon SES: bounces, complaints, deliveries and received mail, told by SNS.

SNS wraps what SES says in a signed envelope (`sns.py`); here it is opened. Whoever uses SES may publish to
a topic of their own with a valid signature, so only the topics that were named are listened to.
"""

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from nurture.intake.webhooks import sns
from nurture.intake.webhooks.bouncing import bounce_of
from nurture.intake.webhooks.seam import (
    Endpoint,
    Event,
    EventType,
    Heard,
    Notice,
    Refused,
    Request,
    WantsCertificate,
)
from nurture.intake.webhooks.sns import Certificates
from nurture.intake.webhooks.strict import each, get, instant, json_of, key_of, said, word, words

_TYPES: Mapping[str, tuple[str, str, EventType]] = {
    "Send": ("send", "", "sent"),
    "Delivery": ("delivery", "recipients", "delivered"),
    "Bounce": ("bounce", "bouncedRecipients", "bounced"),
    "Complaint": ("complaint", "complainedRecipients", "complained"),
    "Reject": ("reject", "", "rejected"),
    "Open": ("open", "", "opened"),
    "Click": ("click", "", "clicked"),
    "Rendering Failure": ("failure", "", "failed"),
    "DeliveryDelay": ("deliveryDelay", "delayedRecipients", "deferred"),
    "Subscription": ("subscription", "", "unknown"),
}
"""SES's type -> where its details stand, where in them its recipients (else the mail's), our type."""

_SUPPRESSED = {"Suppressed": "hard", "OnAccountSuppressionList": "unknown"}
"""Sub-types of a bounce that are SES's own lists. Only the first holds nothing but mailboxes that do not
exist; the account's list holds complaints too."""

_CONTENT = ("MessageTooLarge", "ContentRejected", "AttachmentRejected")
_NO_COMPLAINT = ("not-spam", "auth-failure")


def hear(
    request: Request, endpoint: Endpoint, certificates: Certificates
) -> Heard | Refused | WantsCertificate:
    """What SNS brought."""
    envelope = sns.open_envelope(request, endpoint, certificates)
    if not isinstance(envelope, sns.Envelope):
        return envelope
    if envelope.type != "Notification":
        return Heard(notices=(_confirmation(envelope),))
    message = json_of(envelope.message)
    if isinstance(message, Refused) and envelope.message.lstrip().startswith("{"):
        return message
    kind = word(message, "eventType") or word(message, "notificationType")
    if isinstance(message, Refused) or not kind or kind == "AmazonSnsSubscriptionSucceeded":
        return Heard(notices=(Notice(envelope.id, envelope.message[:300], said=envelope.raw),))
    if (kind == "Received") != (endpoint.takes == "mail"):
        meant = "mail" if kind == "Received" else "events"
        return Refused(
            400, f"{kind} belongs to an endpoint with takes = {meant!r}, this one takes {endpoint.takes}"
        )
    if kind != "Received":
        return Heard(tuple(_events(message, kind, envelope)))
    if not word(message, "mail", "messageId"):
        return Refused(400, "received mail without an id, and without the mail")
    return Heard((_inbound(message),))


def _confirmation(envelope: sns.Envelope) -> Notice:
    if envelope.type == "SubscriptionConfirmation":
        return Notice(
            envelope.id, f"SNS asks to confirm {envelope.topic}", envelope.subscribe_url, said=envelope.raw
        )
    return Notice(envelope.id, f"SNS no longer sends {envelope.topic} here", said=envelope.raw)


def _events(message: object, kind: str, envelope: sns.Envelope) -> Iterator[Event]:
    """One event for each recipient that it is about."""
    where, recipients, type = _TYPES.get(kind, ("", "", "unknown"))
    details = get(message, where) if where else None
    about = [*each(details, recipients)] if recipients else [*each(message, "mail", "destination")]
    for number, one in enumerate(about or [None]):
        recipient = one if isinstance(one, dict) else {"emailAddress": one}
        key = key_of(envelope.id, str(number)) if number else key_of(envelope.id)
        event = Event(
            type,
            key,
            envelope.id,
            at=envelope.at,
            recipient=word(recipient, "emailAddress"),
            message_id=word(message, "mail", "messageId"),
            user_agent=word(details, "userAgent"),
            marks=tuple(_marks(message)),
            tags=tuple(word(one) for one in _headers(message, "x-tag")),
            metadata=_metadata(message),
            said=said(message),
        )
        yield event._replace(**_DETAILS.get(kind, _nothing)(details, recipient))


def _nothing(details: object, recipient: object) -> dict[str, Any]:
    return {}


def _bounce(details: object, recipient: object) -> dict[str, Any]:
    kind, sub = word(details, "bounceType"), word(details, "bounceSubType")
    status, diagnostic = word(recipient, "status"), word(recipient, "diagnosticCode")
    says = {"Permanent": "hard", "Transient": "soft"}.get(kind, "unknown")
    bounce = _SUPPRESSED.get(sub) or ("content" if sub in _CONTENT else bounce_of(says, status, diagnostic))
    return {
        "description": f"{kind}: {sub}",
        "mta_response": diagnostic,
        "status": status,
        "reject_reason": "bounced",
        "bounce": bounce,
    }


def _complaint(details: object, recipient: object) -> dict[str, Any]:
    """Some reports say that it is no spam, or that a signature failed; those are nobody's complaint."""
    feedback = word(details, "complaintFeedbackType")
    about = {"description": feedback, "reject_reason": "spam"}
    if feedback in _NO_COMPLAINT:
        return {**about, "type": "unknown", "reject_reason": ""}
    if word(details, "complaintSubType") == "OnAccountSuppressionList":
        return {**about, "type": "rejected", "bounce": "unknown"}
    return about


def _delivery(details: object, recipient: object) -> dict[str, Any]:
    return {"mta_response": word(details, "smtpResponse")}


def _reject(details: object, recipient: object) -> dict[str, Any]:
    return {"description": word(details, "reason"), "reject_reason": "blocked", "bounce": "content"}


def _failure(details: object, recipient: object) -> dict[str, Any]:
    return {"description": word(details, "errorMessage"), "bounce": "content"}


def _click(details: object, recipient: object) -> dict[str, Any]:
    return {"click_url": word(details, "link")}


def _delay(details: object, recipient: object) -> dict[str, Any]:
    return {
        "description": word(details, "delayType"),
        "mta_response": word(recipient, "diagnosticCode"),
        "status": word(recipient, "status"),
    }


def _subscription(details: object, recipient: object) -> dict[str, Any]:
    left = get(details, "newTopicPreferences", "unsubscribeAll") is True
    return {"type": "unsubscribed" if left else "unknown", "description": word(details, "source")}


_DETAILS = {
    "Bounce": _bounce,
    "Complaint": _complaint,
    "Delivery": _delivery,
    "Reject": _reject,
    "Rendering Failure": _failure,
    "Click": _click,
    "DeliveryDelay": _delay,
    "Subscription": _subscription,
}


def _headers(message: object, name: str) -> Iterator[object]:
    for header in each(message, "mail", "headers"):
        if word(header, "name").lower() == name:
            yield get(header, "value")


def _marks(message: object) -> Iterator[str]:
    """The Message-ID that we gave it stands in its headers."""
    for found in (get(message, "mail", "commonHeaders", "messageId"), *_headers(message, "message-id")):
        if id := word(found).strip(" <>"):
            yield f"<{id}>"


def _metadata(message: object) -> Mapping[str, object]:
    for text in _headers(message, "x-metadata"):
        found = json_of(word(text))
        if isinstance(found, dict):
            return found
    return {}


def _inbound(message: object) -> Event:
    """Mail that came. Where SES put it into S3 there is nothing to read here, and that is said."""
    action = get(message, "receipt", "action")
    content = get(message, "content")
    about = Event(
        "inbound",
        key_of("inbound", word(message, "mail", "messageId")),
        word(message, "mail", "messageId"),
        at=_instant(word(message, "mail", "timestamp")),
        recipient=next(iter(words(get(message, "receipt", "recipients"))), ""),
        envelope_sender=word(message, "mail", "source"),
    )
    if not isinstance(content, str):
        where = f"{word(action, 'bucketName')}/{word(action, 'objectKey')}"
        return about._replace(description=f"the message is in S3 ({where}): let SES send it by an SNS action")
    if word(action, "encoding") == "BASE64":
        try:
            return about._replace(said=b64decode(content))
        except (NoBase64, ValueError):
            return about._replace(description="the content is no base64")
    return about._replace(said=content.encode("utf-8", "replace"))


def _instant(text: str) -> datetime | None:
    return instant(text) if text else None

"""Postmark: one event of JSON a request, and received mail as JSON. Nothing is signed.

Who knows the path's secret and the user and password is believed; what they may silence at once is limited
(`engine/braking.py`). Source: the webhook pages and the bounce types of Postmark's developer documentation.
"""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from email.utils import formataddr
from typing import Any, NamedTuple

from nurture.intake.webhooks import rebuilt
from nurture.intake.webhooks.bouncing import bounce_of
from nurture.intake.webhooks.seam import Endpoint, Event, EventType, Heard, Refused, Request, is_plain
from nurture.intake.webhooks.strict import digest_of, each, get, instant, json_of, key_of, said, word, words


class _Means(NamedTuple):
    type: EventType
    reject_reason: str = ""
    bounce: str = ""
    """What it speaks for; our table has the last word on hard and soft ones."""


_BOUNCES: Mapping[str, _Means] = {
    "HardBounce": _Means("bounced", "bounced", "hard"),
    "Transient": _Means("deferred"),
    "Unsubscribe": _Means("unsubscribed", "unsubscribed"),
    "Subscribe": _Means("subscribed"),
    "AutoResponder": _Means("autoresponded"),
    "AddressChange": _Means("bounced", "other", "unknown"),
    "DnsError": _Means("bounced", "other", "soft"),
    "SpamNotification": _Means("rejected", "spam", "block"),
    "OpenRelayTest": _Means("unknown"),
    "Unknown": _Means("bounced", "other", "unknown"),
    "SoftBounce": _Means("bounced", "bounced", "soft"),
    "VirusNotification": _Means("bounced", "other", "content"),
    "ChallengeVerification": _Means("autoresponded"),
    "BadEmailAddress": _Means("rejected", "invalid", "hard"),
    "SpamComplaint": _Means("complained", "spam"),
    "ManuallyDeactivated": _Means("rejected", "blocked", "unknown"),
    "Unconfirmed": _Means("rejected", "other", "unknown"),
    "Blocked": _Means("rejected", "blocked", "block"),
    "SMTPApiError": _Means("failed", "", "unknown"),
    "InboundError": _Means("unknown"),
    "DMARCPolicy": _Means("rejected", "blocked", "block"),
    "TemplateRenderingFailed": _Means("failed", "", "content"),
    "Undeliverable": _Means("bounced", "other", "unknown"),
}
"""`Type` of a bounce. SpamNotification is a filter's word, not a person's."""

_SUPPRESSED: Mapping[str, _Means] = {
    "HardBounce": _BOUNCES["HardBounce"],
    "SpamComplaint": _BOUNCES["SpamComplaint"],
    "ManualSuppression": _BOUNCES["Unsubscribe"],
}
"""Why Postmark no longer sends (SubscriptionChange)."""

_OTHERS: Mapping[str, EventType] = {"Delivery": "delivered", "Open": "opened", "Click": "clicked"}
_WHEN = ("BouncedAt", "DeliveredAt", "ReceivedAt", "ChangedAt")
_TOP = ("From", "To", "Cc", "Bcc")


def hear(request: Request, endpoint: Endpoint) -> Heard | Refused:
    """One event, or one message that came."""
    if refused := is_plain(request, "application/json"):
        return refused
    one = json_of(request.body)
    if isinstance(one, Refused):
        return one
    if not isinstance(one, dict):
        return Refused(400, "no object where an event is expected")
    kind = word(one, "RecordType")
    is_mail = kind == "Inbound" or (not kind and "FromFull" in one)
    if is_mail and endpoint.takes == "events":
        return Refused(400, "received mail belongs to an endpoint with takes = 'mail', this one takes events")
    if kind not in ("", "Inbound") and endpoint.takes == "mail":
        return Refused(400, f"{kind} belongs to an endpoint with takes = 'events', this one takes mail")
    return Heard((_inbound(one) if endpoint.takes == "mail" else _event(one, kind),))


def _event(one: Mapping[str, Any], kind: str) -> Event:
    means = _means(one, kind)
    details = word(one, "Details")
    when = next((found for name in _WHEN if (found := word(one, name))), "")
    id, message_id = word(one, "ID"), word(one, "MessageID")
    recipient = word(one, "Email") or word(one, "Recipient")
    is_bounce = kind in ("Bounce", "SpamComplaint")
    told_apart = id or digest_of([recipient, when, word(one, "OriginalLink"), means.type])
    return Event(
        means.type,
        key_of(kind, message_id, told_apart) if kind and (id or message_id) else key_of(kind, digest_of(one)),
        id,
        at=instant(when) if when else None,
        recipient=recipient,
        message_id=message_id,
        reject_reason=means.reject_reason,
        description=word(one, "Description") if is_bounce else "",
        mta_response=details,
        click_url=word(one, "OriginalLink"),
        user_agent=word(one, "UserAgent"),
        tags=words(get(one, "Tag")),
        metadata=get(one, "Metadata") if isinstance(get(one, "Metadata"), dict) else {},
        bounce=bounce_of(means.bounce, "", details) if means.bounce in ("hard", "soft") else means.bounce,
        said=said(one),
    )


def _means(one: Mapping[str, Any], kind: str) -> _Means:
    match kind:
        case "Bounce" | "SpamComplaint":
            known = _BOUNCES.get(word(one, "Type"))
            return known or _Means("complained" if kind == "SpamComplaint" else "bounced", "other", "unknown")
        case "SubscriptionChange" if get(one, "SuppressSending") is True:
            return _SUPPRESSED.get(word(one, "SuppressionReason"), _Means("unknown"))
        case "SubscriptionChange":
            return _Means("subscribed")
    return _Means(_OTHERS.get(kind, "unknown"))


def _inbound(one: Mapping[str, Any]) -> Event:
    headers = [(word(part, "Name"), word(part, "Value")) for part in each(one, "Headers")]
    returned_to = next((value for name, value in headers if name.lower() == "return-path"), "")
    raw = get(one, "RawEmail")
    said = raw.encode("utf-8", "replace") if isinstance(raw, str) else _message(one, headers)
    id = word(one, "MessageID")
    return Event(
        "inbound",
        key_of("inbound", id or digest_of(one)),
        id,
        recipient=word(one, "OriginalRecipient"),
        envelope_sender=returned_to.strip("<>"),
        stripped_text=word(one, "StrippedTextReply"),
        said=said,
    )


def _message(one: Mapping[str, Any], headers: list[tuple[str, str]]) -> bytes:
    lines = [(name, ", ".join(_mailboxes(one, name))) for name in _TOP]
    lines += [("Reply-To", word(one, "ReplyTo")), ("Date", word(one, "Date"))]
    lines += [("Subject", word(one, "Subject")), *headers]
    files = [
        rebuilt.File(
            word(part, "ContentType"),
            word(part, "Name"),
            _content(_long(part, "Content") or _long(part, "Data")),
            word(part, "ContentID"),
        )
        for part in each(one, "Attachments")
    ]
    text, html = _long(one, "TextBody"), _long(one, "HtmlBody")
    return rebuilt.message([line for line in lines if line[1]], text or "", html or "", files)


def _long(value: object, name: str) -> str:
    """Text of any length."""
    found = get(value, name)
    return found if isinstance(found, str) else ""


def _mailboxes(one: Mapping[str, Any], name: str) -> Iterator[str]:
    found = get(one, f"{name}Full")
    for part in found if isinstance(found, list) else [found]:
        if address := word(part, "Email"):
            try:
                yield formataddr((" ".join(word(part, "Name").split()), " ".join(address.split())))
            except UnicodeError:
                yield f"<{address}>"


def _content(coded: str) -> bytes:
    try:
        return b64decode(coded)
    except ValueError:
        return b""

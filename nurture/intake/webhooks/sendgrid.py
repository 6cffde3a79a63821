"""SendGrid: the signed Event Webhook, a batch of events, and the Inbound Parse webhook, a form.

Events are signed with ECDSA over the timestamp and the raw body. Source: "Getting started with the Event
Webhook security features" and "Event webhook reference" of SendGrid's documentation.
"""

from base64 import b64decode
from collections.abc import Mapping
from email.parser import HeaderParser
from typing import Any

from nurture.intake.webhooks import rebuilt
from nurture.intake.webhooks.bouncing import bounce_of
from nurture.intake.webhooks.forms import MULTIPART, URLENCODED, Form, form_of
from nurture.intake.webhooks.seam import Endpoint, Event, EventType, Heard, Refused, Request, is_plain
from nurture.intake.webhooks.strict import (
    clean,
    digest_of,
    epoch,
    get,
    json_of,
    key_of,
    objects,
    said,
    word,
    words,
)

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"

_TYPES: Mapping[str, EventType] = {
    "processed": "queued",
    "dropped": "rejected",
    "delivered": "delivered",
    "deferred": "deferred",
    "bounce": "bounced",
    "blocked": "bounced",
    "open": "opened",
    "click": "clicked",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
    "group_resubscribe": "subscribed",
}

_DROPPED = {
    "bounced address": ("bounced", "hard"),
    "invalid": ("invalid", "hard"),
    "unsubscribed address": ("unsubscribed", "unknown"),
    "spam reporting address": ("spam", "unknown"),
    "blocked": ("blocked", "unknown"),
    "expired": ("timed_out", "soft"),
    "spam content (if spam checker app enabled)": ("other", "content"),
    "spam content": ("other", "content"),
}
"""Why SendGrid did not even try -> reject reason, class. Its bounce list holds permanent bounces alone."""

_CLASSES = {
    "invalid address": "hard",
    "mailbox unavailable": "soft",
    "technical": "soft",
    "technical failure": "soft",
    "content": "content",
    "reputation": "block",
    "frequency or volume too high": "block",
}
"""`bounce_classification` -> what it speaks for where the server's words say nothing."""

_OWN = frozenset({
    "email", "timestamp", "smtp-id", "event", "category", "sg_event_id", "sg_message_id", "response",
    "attempt", "useragent", "ip", "url", "url_offset", "reason", "status", "type", "tls", "cert_err",
    "asm_group_id", "newsletter", "marketing_campaign_id", "marketing_campaign_name",
    "marketing_campaign_version", "marketing_campaign_split_id", "post_type", "pool", "send_at",
    "bounce_classification", "sg_machine_open", "sg_content_type", "sg_template_id", "sg_template_name",
    "singlesend_id",
    "singlesend_name", "template_id", "template_hash", "template_version_id", "phase_id",
    "automation_id", "nlvx_campaign_id", "nlvx_campaign_split_id", "nlvx_user_id",
})  # fmt: skip
"""SendGrid's own keys; any other was put there by whoever sent the message."""


def hear(request: Request, endpoint: Endpoint) -> Heard | Refused:
    """A batch of events, or one message that came."""
    if refused := _refused(request, endpoint):
        return refused
    if endpoint.takes == "mail":
        form = form_of(request)
        return form if isinstance(form, Refused) else Heard((_inbound(form, request),))
    batch = json_of(request.body)
    found = batch if isinstance(batch, Refused) else objects(batch)
    if isinstance(found, Refused):
        return found
    return Heard(tuple(_event(one) for one in found))


def public_key(text: str) -> Any:
    """A verification key as SendGrid shows it (base64 DER) or as PEM. Raises ValueError for anything else."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

    pem = text.lstrip().startswith("-----BEGIN")
    key = load_pem_public_key(text.encode()) if pem else load_der_public_key(b64decode("".join(text.split())))
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("no ECDSA key")
    return key


def _refused(request: Request, endpoint: Endpoint) -> Refused | None:
    types = (MULTIPART, URLENCODED) if endpoint.takes == "mail" else ("application/json",)
    if refused := is_plain(request, *types):
        return refused
    if endpoint.takes == "mail" and not endpoint.keys:
        return None  # signed only where that was switched on; user and password were asked
    return _unsigned(request, endpoint)


def _unsigned(request: Request, endpoint: Endpoint) -> Refused | None:
    timestamp = request.headers.get(TIMESTAMP, "")
    at = epoch(timestamp) if timestamp.isascii() and timestamp.isdigit() else None
    if at is None or abs(request.now - at) > endpoint.tolerance:
        return Refused(403, "SendGrid's timestamp is missing, or too far from now")
    try:
        signature = b64decode(request.headers.get(SIGNATURE, ""), validate=True)
    except ValueError:
        return Refused(403, "SendGrid's signature is no base64")
    said = timestamp.encode() + request.body
    if not any(_is_signed(public_key(key), signature, said) for key in endpoint.keys):
        return Refused(403, "the signature is not SendGrid's")
    return None


def _is_signed(key: Any, signature: bytes, said: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        key.verify(signature, said, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _event(one: Mapping[str, Any]) -> Event:
    kind = word(one, "event")
    type: EventType = _TYPES.get(kind, "unknown")
    id, smtp_id = word(one, "sg_event_id"), word(one, "smtp-id").strip()
    reason = word(one, "reason")
    reject, bounce, answer = _judged(one, kind, reason)
    return Event(
        type,
        key_of(id or digest_of(one)),
        id,
        at=epoch(get(one, "timestamp")),
        recipient=word(one, "email"),
        message_id=smtp_id or word(one, "sg_message_id"),
        reject_reason=reject,
        description=reason if type == "rejected" else "",
        mta_response=answer,
        status=word(one, "status"),
        click_url=word(one, "url"),
        user_agent=word(one, "useragent"),
        tags=words(get(one, "category")),
        metadata={name: value for name, value in one.items() if name not in _OWN},
        marks=(f"<{smtp_id.strip('<>')}>",) if smtp_id else (),
        bounce=bounce,
        said=said(one),
    )


def _judged(one: Mapping[str, Any], kind: str, reason: str) -> tuple[str, str, str]:
    """Reject reason, class, and what the receiver's server said."""
    answer = word(one, "response")
    if kind == "dropped":
        reject, bounce = _DROPPED.get(reason.strip().lower(), ("other", "unknown"))
        return reject, bounce, answer
    if kind not in ("bounce", "blocked"):
        return "", "", answer or reason
    says = "block" if "blocked" in (kind, word(one, "type")) else "hard"
    classified = _CLASSES.get(word(one, "bounce_classification").lower(), says)
    says = says if classified == "hard" else classified
    return "", bounce_of(says, word(one, "status"), reason or answer), reason or answer


def _inbound(form: Form, request: Request) -> Event:
    charsets = json_of(form.raw("charsets"))
    envelope = json_of(form.raw("envelope"))
    raw = form.raw("email")
    if not any(one.name == "email" for one in form):
        raw = _message(form, charsets)
    return Event(
        "inbound",
        key_of("inbound", digest_of([raw.decode("latin-1"), form.first("envelope")])),
        recipient=next(iter(words(get(envelope, "to"))), ""),
        envelope_sender=word(envelope, "from"),
        said=raw,
    )


def _message(form: Form, charsets: object) -> bytes:
    """The message from its parts; a field is in the character set that is said beside it."""

    def part(name: str) -> str | None:
        if not any(one.name == name for one in form):
            return None
        return _decoded(form.raw(name), word(charsets, name))

    headers = HeaderParser().parsestr(form.raw("headers").decode("utf-8", "replace"))
    lines = [(name, str(value)) for name, value in headers.items()]
    shown = ("from", "to", "cc", "subject")
    lines = [
        (name, value) for name, value in lines if name.lower() not in shown or part(name.lower()) is None
    ]
    lines += [(name.title(), text) for name in shown if (text := part(name)) is not None]
    about = json_of(form.raw("attachment-info"))
    files = [
        rebuilt.File(
            word(about, one.name, "type") or one.type,
            word(about, one.name, "filename") or one.filename or "",
            one.value,
            word(about, one.name, "content-id"),
        )
        for one in form.files()
    ]
    return rebuilt.message(lines, part("text"), part("html"), files)


def _decoded(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        return clean(raw.decode("latin-1"), len(raw))

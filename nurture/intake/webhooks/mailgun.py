"""Mailgun: one event of JSON a request, older webhooks as forms, and routes that forward mail as forms.

The signature covers a timestamp and a token, not the body: so the path holds a secret too, and a token that
was seen is taken again with the very same body alone. Source: "Securing webhooks", "Event structure",
"Receiving messages via HTTP" and "Legacy webhooks" of Mailgun's documentation.
"""

import hmac
from collections.abc import Iterator, Mapping
from datetime import timedelta
from email.utils import parseaddr
from typing import Any, NamedTuple

from nurture.intake.webhooks import rebuilt
from nurture.intake.webhooks.bouncing import bounce_of
from nurture.intake.webhooks.forms import MULTIPART, URLENCODED, Form, form_of
from nurture.intake.webhooks.seam import Endpoint, Event, EventType, Heard, Refused, Request, is_plain
from nurture.intake.webhooks.strict import each, epoch, get, json_of, key_of, word, words

OLDEST = timedelta(hours=24)
AHEAD = timedelta(minutes=10)

_TYPES: Mapping[str, EventType] = {
    "accepted": "queued",
    "rejected": "rejected",
    "delivered": "delivered",
    "failed": "bounced",
    "opened": "opened",
    "clicked": "clicked",
    "unsubscribed": "unsubscribed",
    "complained": "complained",
    # Older webhooks:
    "bounced": "bounced",
    "dropped": "rejected",
}

_REASONS = {
    "bounce": ("bounced", "hard"),
    "hardfail": ("bounced", "hard"),
    "suppress-bounce": ("bounced", "hard"),
    "suppress-complaint": ("spam", "unknown"),
    "suppress-unsubscribe": ("unsubscribed", "unknown"),
    "espblock": ("blocked", "block"),
    "greylisted": ("other", "soft"),
    "old": ("timed_out", "soft"),
}
"""`reason` of a failure -> reject reason, what it speaks for. Those that begin with suppress are Mailgun's
own lists: only that of bounces holds nothing but permanent ones."""

_CODES = {499: ("timed_out", "soft"), 605: ("bounced", "hard"), 606: ("unsubscribed", "unknown"),
          607: ("spam", "unknown")}  # fmt: skip
"""Codes of Mailgun's own in `code`."""

_SHOWN_WITHOUT_HEADERS = frozenset({
    "event", "recipient", "domain", "ip", "country", "region", "city", "user-agent", "device-type",
    "client-type", "client-name", "client-os", "campaign-id", "campaign-name", "tag", "mailing-list",
    "timestamp", "token", "signature", "parent-signature", "body-plain", "h", "message-id", "Message-Id",
    "url",
})  # fmt: skip
"""Fields of older opens, clicks and unsubscribes; any other is a variable of whoever sent the message."""

_SIGNING = ("timestamp", "token", "signature", "parent-signature")


class _Signed(NamedTuple):
    timestamp: str
    token: str
    signatures: tuple[str, ...]


def hear(request: Request, endpoint: Endpoint) -> Heard | Refused:
    """One event, or one message that came."""
    if refused := is_plain(request, "application/json", URLENCODED, MULTIPART):
        return refused
    if request.content_type == "application/json":
        return _hear_json(request, endpoint)
    form = form_of(request)
    if isinstance(form, Refused):
        return form
    signed = _Signed(
        form.last("timestamp"), form.last("token"), (form.last("signature"), form.last("parent-signature"))
    )
    if refused := _unsigned(signed, request, endpoint):
        return refused
    is_mail = form.first("event") in ("", "inbound")
    if is_mail != (endpoint.takes == "mail"):
        return _belongs_elsewhere(endpoint)
    return Heard((_inbound(form, signed) if is_mail else _older(form, signed, request),), once=signed.token)


def _hear_json(request: Request, endpoint: Endpoint) -> Heard | Refused:
    said = json_of(request.body)
    if isinstance(said, Refused):
        return said
    block = get(said, "signature")
    signatures = (word(block, "signature"), word(block, "parent-signature"))
    signed = _Signed(word(block, "timestamp"), word(block, "token"), signatures)
    if refused := _unsigned(signed, request, endpoint):
        return refused
    if endpoint.takes == "mail":
        return _belongs_elsewhere(endpoint)
    about = get(said, "event-data")
    if not isinstance(about, dict):
        return Refused(400, "no event-data in it")
    return Heard((_event(about, signed, request),), once=signed.token)


def _belongs_elsewhere(endpoint: Endpoint) -> Refused:
    other = "mail" if endpoint.takes == "events" else "events"
    return Refused(
        400, f"this belongs to an endpoint with takes = {other!r}, this one takes {endpoint.takes}"
    )


def _unsigned(signed: _Signed, request: Request, endpoint: Endpoint) -> Refused | None:
    """One of our keys made one of the signatures: that of the account, or of the account above it."""
    said = f"{signed.timestamp}{signed.token}".encode()
    made = [hmac.digest(key.encode(), said, "sha256").hex().encode() for key in endpoint.keys]
    given = [one.encode() for one in signed.signatures]
    equal = sum(hmac.compare_digest(ours, theirs) for ours in made for theirs in given)  # all are looked at
    if not signed.token or not equal:
        return Refused(403, "the signature is not Mailgun's")
    at = epoch(signed.timestamp)
    if at is None or not -AHEAD <= request.now - at <= OLDEST:
        return Refused(403, "Mailgun's timestamp is more than a day old")
    return None


def _event(about: Mapping[str, Any], signed: _Signed, request: Request) -> Event:
    type: EventType = _TYPES.get(word(about, "event"), "unknown")
    if type == "bounced" and word(about, "severity") == "temporary":
        type = "deferred"
    status = get(about, "delivery-status")
    answer, description = word(status, "message"), word(status, "description")
    enhanced = word(status, "enhanced-code") or word(status, "bounce-code")
    reject, verdict = _REASONS.get(word(about, "reason"), ("other", "unknown"))
    if type == "rejected":
        description = description or word(about, "reject", "reason")
        verdict = "content"
    id = word(about, "message", "headers", "message-id").strip(" <>")
    return Event(
        type,
        key_of(signed.token),
        signed.token,
        at=epoch(get(about, "timestamp")),
        recipient=word(about, "recipient") or parseaddr(word(about, "message", "headers", "to"))[1],
        message_id=f"<{id}>" if id else "",
        reject_reason=reject if "reason" in about or type == "rejected" else "",
        description=description,
        mta_response=answer,
        status=enhanced,
        click_url=word(about, "url"),
        user_agent=word(about, "client-info", "user-agent"),
        tags=words(get(about, "tags")),
        metadata=get(about, "user-variables") if isinstance(get(about, "user-variables"), dict) else {},
        marks=(f"<{id}>",) if id else (),
        bounce=_class(type, verdict, enhanced, word(status, "code"), answer or description),
        said=request.body,
    )


def _class(type: EventType, verdict: str, enhanced: str, code: str, said: str) -> str:
    """Mailgun's word for a permanent failure is "bounce", whatever the server said."""
    if type not in ("bounced", "rejected"):
        return ""
    if code in ("605", "606", "607") or type == "rejected":
        return verdict
    return bounce_of(verdict, enhanced, f"{code} {said}".strip() if code not in said else said)


def _older(form: Form, signed: _Signed, request: Request) -> Event:
    """An event of an older webhook. Variables of the message stand among its fields: the first one of a name
    is Mailgun's, but of the signature's fields the last."""
    type: EventType = _TYPES.get(form.first("event"), "unknown")
    id = (form.first("Message-Id") or form.first("message-id")).strip(" <>")
    code, answer = form.first("code"), form.first("error") or form.first("notification")
    reject, verdict = _judged(code)
    return Event(
        type,
        key_of(signed.token),
        signed.token,
        at=epoch(signed.timestamp),
        recipient=form.first("recipient"),
        message_id=f"<{id}>" if id else "",
        reject_reason=reject,
        description=form.first("description"),
        mta_response=answer,
        status=code if code.count(".") == 2 else "",
        click_url=form.first("url"),
        user_agent=form.first("user-agent"),
        tags=tuple(form.all("tag") or form.all("X-Mailgun-Tag")),
        metadata=_variables(form),
        marks=(f"<{id}>",) if id else (),
        bounce=_older_class(type, verdict, code, answer or form.first("description")),
        said=request.body,
    )


def _judged(code: str) -> tuple[str, str]:
    if code.isascii() and code.isdigit() and len(code) < 9:
        refused = (
            ("bounced", "hard" if code[0] == "5" else "soft")
            if 400 <= int(code) < 600
            else ("other", "unknown")
        )
        return _CODES.get(int(code), refused)
    if code:
        return ("bounced", "hard" if code[0] == "5" else "soft") if code[0] in "45" else ("other", "unknown")
    return "", "unknown"


def _older_class(type: EventType, verdict: str, code: str, said: str) -> str:
    if type not in ("bounced", "rejected"):
        return ""
    if code in ("605", "606", "607"):
        return verdict
    return bounce_of(
        verdict, code if code.count(".") == 2 else "", f"{code} {said}" if code not in said else said
    )


def _variables(form: Form) -> Mapping[str, object]:
    """What whoever sent the message put there. Where its headers came with the event they hold it."""
    listed = json_of(form.raw("message-headers"))
    if any(one.name == "message-headers" for one in form):
        found: dict[str, object] = {}
        for name, value in _pairs(listed):
            inner = json_of(value) if name == "X-Mailgun-Variables" else None
            found |= inner if isinstance(inner, dict) else {}
        return found
    if form.first("event") not in ("opened", "clicked", "unsubscribed"):
        return {}
    return dict(_merged(form))


def _merged(form: Form) -> Iterator[tuple[str, str]]:
    for name in dict.fromkeys(one.name for one in form):
        said = form.all(name)
        if name not in _SHOWN_WITHOUT_HEADERS:
            yield name, said[-1]
        elif name != "tag" and len(said) > 1:
            yield name, said[0] if name in _SIGNING else said[-1]


def _pairs(listed: object) -> Iterator[tuple[str, str]]:
    for pair in each({"of": listed}, "of"):
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, str) for one in pair):
            yield pair[0], pair[1]


def _inbound(form: Form, signed: _Signed) -> Event:
    raw = form.raw("body-mime") or _message(form)
    return Event(
        "inbound",
        key_of("inbound", signed.token),
        signed.token,
        at=epoch(signed.timestamp),
        recipient=form.first("recipient"),
        envelope_sender=form.first("sender"),
        stripped_text=form.first("stripped-text"),
        said=raw,
    )


def _message(form: Form) -> bytes:
    listed = json_of(form.raw("message-headers"))
    shown = [(name.title(), form.first(name)) for name in ("from", "subject") if form.first(name)]
    ids = json_of(form.raw("content-id-map"))
    shown_in = (
        {name: cid.strip("<>") for cid, name in ids.items() if isinstance(name, str)}
        if isinstance(ids, dict)
        else {}
    )
    files = [
        rebuilt.File(one.type, one.filename or "", one.value, shown_in.get(one.name, ""))
        for one in form.files()
    ]
    names = {one.name for one in form}
    text, html = (
        form.raw(name).decode("utf-8", "replace") if name in names else None
        for name in ("body-plain", "body-html")
    )
    return rebuilt.message([*_pairs(listed)] or shown, text, html, files)

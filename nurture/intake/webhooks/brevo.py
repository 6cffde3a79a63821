"""Brevo: transactional events as JSON, one at a time or in batches, and received mail. Nothing is signed.

Who knows the path's secret and the user and password is believed; what they may silence at once is limited
(`engine/braking.py`). Source: "Transactional webhooks", "Batched webhooks", "Secure webhook calls" and
"Inbound parsing" of Brevo's developer documentation. Events have no id: `id` is that of the webhook.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from nurture.intake.webhooks import rebuilt
from nurture.intake.webhooks.bouncing import bounce_of
from nurture.intake.webhooks.seam import Endpoint, Event, EventType, Heard, Refused, Request, is_plain
from nurture.intake.webhooks.strict import (
    digest_of,
    each,
    epoch,
    get,
    json_of,
    key_of,
    objects,
    said,
    word,
    words,
)


class _Means(NamedTuple):
    type: EventType
    reject_reason: str = ""
    bounce: str = ""


_OPENED, _CLICKED = _Means("opened"), _Means("clicked")
_SPAM, _LEFT = _Means("complained", "spam"), _Means("unsubscribed")
_EVENTS: Mapping[str, _Means] = {
    "request": _Means("queued"),
    "sent": _Means("sent"),
    "delivered": _Means("delivered"),
    "deferred": _Means("deferred"),
    "hard_bounce": _Means("bounced", "bounced", "hard"),
    "soft_bounce": _Means("bounced", "bounced", "soft"),
    "invalid_email": _Means("bounced", "invalid", "hard"),
    "invalid": _Means("bounced", "invalid", "hard"),
    "blocked": _Means("rejected", "blocked", "unknown"),
    "error": _Means("failed", "", "unknown"),
    "spam": _SPAM,
    "complaint": _SPAM,
    "unsubscribe": _LEFT,
    "unsubscribed": _LEFT,
    "opened": _OPENED,
    "open": _OPENED,
    "first_opening": _OPENED,
    "unique_opened": _OPENED,
    "proxy_open": _OPENED,
    "unique_proxy_open": _OPENED,
    "loaded_by_proxy": _OPENED,
    "click": _CLICKED,
    "clicked": _CLICKED,
    "list_addition": _Means("subscribed"),
}
"""`event`. blocked: Brevo's own list stopped it, for whatever reason somebody once got on it."""

_TOLD_APART = ("id", "event", "email", "message-id", "ts_epoch", "ts_event", "ts", "link", "reason")
_BATCHES = ("events", "batch", "data")


def hear(request: Request, endpoint: Endpoint) -> Heard | Refused:
    """One event or several, or messages that came."""
    if refused := is_plain(request, "application/json"):
        return refused
    value = json_of(request.body)
    if isinstance(value, Refused):
        return value
    is_mail = isinstance(get(value, "items"), list)
    if is_mail != (endpoint.takes == "mail"):
        other = "mail" if endpoint.takes == "events" else "events"
        return Refused(
            400, f"this belongs to an endpoint with takes = {other!r}, this one takes {endpoint.takes}"
        )
    found = objects(get(value, "items") if is_mail else _batch(value))
    if isinstance(found, Refused):
        return found
    return Heard(tuple(_inbound(one) if is_mail else _event(one) for one in found))


def _batch(value: object) -> object:
    """The events of a batch, which is a list, or an object that holds one."""
    if get(value, "event") is None:
        for name in _BATCHES:
            if isinstance(get(value, name), list):
                return get(value, name)
    return value


def _event(one: Mapping[str, Any]) -> Event:
    kind = word(one, "event")
    means = _EVENTS.get(kind, _Means("unknown"))
    reason, id = word(one, "reason"), word(one, "message-id").strip()
    verdict = means.bounce
    return Event(
        means.type,
        key_of(digest_of([one.get(name) for name in _TOLD_APART])),
        at=_when(one),
        recipient=word(one, "email"),
        message_id=id,
        reject_reason=means.reject_reason,
        mta_response=reason,
        click_url=word(one, "link"),
        user_agent=word(one, "user_agent"),
        tags=words(get(one, "tags")) or words(get(one, "tag")),
        metadata=_metadata(one),
        marks=(f"<{id.strip('<>')}>",) if id else (),
        bounce=bounce_of(verdict, "", reason) if verdict in ("hard", "soft") else verdict,
        said=said(one),
    )


def _when(one: Mapping[str, Any]) -> datetime | None:
    """`ts_epoch` (milliseconds) and `ts_event` are in UTC; `date` and `ts` are in the account's own time."""
    return epoch(get(one, "ts_epoch"), 1000) or epoch(get(one, "ts_event"))


def _metadata(one: Mapping[str, Any]) -> Mapping[str, object]:
    text = get(one, "X-Mailin-custom")
    found = json_of(text) if isinstance(text, str) else text
    return found if isinstance(found, dict) else {}


def _inbound(one: Mapping[str, Any]) -> Event:
    headers = list(_headers(one))
    id = next(iter(words(get(one, "Uuid"))), "")

    def header(wanted: str) -> str:
        return next((value for name, value in headers if name.lower() == wanted), "").strip(" <>")

    text, html = get(one, "RawTextBody"), get(one, "RawHtmlBody")
    return Event(
        "inbound",
        key_of("inbound", id or digest_of(one)),
        id,
        recipient=header("delivered-to"),
        envelope_sender=header("return-path"),
        stripped_text=word(one, "ExtractedMarkdownMessage"),
        said=rebuilt.message(
            headers, text if isinstance(text, str) else "", html if isinstance(html, str) else None
        ),
    )


def _headers(one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A header that stands once is a text, one that stands more often a list of them."""
    found = get(one, "Headers")
    for name, values in found.items() if isinstance(found, dict) else ():
        for value in each({"of": values}, "of") if isinstance(values, list) else [values]:
            yield name, word(value)

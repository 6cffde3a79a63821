"""One request of any provider -> what was heard, and what that is among all that comes back."""

from collections.abc import Callable, Mapping
from datetime import datetime

from nurture.delivery import printable
from nurture.intake.mail import read
from nurture.intake.returns import Bounce, Kind, Return
from nurture.intake.webhooks import brevo, mailgun, postmark, sendgrid, ses
from nurture.intake.webhooks.seam import Endpoint, Event, Heard, Refused, Request, WantsCertificate, admits
from nurture.intake.webhooks.sns import Certificates
from nurture.intake.webhooks.strict import clean, key_of

_READERS: Mapping[str, Callable[[Request, Endpoint], Heard | Refused]] = {
    "sendgrid": sendgrid.hear,
    "postmark": postmark.hear,
    "mailgun": mailgun.hear,
    "brevo": brevo.hear,
}
_KINDS: Mapping[str, Kind] = {
    "bounced": "bounced",
    "rejected": "bounced",
    "failed": "bounced",
    "complained": "complained",
    "unsubscribed": "unsubscribed",
    "autoresponded": "away",
    "delivered": "delivered",
    "deferred": "deferred",
    "opened": "opened",
    "clicked": "clicked",
}
"""What follows from an event; from any other nothing does."""


def hear(
    request: Request, endpoint: Endpoint, certificates: Certificates | None = None
) -> Heard | Refused | WantsCertificate:
    """What a request says, once it is known who sent it. Never raises.

    `certificates`: those of Amazon that are known already (SES alone): where one is wanted that is not among
    them, its address comes back, and the caller asks again with it.
    """
    if refused := admits(endpoint, request.secret, request.headers.get("authorization", "")):
        return refused
    if endpoint.provider == "ses":
        return ses.hear(request, endpoint, certificates or {})
    return _READERS[endpoint.provider](request, endpoint)


def returned(event: Event, now: datetime) -> tuple[Return, ...]:
    """An event as everything that came back is told. Received mail is read like mail from a mailbox: nothing
    in it is vouched for by whoever brought it here."""
    if event.type == "inbound":
        return _mail(event, now)
    kind = _KINDS.get(event.type, "other")
    bounce: Bounce = event.bounce or "unknown" if kind == "bounced" else ""  # type: ignore[assignment]
    words = event.mta_response or event.description
    return (
        Return(
            event.key,
            kind,
            event.at,
            marks=event.marks,
            addresses=(event.recipient,) if event.recipient else (),
            vouched=True,
            bounce=bounce,
            status=event.status[:20],
            words=_line(words),
            reason=_line(f"{event.type}: {event.reject_reason}" if event.reject_reason else event.type),
            raw=event.said,
        ),
    )


def _mail(event: Event, now: datetime) -> tuple[Return, ...]:
    if not event.said:
        return (Return(event.key, "other", event.at, words=_line(event.description or "an empty message")),)
    found = read(event.said, event.at or now)
    return tuple(
        one._replace(id=key_of(event.key, str(number)) if number else event.key, vouched=False)
        for number, one in enumerate(found)
    )


def _line(text: str) -> str:
    """Fit to be kept: no addresses, no line breaks."""
    return printable(clean(" ".join(text.split())))

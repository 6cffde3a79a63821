"""What every provider's reader takes and gives: a request as it came, and what was heard in it.

Readers are pure. They verify first, in constant time, and read afterwards; nothing that comes in makes them
raise. docs/webhooks.md says what each provider sends.
"""

import hmac
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

Provider = Literal["ses", "sendgrid", "postmark", "mailgun", "brevo"]
Takes = Literal["events", "mail"]
"""events: what became of our messages. mail: messages that people wrote to us."""

EventType = Literal[
    "queued", "sent", "rejected", "failed", "bounced", "deferred", "delivered", "autoresponded", "opened",
    "clicked", "complained", "unsubscribed", "subscribed", "inbound", "unknown",
]  # fmt: skip

MOST_EVENTS = 10_000
"""Events in one request; a batch of any provider is far smaller."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came. `headers`: by names in small letters. `secret`: the last part of its path."""

    body: bytes
    headers: Mapping[str, str]
    secret: str
    now: datetime

    @property
    def content_type(self) -> str:
        """The type alone, in small letters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of ours that a provider sends to, with all that is known of it.

    `secrets`: last parts of the path that are taken. `basic`: `user:password` pairs that are taken; none:
    nobody is asked. `keys`: Mailgun's signing keys, SendGrid's public keys (PEM or base64 DER). `topics`:
    the only ARNs that SNS may send from. `sha1`: whether SignatureVersion 1 is taken. `tolerance`: how far
    SendGrid's timestamp may be off. Several secrets, pairs or keys are for the days of a change.
    """

    name: str
    provider: Provider
    takes: Takes = "events"
    secrets: tuple[str, ...] = field(default=(), repr=False)
    basic: tuple[str, ...] = field(default=(), repr=False)
    keys: tuple[str, ...] = field(default=(), repr=False)
    topics: tuple[str, ...] = ()
    sha1: bool = False
    tolerance: timedelta = timedelta(minutes=10)

    @property
    def signed(self) -> bool:
        """Whether the provider's signature covers the body, so that only the provider can have written it."""
        return self.provider == "ses" or (self.provider == "sendgrid" and bool(self.keys))


class Refused(NamedTuple):
    """It is not taken: the HTTP status, and why, for the log alone."""

    status: int
    why: str


class Event(NamedTuple):
    """What a provider says happened to one message and one recipient.

    `id`: the provider's own id of it. `key`: what makes it the same when it comes again. `reject_reason`:
    bounced, invalid, blocked, spam, unsubscribed, timed_out or other. `mta_response`: what the receiver's
    server said. `bounce`: our class of it (hard, soft, block, content, unknown). `said`: the provider's own
    event as bytes; of `inbound` mail: the message.
    """

    type: EventType
    key: str
    id: str = ""
    at: datetime | None = None
    recipient: str = ""
    message_id: str = ""
    reject_reason: str = ""
    description: str = ""
    mta_response: str = ""
    status: str = ""
    click_url: str = ""
    user_agent: str = ""
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, object] = {}
    marks: tuple[str, ...] = ()
    bounce: str = ""
    envelope_sender: str = ""
    stripped_text: str = ""
    said: bytes = b""


class Notice(NamedTuple):
    """Something for the operator: kept, nothing follows. `confirm`: an address that asks to be visited."""

    key: str
    words: str
    confirm: str = ""
    said: bytes = b""


class Heard(NamedTuple):
    """A verified request. `once`: a token that may come again with the very same body alone."""

    events: tuple[Event, ...] = ()
    notices: tuple[Notice, ...] = ()
    once: str = ""


class WantsCertificate(NamedTuple):
    """It cannot be verified without the certificate at this address, which is one of Amazon's."""

    url: str


def admits(endpoint: Endpoint, secret: str, authorization: str) -> Refused | None:
    """Whether whoever asks knows the path's secret and, where there is one, a user and password."""
    if not _is_one_of(secret, endpoint.secrets):
        return Refused(403, "the secret in the path is not ours")
    if endpoint.basic and not _is_one_of(_credentials(authorization), endpoint.basic):
        return Refused(401, "user or password is missing or wrong")
    return None


def is_plain(request: Request, *types: str) -> Refused | None:
    """Whether the body is of one of these types and not compressed."""
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return Refused(400, "the body is compressed")
    if request.content_type not in types:
        return Refused(400, f"a body of type {request.content_type[:80]!r} is not what this provider sends")
    return None


def _credentials(authorization: str) -> str:
    kind, _, coded = authorization.partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return b64decode(coded.strip(), validate=True).decode()
    except ValueError:
        return ""


def _is_one_of(given: str, known: Sequence[str]) -> bool:
    """Compared with all of them, in a time that says nothing."""
    raw = given.encode("utf-8", "replace")
    return sum(hmac.compare_digest(raw, one.encode()) for one in known if one) > 0

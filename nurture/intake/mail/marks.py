"""Everything in a message that may name a message of ours: addresses, Message-IDs, unsubscribe links.

Marks are claims. The taker believes only those that bear our own signature.
"""

import re
from collections.abc import Iterable, Iterator

from nurture.intake.mail.headers import Headers
from nurture.intake.mail.message import Message

MOST_MARKS = 200
ADDRESS = re.compile(
    r"[^\s<>()\[\]:;,\"'=|/\\]{1,64}@(?:\[[A-Za-z0-9.:]{2,60}\]|[A-Za-z0-9._-]{1,254}[A-Za-z0-9])"
)
MESSAGE_ID = re.compile(r"<[^<>\s]{3,250}>")
_LINK = re.compile(r"<\s*((?:https?://|mailto:)[^<>\s]{1,2000})\s*>", re.IGNORECASE)

_TO_US = (
    "to", "cc", "delivered-to", "x-original-to", "original-recipient", "x-failed-recipients", "x-envelope-to",
    "envelope-to", "x-delivered-to", "x-forwarded-to", "apparently-to", "resent-to",
)  # fmt: skip
_FROM_US = ("return-path", "reply-to", "sender", "from", "x-return-path", "errors-to", *_TO_US)
_ANSWERED = ("in-reply-to", "references")


def marks_of(message: Message, *more: str) -> tuple[str, ...]:
    """The marks in the message's own head, in the heads of what it sent along, and `more`. No one twice.

    A machine that quotes our head as plain text gives its marks as `more`.
    """
    found = [*more, *_addresses(message.headers, _TO_US), *_ids(message.headers, _ANSWERED)]
    for head in message.originals:
        found += _of_our_own(head)
    return tuple(dict.fromkeys(found))[:MOST_MARKS]


def marks_of_head(head: Headers) -> tuple[str, ...]:
    """The marks in the head of a message of ours."""
    return tuple(dict.fromkeys(_of_our_own(head)))[:MOST_MARKS]


def addresses_in(value: str) -> Iterator[str]:
    """Every address written in a value."""
    return (match[0].strip(".") for match in ADDRESS.finditer(value))


def _of_our_own(head: Headers) -> Iterator[str]:
    for value in head.every("x-nurture-id"):
        if value and len(value) <= 200:
            yield f"<{value.strip('<> ')}@>" if "@" not in value else f"<{value.strip('<> ')}>"
    yield from _ids(head, ("message-id", *_ANSWERED))
    yield from _links(head)
    yield from _addresses(head, _FROM_US)


def _addresses(head: Headers, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        for value in head.every(name):
            yield from addresses_in(value)


def _ids(head: Headers, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        for value in head.every(name):
            yield from MESSAGE_ID.findall(value)


def _links(head: Headers) -> Iterator[str]:
    for value in head.every("list-unsubscribe"):
        for link in _LINK.findall(value):
            yield from addresses_in(link) if link[:7].lower() == "mailto:" else (link,)

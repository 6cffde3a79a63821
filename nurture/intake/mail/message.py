"""One raw message taken apart: its head, its parts in order, and what of our own mail was sent along.

MIME is read leniently (RFC 2045, 2046): missing or torn boundaries, unknown charsets and encodings, parts
without a head. Hostile input costs bounded time: `LARGEST` bytes, `MOST_PARTS` parts and `DEEPEST` levels are
looked at, the rest is as if it were not there. Nothing here raises.
"""

import binascii
import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from nurture.intake.mail.charsets import decoded
from nurture.intake.mail.headers import Headers, parted, unbase64

LARGEST = 2_000_000
MOST_PARTS = 300
DEEPEST = 12
LONGEST_TEXT = 200_000
"""Characters of one part's text."""

_HELD = ("message/rfc822", "message/global", "message/news")
_HEADS = ("text/rfc822-headers", "message/rfc822-headers", "message/global-headers")
_BREAKS = re.compile(r"<(?:br|/?p|/?div|/?tr|/?li|/?h[1-6]|/?table|/?title|hr)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_UNSEEN = ("script", "style", "head")


class Part(NamedTuple):
    """One leaf of a message, or a message held in it.

    `type`: content type in lower case. `headers`: of the part. `body`: its bytes with the transfer encoding
    undone. `returned`: whether it stands inside a message that was sent along. `original`: the head of the
    message that this part holds (message/rfc822, text/rfc822-headers), else empty.
    """

    type: str
    headers: Headers
    body: bytes
    returned: bool = False
    original: Headers = Headers()

    @property
    def text(self) -> str:
        """The body as text with single line feeds; HTML without its tags."""
        text = decoded(self.body[: LONGEST_TEXT * 4], self.headers.parameter("charset"))[:LONGEST_TEXT]
        return seen_of(text) if self.type == "text/html" else text


class Message(NamedTuple):
    """A message: its head, its leaves in order (those of held messages among them), and its bytes."""

    headers: Headers
    parts: tuple[Part, ...]
    raw: bytes

    @property
    def type(self) -> str:
        """The content type of the whole."""
        return self.headers.type

    @property
    def own(self) -> tuple[Part, ...]:
        """The leaves that the writer wrote: not those of a message sent along."""
        return tuple(part for part in self.parts if not part.returned)

    @property
    def text(self) -> str:
        """What the writer wrote, as plain text: the plain parts, or the HTML where there are none."""
        own = [
            part for part in self.own if not part.headers.first("content-disposition").startswith("attach")
        ]
        for kind in ("text/plain", "text/html"):
            text = "\n".join(part.text for part in own if part.type == kind)[:LONGEST_TEXT]
            if text.strip():
                return text
        return ""

    @property
    def originals(self) -> tuple[Headers, ...]:
        """The heads of the messages that were sent along, outermost first."""
        return tuple(part.original for part in self.parts if part.original.fields)


def parse(raw: bytes) -> Message:
    """Take a message apart. Any bytes are a message; where nothing else fits they are its text."""
    whole = raw[:LARGEST].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    headers, body = parted(whole)
    return Message(headers, tuple(_leaves(headers, body)), raw)


def seen_of(markup: str) -> str:
    """What a person sees of HTML, as lines."""
    for name in _UNSEEN:
        markup = _without(markup, name)
    text = html.unescape(_TAG.sub(" ", _BREAKS.sub("\n", markup)))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _without(markup: str, name: str) -> str:
    """HTML without the elements of this name; one that never ends reaches to the end."""
    kept, place, low = [], 0, markup.lower()
    while (start := low.find(f"<{name}", place)) >= 0:
        if low[start + 1 + len(name) : start + 2 + len(name)].isalnum():
            kept.append(markup[place : start + 2])
            place = start + 2
            continue
        kept.append(markup[place:start])
        end = low.find(f"</{name}", start)
        if end < 0:
            return "".join(kept)
        place = end
    return "".join([*kept, markup[place:]])


def _leaves(headers: Headers, body: bytes) -> Iterator[Part]:
    """The leaves in reading order. A stack of our own: depth cannot exhaust Python's."""
    waiting = [(headers, body, 0, False)]
    found = 0
    while waiting and found < MOST_PARTS:
        headers, body, depth, returned = waiting.pop()
        inner = _pieces(headers, body) if depth < DEEPEST else []
        if inner:
            waiting += [(*parted(piece), depth + 1, returned) for piece in reversed(inner)]
            continue
        found += 1
        part = _leaf(headers, body, returned)
        if part.type in _HELD and depth < DEEPEST:
            head, held = parted(part.body)
            waiting.append((head, held, depth + 1, True))
            part = part._replace(original=head)
        elif part.type in _HEADS:
            part = part._replace(original=parted(part.body)[0])
        yield part


def _leaf(headers: Headers, body: bytes, returned: bool) -> Part:
    encoding = headers.first("content-transfer-encoding").strip().lower()
    if encoding == "base64":
        body = unbase64(body)
    elif encoding == "quoted-printable":
        body = binascii.a2b_qp(body)
    if encoding in ("base64", "quoted-printable"):
        body = body.replace(b"\r\n", b"\n")
    kind = headers.type
    return Part("text/plain" if kind.startswith("multipart/") else kind, headers, body, returned)


def _pieces(headers: Headers, body: bytes) -> list[bytes]:
    """The parts of a multipart body; none where it is not one, or no boundary is in it."""
    boundary = headers.parameter("boundary")[:200] if headers.type.startswith("multipart/") else ""
    if not boundary:
        return []
    line = re.compile(
        rb"^--" + re.escape(boundary.encode("utf-8", "replace")) + rb"(--)?[ \t]*$", re.MULTILINE
    )
    pieces: list[bytes] = []
    start = -1
    for match in line.finditer(body):
        if start >= 0:
            pieces.append(body[start : max(start, match.start() - 1)])
        start = -1 if match[1] else match.end() + 1
        if len(pieces) >= MOST_PARTS:
            return pieces
    if 0 <= start < len(body):
        pieces.append(body[start:])
    return pieces

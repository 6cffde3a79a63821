"""The head of a message or of a part: names and values, unfolded, read leniently (RFC 5322, RFC 2047)."""

import binascii
import re
from collections.abc import Iterator
from email.message import Message as Parameters
from typing import NamedTuple

from nurture.intake.mail.charsets import decoded

MOST_FIELDS = 1_000
LONGEST_HEAD = 300_000
"""Bytes of a head that are looked at; what goes on longer is skipped to its end."""
LONGEST_VALUE = 20_000
"""Characters of one unfolded value that are kept: a thousand References fit."""
LONGEST_DECODED = 2_000
"""Characters of a value in which encoded words are looked for, or parameters."""

_FIELD = re.compile(rb"([!-9;-~]{1,100})[ \t]*:[ \t]*(.*)", re.DOTALL)
_WORD = re.compile(r"=\?([A-Za-z0-9_.:-]{1,40})(?:\*[^?]{0,20})?\?([BbQq])\?([^?\n]*)\?=")
_BETWEEN_WORDS = re.compile(r"(?<=\?=)[ \t]+(?==\?)")


class Headers(NamedTuple):
    """The fields of one head in order, names in lower case, values unfolded and not yet decoded."""

    fields: tuple[tuple[str, str], ...] = ()

    def first(self, name: str) -> str:
        """The first value under this name (in lower case), as written; nothing where there is none."""
        return next(self.every(name), "")

    def every(self, name: str) -> Iterator[str]:
        """Every value under this name (in lower case), as written."""
        return (value for field, value in self.fields if field == name)

    def spoken(self, name: str) -> str:
        """The first value with its encoded words decoded: a subject, a name."""
        return words_of(self.first(name))

    def parameter(self, name: str, of: str = "content-type") -> str:
        """A parameter of a structured field, like the boundary of a content type."""
        parameters = Parameters()
        parameters["content-type"] = self.first(of)[:LONGEST_DECODED]
        try:
            value = parameters.get_param(name, "")
            text = value if isinstance(value, str) else str(value[2]) if value else ""
        except (ValueError, LookupError, TypeError, AttributeError):
            return ""
        return text.strip()

    @property
    def type(self) -> str:
        """The content type without its parameters, in lower case; text/plain where none is readable."""
        value = self.first("content-type").partition(";")[0].strip().lower()
        return value if re.fullmatch(r"[!-~]{1,80}", value) and value.count("/") == 1 else "text/plain"


def parted(raw: bytes) -> tuple[Headers, bytes]:
    """The head and the body of a message whose lines end with a line feed."""
    raw = raw.lstrip(b"\n")
    fields: list[tuple[str, list[bytes]]] = []
    place = 0
    while place < len(raw):
        if place > LONGEST_HEAD:
            return _unfolded(fields), raw[place:].partition(b"\n\n")[2]
        end = raw.find(b"\n", place)
        end = len(raw) if end < 0 else end
        line = raw[place:end]
        if not line.strip():
            return _unfolded(fields), raw[end + 1 :]
        if line[:1] in b" \t" and fields:
            fields[-1][1].append(line[:LONGEST_VALUE])
        elif match := _FIELD.match(line[:LONGEST_VALUE]):
            fields.append((match[1].decode("ascii").lower(), [match[2]]))
        elif not line.startswith((b"From ", b">From ")):
            return _unfolded(fields), raw[place:]
        place = end + 1
    return _unfolded(fields), b""


def words_of(value: str) -> str:
    """A value with its encoded words decoded (RFC 2047), on one line."""
    joined = _BETWEEN_WORDS.sub("", value[:LONGEST_DECODED])
    spoken: list[str] = []
    held, charset, place = b"", "", 0
    for match in _WORD.finditer(joined):
        if match.start() > place or match[1].lower() != charset:
            spoken += [decoded(held, charset), joined[place : match.start()]]
            held = b""
        # A character of several bytes may be cut between two words of one charset.
        held, charset, place = held + _bytes_of(match[2], match[3]), match[1].lower(), match.end()
    spoken += [decoded(held, charset), joined[place:]]
    return " ".join("".join(spoken).split())


def _unfolded(fields: list[tuple[str, list[bytes]]]) -> Headers:
    return Headers(
        tuple(
            (name, decoded(b" ".join(line.strip() for line in lines)[:LONGEST_VALUE], ""))
            for name, lines in fields[:MOST_FIELDS]
        )
    )


def _bytes_of(encoding: str, text: str) -> bytes:
    raw = text.encode("ascii", "ignore")
    if encoding in "Qq":
        return binascii.a2b_qp(raw, header=True)
    return unbase64(raw)


def unbase64(raw: bytes) -> bytes:
    """Base64 read leniently: what is no letter of it is skipped, a torn end is dropped."""
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    whole = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))

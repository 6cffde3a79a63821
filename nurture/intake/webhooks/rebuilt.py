"""A message put together again from the fields that a provider took it apart into.

It is only ever read, never sent. Names and values come from strangers: a line break in them ends no header,
and what is not ASCII is written as RFC 2047 says.
"""

import re
from base64 import encodebytes
from collections.abc import Iterable, Sequence
from email.header import Header
from email.utils import formataddr, getaddresses
from hashlib import sha256
from typing import NamedTuple

_NAME = re.compile(r"[!-9;-~]{1,76}", re.ASCII)
_OURS = ("content-type", "content-transfer-encoding", "content-disposition", "mime-version")
_ADDRESSES = ("from", "to", "cc", "bcc", "reply-to", "sender", "return-path", "delivered-to")
_REPORTS = {"message/delivery-status": "delivery-status", "message/feedback-report": "feedback-report"}
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,60}", re.ASCII)
MOST_HEADERS = 300


class File(NamedTuple):
    """What was attached. `cid`: where the text shows it, its id there."""

    type: str
    name: str
    content: bytes
    cid: str = ""


def message(
    headers: Iterable[tuple[str, str]], text: str | None, html: str | None, files: Sequence[File] = ()
) -> bytes:
    """The message. A header that is no header is left out; text and HTML become UTF-8."""
    lines = [line for name, value in list(headers)[:MOST_HEADERS] if (line := _header(name, value))]
    texts = [_text(kind, words) for kind, words in (("plain", text), ("html", html)) if words is not None]
    inner = _multipart("alternative", texts) if len(texts) > 1 else "".join(texts)
    report = next((_REPORTS[kind] for one in files if (kind := _type(one.type)) in _REPORTS), "")
    if files:
        kind = f"report; report-type={report}" if report else "mixed"
        inner = _multipart(kind, [*([inner] if inner else []), *map(_file, files)])
    whole = "".join(f"{line}\n" for line in lines) + "MIME-Version: 1.0\n" + (inner or "\n")
    return whole.encode("utf-8", "surrogateescape")


def _multipart(kind: str, parts: Sequence[str]) -> str:
    """Parts with a boundary that stands in none of them: nobody writes a text that holds its own hash."""
    boundary = f"=_nurture_{sha256(''.join(parts).encode('utf-8', 'surrogateescape')).hexdigest()[:32]}"
    inside = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n{inside}--{boundary}--\n'


def _text(kind: str, words: str) -> str:
    coded = encodebytes(words.encode("utf-8", "replace")).decode()
    return f"Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{coded}"


def _file(one: File) -> str:
    """A message or a report keeps its form, so that a reader finds what is in it."""
    kind = _type(one.type)
    if kind.startswith("message/"):
        return f"Content-Type: {kind}\n\n{one.content.decode('utf-8', 'surrogateescape')}"
    name = _value("", one.name.replace('"', ""))
    shown = f"inline\nContent-ID: <{_value('', one.cid)}>" if one.cid else "attachment"
    disposition = (
        shown.replace("\n", f'; filename="{name}"\n', 1) if one.cid else f'{shown}; filename="{name}"'
    )
    coded = encodebytes(one.content).decode()
    return (
        f"Content-Type: {kind}\nContent-Disposition: {disposition}\n"
        f"Content-Transfer-Encoding: base64\n\n{coded}"
    )


def _type(said: str) -> str:
    kind = said.partition(";")[0].strip().lower()
    return kind if _TYPE.fullmatch(kind) and not kind.startswith("multipart/") else "application/octet-stream"


def _header(name: str, value: str) -> str:
    if not _NAME.fullmatch(name) or name.lower() in _OURS:
        return ""
    return f"{name}: {_value(name.lower(), value)}"


def _value(name: str, value: str) -> str:
    line = " ".join(value.split()).encode("utf-8", "replace").decode()
    line = re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", " ", line)
    if line.isascii():
        return line
    if name in _ADDRESSES:
        return ", ".join(_mailbox(who, address) for who, address in getaddresses([line]))
    return Header(line, "utf-8", maxlinelen=900).encode()


def _mailbox(who: str, address: str) -> str:
    try:
        return formataddr((who, address))
    except UnicodeError:  # an address that is not ASCII has no other spelling
        return f"<{address}>"

"""A letter as the bytes of a message, with headers that nobody can add to.

The standard library's e-mail package is not trusted with values from outside: some versions in use decode
an encoded word in a header's value and write the line break inside it as a line break (CVE-2024-6923), and
all fold a long List-Unsubscribe until no mailbox can read it. So the lines are our own: values that could be
read as more than text are refused, machine-read headers stand on one line, and the library reads what came
out, to be compared with what was meant. (Its writing of two parts alone would cost ten times the rest.)
"""

import re
from binascii import b2a_qp
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import AddressHeader
from email.parser import BytesHeaderParser
from email.policy import default
from email.utils import format_datetime, formataddr
from functools import lru_cache

LONGEST_LINE = 998
"""Characters of one line of a message (RFC 5322 2.1.1)."""
LONGEST_TEXT = 500
"""Characters of a subject or a display name."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNSENDABLE = re.compile(r"[\x00\ud800-\udfff]")
_ENCODED_WORD = re.compile(r"=\?[^?]*\?[bq]\?", re.IGNORECASE)
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=.{{3,254}}\Z){_ATOM}(?:\.{_ATOM})*(?<!.{{65}})@{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_LINK = re.compile(r"(?:https?://|mailto:)[!-;=?-~]+", re.ASCII)
_LONGEST_QUOTED = 76
_DOTTED = re.compile(rb"^\.[^\r\n]*", re.MULTILINE)
_ABOVE = b"""Content-Type: text/%b; charset="utf-8"\r
Content-Transfer-Encoding: quoted-printable\r
\r
"""
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>", re.ASCII)


class BadLetter(ValueError):
    """This letter cannot become a message. The text says which part and why, and repeats no value."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address in its normal form (ASCII: an international domain as its A-label), and a name."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything one message says. Headers left empty are left out.

    `message_id` with its angle brackets; `nurture_id` opaque; `unsubscribe_url` https (http in a workshop)
    and `unsubscribe_mail` a mailto address; `list_id` what stands between the angle brackets and
    `list_name` before them; `feedback_id` `sequence:piece:account:nurture`. A letter to a colleague has
    neither list nor unsubscribe.
    """

    message_id: str
    nurture_id: str
    date: datetime
    sender: Mailbox
    to: Mailbox
    subject: str
    text: str
    html: str
    reply_to: Mailbox | None = None
    unsubscribe_url: str = ""
    unsubscribe_mail: str = ""
    list_id: str = ""
    list_name: str = ""
    feedback_id: str = ""


_READER = BytesHeaderParser(policy=default)


def build(letter: Letter) -> bytes:
    """The message, lines ended by CRLF: text part first, then HTML, both quoted-printable.

    Raises BadLetter where a value could be read as more than it says, or does not survive the journey.
    """
    return head_of(letter) + body_of(letter, _part("text", letter.text), _part("html", letter.html))


def head_of(letter: Letter) -> bytes:
    """The headers, read back and compared with what was meant. Raises BadLetter."""
    headers = _headers(letter)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers).encode("ascii")
    _assert_as_meant(head, headers, letter)
    if max(map(len, head.split(b"\r\n"))) > LONGEST_LINE:
        raise BadLetter("a line came out too long")
    return head


def body_of(letter: Letter, text: bytes, html: bytes) -> bytes:
    """What follows the headers: the kind of message, then both parts, which are quoted-printable already."""
    boundary = _boundary(letter).encode("ascii")
    return b"".join((
        b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="%b"\r\n' % boundary,
        b"\r\n--%b\r\n" % boundary, _ABOVE % b"plain", text,
        b"\r\n--%b\r\n" % boundary, _ABOVE % b"html", html,
        b"\r\n--%b--\r\n" % boundary,
    ))  # fmt: skip


def quoted(text: str) -> bytes:
    """Text as quoted-printable lines (RFC 2045, 6.7), every line ended by CRLF.

    No line begins with a dot, which SMTP would double. Raises BadLetter.
    """
    if _UNSENDABLE.search(text):
        raise BadLetter("characters that cannot be sent")
    lines = text.encode("utf-8").splitlines()
    raw = b2a_qp(b"\r\n".join(lines) + b"\r\n")
    return _DOTTED.sub(_undotted, raw) if raw.startswith(b".") or b"\n." in raw else raw


def prove_headers_hold() -> None:
    """The start-up test: the known attacks on this Python's e-mail package must fail here.

    Raises RuntimeError where one goes through, or a long unsubscribe link does not come out whole.
    """
    link = "https://example.com/u/" + "A" * 200
    moment = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    me = Mailbox("a@example.com", "A")
    letter = Letter("<n1.a@example.com>", "a", moment, me, me, "Hello", "a", "<p>a</p>", unsubscribe_url=link)
    if f"\r\nList-Unsubscribe: <{link}>\r\n".encode() not in build(letter):
        raise RuntimeError("a long List-Unsubscribe is broken: messages cannot be built safely here")
    for attack in ("=?utf-8?q?a=0D=0ABcc:_b@example.com?=", "a\r\nBcc: b@example.com", "a\u2028Bcc: b"):
        _prove_refused(attack, letter, moment)


def _prove_refused(attack: str, letter: Letter, moment: datetime) -> None:
    hostile = Letter(letter.message_id, "a", moment, letter.sender, letter.to, attack, "a", "a")
    try:
        build(hostile)
    except BadLetter:
        return
    raise RuntimeError("a header can be added through a subject: messages cannot be built safely here")


def _headers(letter: Letter) -> list[tuple[str, str]]:
    if not _MESSAGE_ID.fullmatch(letter.message_id):
        raise BadLetter("Message-ID is not one")
    headers = [
        ("Date", format_datetime(letter.date)),
        ("From", _mailbox("From", letter.sender)),
        ("To", _mailbox("To", letter.to)),
        ("Subject", _encoded("Subject", _text("Subject", letter.subject))),
        ("Message-ID", letter.message_id),
        ("X-Nurture-ID", _one_line("X-Nurture-ID", letter.nurture_id)),
        ("Auto-Submitted", "auto-generated"),
    ]
    if letter.reply_to is not None:
        headers.append(("Reply-To", _mailbox("Reply-To", letter.reply_to)))
    if letter.unsubscribe_url:
        headers.append(("List-Unsubscribe", _one_line("List-Unsubscribe", _unsubscribe(letter))))
        headers.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    if letter.list_id:
        headers.append(("List-Id", _one_line("List-Id", _list_id(letter))))
    if letter.feedback_id:
        headers.append(("Feedback-ID", _one_line("Feedback-ID", letter.feedback_id)))
    return headers


def _boundary(letter: Letter) -> str:
    """The same in every try; quoted-printable text never holds `=_`, so no part can hold it."""
    return "=_" + re.sub(r"[^A-Za-z0-9]", "", letter.message_id)[:60]


def _plain(name: str, value: str) -> str:
    """`value` if nothing in it can be taken for more than text."""
    if _CONTROL.search(value):
        raise BadLetter(f"{name} holds a control character")
    if _ENCODED_WORD.search(value):
        raise BadLetter(f"{name} holds encoded-word syntax")
    return value


def _text(name: str, value: str) -> str:
    if len(value) > LONGEST_TEXT:
        raise BadLetter(f"{name} is longer than {LONGEST_TEXT} characters")
    return " ".join(_plain(name, value).split())


def _one_line(name: str, value: str) -> str:
    """A value that programs read: as it is, never folded."""
    if not _plain(name, value).isascii() or len(name) + 2 + len(value) > LONGEST_LINE:
        raise BadLetter(f"{name} does not fit one ASCII line")
    return value


def _encoded(name: str, text: str) -> str:
    """Text of a header: folded where it is ASCII, else as encoded words of at most 76 characters."""
    charset = "us-ascii" if text.isascii() else "utf-8"
    return Header(text, charset, header_name=name, maxlinelen=76).encode(linesep="\r\n")


def _mailbox(name: str, mailbox: Mailbox) -> str:
    if not mailbox.address.isascii():
        raise BadLetter(f"{name}: smtputf8_unsupported: the address is not ASCII")
    if not _ADDRESS.fullmatch(mailbox.address):
        raise BadLetter(f"{name} is not one plain address")
    address = _plain(name, mailbox.address)
    words = _text(name, mailbox.name)
    return formataddr((words, address)) if words.isascii() else f"{_encoded(name, words)}\r\n <{address}>"


def _unsubscribe(letter: Letter) -> str:
    ways = [letter.unsubscribe_url]
    if letter.unsubscribe_mail:
        ways.append(letter.unsubscribe_mail)
    if not all(_LINK.fullmatch(way) for way in ways):
        raise BadLetter("List-Unsubscribe is not a plain link")
    return ", ".join(f"<{way}>" for way in ways)


def _list_id(letter: Letter) -> str:
    name = _text("List-Id", letter.list_name)
    if not re.fullmatch(r"[A-Za-z0-9._-]+", letter.list_id) or re.search(r'[<>"\\()]', name):
        raise BadLetter("List-Id is not one")
    return f"{name} <{letter.list_id}>" if name else f"<{letter.list_id}>"


def _part(name: str, value: str) -> bytes:
    try:
        return quoted(value)
    except BadLetter as why:
        raise BadLetter(f"the {name} part holds {why}") from None


def _undotted(found: re.Match[bytes]) -> bytes:
    """A line of quoted-printable that began with a dot; still of at most 76 characters."""
    line = found.group()
    if len(line) <= _LONGEST_QUOTED - 2:
        return b"=2E" + line[1:]
    return b"=2E=\r\n" + _DOTTED.sub(_undotted, line[1:])


def _assert_as_meant(head: bytes, headers: list[tuple[str, str]], letter: Letter) -> None:
    found = _READER.parsebytes(head + b"\r\n")
    if Counter(found.keys()) != Counter(name for name, _ in headers) or found.defects:
        raise BadLetter("the headers that came out are not the headers that went in")
    lines = dict(found.raw_items())
    for name, mailbox in (("To", letter.to), ("From", letter.sender), ("Reply-To", letter.reply_to)):
        if mailbox is not None and not _is_alone(lines[name], name, mailbox):
            raise BadLetter(f"{name} did not come out as the one address it is")
    if _read_subject(lines["Subject"]) != _text("Subject", letter.subject):
        raise BadLetter("Subject did not come out as it went in")
    if re.search(rb"[^\r]\n|\r[^\n]", head):
        raise BadLetter("a line came out broken")


def _is_alone(line: str, name: str, mailbox: Mailbox) -> bool:
    """Whether a header line holds this mailbox and nothing else; without a name, letter by letter."""
    if not mailbox.name:
        return line == mailbox.address
    return _read_mailboxes(name, line) == ((_squeezed(mailbox.name), mailbox.address),)


@lru_cache(maxsize=1024)
def _read_mailboxes(name: str, line: str) -> tuple[tuple[str, str], ...]:
    """Names and addresses in a header line, as the library reads them. Most lines are the same every time."""
    header = default.header_fetch_parse(name, line)
    assert isinstance(header, AddressHeader)
    return tuple((_squeezed(each.display_name), each.addr_spec) for each in header.addresses)


@lru_cache(maxsize=1024)
def _read_subject(line: str) -> str:
    return str(default.header_fetch_parse("Subject", line))


def _squeezed(value: str) -> str:
    """Without spaces: this Python's parser invents one between two encoded words of a name."""
    return "".join(value.split())

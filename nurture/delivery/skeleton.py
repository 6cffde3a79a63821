"""A message serialised once per piece, and filled with bytes per recipient.

`mime` says what a message is. Here its bytes stand ready, cut where recipients differ. In the parts every
such place has a line of its own between soft breaks (RFC 2045, 6.7, rule 5), so what is the same for everyone
keeps its lines. A header's place takes only what is plainly one plain value; anything else has the headers
written, read back and compared anew by `mime`, which also says what is refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from nurture.delivery.mime import BadLetter, Letter, Mailbox, body_of, head_of, quoted

SUBJECT = "nqsubject"
"""The subject of a sample letter where subjects differ."""
_CORE_SAMPLE = "nqcore".ljust(32, "q")
_TOKEN_SAMPLE = "nqtoken".ljust(38, "q")
_ANSWER_SAMPLE = "r+nqanswer".ljust(35, "q")
_STOP_SAMPLE = "u+nqstop".ljust(35, "q")
_NOBODY = "nqrecipient@nqplace.invalid"
_SOMETIME = datetime(1999, 9, 9, 9, 9, 9, tzinfo=UTC)

# Where a filling has what; the tokens and values come last.
_DATE, _TO, _SUBJECT, _CORE, _ANSWER, _STOP, _TOKENS = range(7)
_IN_HEAD = {
    format_datetime(_SOMETIME).encode(): (_DATE, 1),
    _NOBODY.encode(): (_TO, 1),
    SUBJECT.encode(): (_SUBJECT, 1),
    _CORE_SAMPLE.encode(): (_CORE, 2),
    _ANSWER_SAMPLE.encode(): (_ANSWER, 1),
    _STOP_SAMPLE.encode(): (_STOP, 1),
    _TOKEN_SAMPLE.encode(): (_TOKENS, 1),
}
"""What stands in for each, and how often it stands in the headers, if it does at all."""
_HEAD_PLACE = re.compile(b"(" + b"|".join(re.escape(sample) for sample in _IN_HEAD) + b")")
_BODY_PLACE = re.compile(rb"\0([0-9]+)\0|" + _CORE_SAMPLE.encode())
_BOUNDARIES = 4
_SOFT = b"=\r\n"

_USUAL_ADDRESS = re.compile(
    r"[A-Za-z0-9_+-]++(?:\.[A-Za-z0-9_+-]++)*+@[A-Za-z0-9]++(?:(?:\.|-++)[A-Za-z0-9]++)*+", re.ASCII
)
_LONGEST_ADDRESS = 64  # no part of it can then be too long
_USUAL_SUBJECT = re.compile(r"[!-~]++(?: [!-~]++)*+")
_LONGEST_SUBJECT = 60  # it stands on one line
_USUAL_VALUE = re.compile(r"(?!\.)[!-<>-~]++(?: [!-<>-~]++)*+")
_LONGEST_VALUE = 75  # and a soft break


class Recipient(NamedTuple):
    """One recipient's part of every message. `tokens`: the one to unsubscribe first, then by place.

    `answer` and `stop`: the local parts that take answers and that unsubscribe, where mail comes back to us.
    """

    message_id: str
    date: datetime
    address: str
    unsubscribe_url: str
    tokens: Sequence[bytes]
    answer: str = ""
    stop: str = ""


def sample(domain: str, unsubscribe: str, *, comes_back: bool) -> Recipient:
    """Nobody, for the letter that a skeleton is made of. `unsubscribe`: what stands before the token."""
    answer, stop = (_ANSWER_SAMPLE, _STOP_SAMPLE) if comes_back else ("", "")
    id = f"<n1.{_CORE_SAMPLE}@{domain}>"
    return Recipient(id, _SOMETIME, _NOBODY, unsubscribe + _TOKEN_SAMPLE, (), answer, stop)


class _Frame:
    """Bytes with places."""

    def __init__(self, parts: list[bytes], places: Sequence[int]) -> None:
        self._parts, self._pick = parts, itemgetter(*places)

    def filled(self, filling: Sequence[bytes]) -> bytes:
        out = self._parts.copy()
        out[1::2] = self._pick(filling)
        return b"".join(out)


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The bytes of one piece's messages."""

    _letter: Letter
    _head: _Frame
    _body: _Frame

    def fill(self, one: Recipient, subject: str, values: Sequence[str]) -> bytes:
        """The message of this recipient. `values` are text, in HTML escaped.

        Raises BadLetter where `mime.build` does.
        """
        if self._letter.subject != SUBJECT:
            subject = ""  # the same for everyone, so it stands there already
        usual = is_usual_address(one.address) and (not subject or is_usual_subject(subject))
        filling = [
            _date(one.date), one.address.encode() if usual else b"", subject.encode() if usual else b"",
            one.message_id[4:36].encode(), one.answer.encode(), one.stop.encode(), *one.tokens,
            *map(_written, values),
        ]  # fmt: skip
        head = self._head.filled(filling) if usual else self._unusual_head(one, subject)
        return head + self._body.filled(filling)

    def _unusual_head(self, one: Recipient, subject: str) -> bytes:
        letter = self._letter
        return head_of(
            replace(
                letter,
                message_id=one.message_id,
                nurture_id=letter.nurture_id.replace(_CORE_SAMPLE, one.message_id[4:36]),
                date=one.date,
                to=Mailbox(one.address),
                subject=subject or letter.subject,
                unsubscribe_url=one.unsubscribe_url,
                reply_to=_answered(letter.reply_to, one.answer),
                unsubscribe_mail=letter.unsubscribe_mail.replace(_STOP_SAMPLE, one.stop),
            )
        )


def _answered(reply_to: Mailbox | None, answer: str) -> Mailbox | None:
    """Where answers go: the sample's place taken by the recipient's own."""
    return reply_to and Mailbox(reply_to.address.replace(_ANSWER_SAMPLE, answer), reply_to.name)


def compile_skeleton(letter: Letter, text: Sequence[str | int], html: Sequence[str | int]) -> Skeleton:
    """The skeleton of a letter to `sample`, whose subject is SUBJECT if subjects differ.

    `text` and `html`: its parts as runs of text and numbers of places, with text at the end. Places below
    the number of tokens are theirs, the others the values'. Raises BadLetter where no message of this kind
    can be written.
    """
    head = _HEAD_PLACE.split(head_of(letter))
    samples = head[1::2]
    absent = {_SUBJECT} if letter.subject != SUBJECT else set()
    absent |= set() if letter.unsubscribe_mail else {_ANSWER, _STOP}
    for sample, (place, times) in _IN_HEAD.items():
        if samples.count(sample) != (0 if place in absent else times):
            raise BadLetter("a header holds what stands for another value")
    body = _BODY_PLACE.split(body_of(letter, _lines(text), _lines(html)))
    numbers = [_CORE if number is None else _TOKENS + int(number) for number in body[1::2]]
    if numbers.count(_CORE) != _BOUNDARIES:
        raise BadLetter("a part holds what stands for another value")
    return Skeleton(letter, _Frame(head, [_IN_HEAD[sample][0] for sample in samples]), _Frame(body, numbers))


def is_usual_address(address: str) -> bool:
    """Whether it is one address and nothing else, on a short line: no sign in it means anything."""
    return len(address) <= _LONGEST_ADDRESS and _USUAL_ADDRESS.fullmatch(address) is not None


def is_usual_subject(subject: str) -> bool:
    """Whether it stands as it is on one line: visible ASCII, single spaces, no encoded word."""
    usual = len(subject) <= _LONGEST_SUBJECT and _USUAL_SUBJECT.fullmatch(subject) is not None
    return usual and "=?" not in subject


def _written(value: str) -> bytes:
    """A value as quoted-printable, beginning on a line of its own and followed by a soft break."""
    if len(value) <= _LONGEST_VALUE and _USUAL_VALUE.fullmatch(value):
        return value.encode()
    return _within(value).removesuffix(_SOFT)


def _within(text: str) -> bytes:
    """Text that goes on: nothing at its end is at the end of a line, and a soft break has room."""
    return quoted(text + "\x01").removesuffix(b"=01\r\n")


def _lines(runs: Sequence[str | int]) -> bytes:
    """A part with its places, each on a line of its own."""
    out = list[bytes]()
    for number, run in enumerate(runs):
        if number and isinstance(runs[number - 1], int):
            out.append(_SOFT)
        if isinstance(run, int):
            out.append(b"\0%d\0" % run)
        elif number == len(runs) - 1:
            out.append(quoted(run))
        else:
            before = _within(run)
            out.append(before if before.endswith(b"\n") else before + _SOFT)
    return b"".join(out)


@lru_cache(maxsize=8)
def _date(moment: datetime) -> bytes:
    return format_datetime(moment).encode()

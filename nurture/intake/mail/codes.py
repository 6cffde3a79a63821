"""What the words of servers carry: reply codes and enhanced codes; and how they are kept."""

import re
from typing import NamedTuple

from nurture.delivery import printable

LONGEST_SAID = 4_000

_ENHANCED = re.compile(r"(?<![\d.v])([245])\.(\d)\.(\d{1,3})(?![\d.]*\.\d|\d)")
_REPLY = re.compile(
    r"(?<![\d./@=-])(?<!\d:)([45]\d\d)(?=[ -]|$|[;:,)#])(?! (?:bytes|kb|mb|hours|minutes|seconds|days))", re.I
)


class Codes(NamedTuple):
    """`reply`: three digits of RFC 5321, 0 where none. `status`: enhanced code of RFC 3463, or nothing."""

    reply: int
    status: str


def codes_in(said: str) -> Codes:
    """The codes in a server's words. The enhanced code nearest to the reply code counts, if there is one."""
    said = said[:LONGEST_SAID]
    found = [match[0] for match in _ENHANCED.finditer(said)]
    telling = [code for code in found if not code.endswith(".0.0")] or found
    reply = _REPLY.search(said)
    return Codes(int(reply[1]) if reply else 0, telling[0] if telling else "")


def one_line(said: str) -> str:
    """Words fit to be kept: one line, at most 300 characters, addresses replaced."""
    return printable(said[:LONGEST_SAID]).strip()

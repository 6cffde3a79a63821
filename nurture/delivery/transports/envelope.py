"""A message as it goes over the wire: MAIL and RCPT with their addresses, the bytes that follow DATA.

An address stands between angle brackets in a command: nothing in it may end the command or add to it. The
domain goes as its A-label (RFC 5890); letters outside ASCII before the @ need SMTPUTF8 (RFC 6531).
"""

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

LONGEST_PATH = 254
"""Characters of an address (RFC 5321 4.5.3.1.3, without the brackets)."""

_USUAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]+")
_ENCODED_WORD = re.compile(r"=\?[^?]*\?[bq]\?", re.IGNORECASE)
_LINE_START_DOT = re.compile(rb"\n\.")


class BadAddress(ValueError):
    """An address that cannot stand in a command. Its text says why, and repeats none of it."""


def path(address: str) -> bytes:
    """An address as a command carries it: all ASCII, unless its mailbox needs SMTPUTF8. Raises BadAddress."""
    if not address.isascii():
        address = _international(address)
    elif not _USUAL.fullmatch(address):
        raise BadAddress("the address cannot be put into a command")
    if len(address) > LONGEST_PATH:
        raise BadAddress(f"the address has more than {LONGEST_PATH} characters")
    if "=?" in address and _ENCODED_WORD.search(address):
        raise BadAddress("the address holds an encoded word")
    return address.encode()


def _international(address: str) -> str:
    try:
        known = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise BadAddress("the address cannot be put into a command") from None
    return known.ascii_email or f"{known.local_part}@{known.ascii_domain}"


@lru_cache(maxsize=64)
def mail_command(sender: str, utf8: bool) -> bytes:
    """MAIL for a sender; few senders send all there is. Raises BadAddress."""
    return b"MAIL FROM:<%b>%b\r\n" % (path(sender), b" SMTPUTF8" if utf8 else b"")


def on_the_wire(raw: bytes) -> bytes:
    """The message as DATA carries it: dots at the start of a line doubled, the end marked."""
    if _LINE_START_DOT.search(raw):  # half the price of looking with `in`
        raw = _LINE_START_DOT.sub(b"\n..", raw)
    if raw.startswith(b"."):
        raw = b"." + raw
    return raw + (b".\r\n" if raw.endswith(b"\r\n") else b"\r\n.\r\n")

"""E-mail addresses: one spelling for one mailbox, and nothing that a mail server would refuse.

Folded: capitals, spaces around, full-width letters and dots of the domain, the domain to its ASCII form.
Refused: letters outside ASCII before the @ (few servers take them, and most are look-alikes), quoted
local parts, bare hosts, address literals, reserved domains.
"""

import re

from email_validator import EmailNotValidError, validate_email

LONGEST = 254
LONGEST_LOCAL = 64

_USUAL = re.compile(
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24})"
)
"""Nearly all addresses, for which asking the library again and again is too slow."""

_RESERVED = frozenset({"arpa", "invalid", "local", "localhost", "onion"})


class NoAddress(ValueError):
    """Its text says what is wrong with the address."""


def normalise(text: str) -> str:
    """The one spelling under which a mailbox is stored and compared. Raises NoAddress."""
    address = text.strip().lower()
    if not address:
        raise NoAddress("there is no e-mail address")
    if len(address) > LONGEST:
        raise NoAddress(f"an address has at most {LONGEST} characters")
    if address.find("@") > LONGEST_LOCAL:
        raise NoAddress(f"an address has at most {LONGEST_LOCAL} characters before the @")
    usual = _USUAL.fullmatch(address)
    if usual and usual[1].rpartition(".")[2] not in _RESERVED:
        return address
    try:
        known = validate_email(
            address, check_deliverability=False, allow_smtputf8=False, test_environment=True
        )
    except EmailNotValidError as wrong:
        raise NoAddress(f"{text[:80]!r} is no e-mail address: {_plain(wrong)}") from None
    return f"{known.local_part.lower()}@{known.ascii_domain.lower()}"


def _plain(wrong: Exception) -> str:
    words = str(wrong).rstrip(".")
    return words[:1].lower() + words[1:]

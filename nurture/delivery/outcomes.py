"""What became of one attempt to hand a message over.

`code` is the server's three digits, 0 where no server spoke. `words` are the server's or ours, with
addresses replaced. `whose` says whose trouble it is: the message's own, the server's (down, out of order),
or the account's (the server does not let us in); only the first is a try of this message.
"""

import re
from dataclasses import dataclass

WORDS_AT_MOST = 300

_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"'=]+@[^\s<>()\[\]:;,\"']+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The other side answered for the message: it was sent."""

    code: int
    words: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now, and certainly not sent: another try is safe. `wait`: seconds the server asked for, or 0."""

    code: int
    words: str
    whose: str = "message"  # message, server, account
    wait: float = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """Never: the server refused this message for good."""

    code: int
    words: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The body was on its way and no clear answer came. It is never tried again by itself."""

    words: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Our own fence said no: nothing of the body left."""


Outcome = Accepted | Deferred | Failed | InDoubt | Refused


def printable(words: str, *private: str) -> str:
    """`words` fit to be kept: one line, at most 300 characters, addresses and `private` texts replaced."""
    for text in private:
        # Looked for first: compiling a pattern for each address costs more than all the rest.
        if text and (not words.isascii() or text.casefold() in words.casefold()):
            words = re.sub(re.escape(text), "<address>", words, flags=re.IGNORECASE)
    words = _ADDRESS.sub("<address>", _UNPRINTABLE.sub(" ", words[: 8 * WORDS_AT_MOST]))
    return " ".join(words.replace("<<address>>", "<address>").split())[:WORDS_AT_MOST]

"""What became of one attempt to hand a message over.

`code` is the server's three digits, 0 where no server spoke. `words` are the verb and the server's words, or
ours, with addresses replaced; the enhanced code (RFC 3463) stands in them. `whose` says whose trouble it is,
and so who has to wait:

- message: this message or its recipient alone, as a full mailbox or greylisting. A try of this message.
- domain: the recipient's domain wants less of us: 421 once a recipient was named, or 4.7.x that is no
  greylisting; a Failed of theirs is a block, 5.7.x. A try of this message, and the domain's others slow down.
- server: the server that takes our mail is down, shutting down or out of step. Nobody's try: the pass ends.
- account: the server does not let us in, or mail of our domain does not prove that it is ours (5.7.26,
  5.7.515, 4.7.32 and their like, RFC 7372), even at the end of data: a refusal there is clear, nothing was
  accepted. Nobody's try: the pass ends, and a person has to look; `words` say at what.
"""

import re
from dataclasses import dataclass
from typing import Literal

WORDS_AT_MOST = 300

Whose = Literal["message", "domain", "server", "account"]

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
    whose: Whose = "message"
    wait: float = 0

    @property
    def is_a_try(self) -> bool:
        """Whether it counts as a try of this message; if not, others would fare the same just now."""
        return self.whose in ("message", "domain")


@dataclass(frozen=True, slots=True)
class Failed:
    """Never: this message was refused for good, by the server (`code`) or before it came to that (0)."""

    code: int
    words: str
    whose: Whose = "message"


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
    words = words[: 8 * WORDS_AT_MOST]
    if not words.isprintable():
        words = _UNPRINTABLE.sub(" ", words)
    if "@" in words:
        words = _ADDRESS.sub("<address>", words)
    return " ".join(words.replace("<<address>>", "<address>").split())[:WORDS_AT_MOST]

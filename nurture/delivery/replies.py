"""What a server's refusal means: whose trouble it is, and when to try again.

Codes and classes: RFC 5321, RFC 3463, RFC 7372. A reply of class 5.7 is a policy of theirs, never the
prospect's fault; only the listed codes and words say that an address does not exist.
"""

import re
from datetime import timedelta

from nurture.delivery.diagnosis import diagnose
from nurture.delivery.outcomes import Deferred, Failed, Whose

LONGEST_WAIT = timedelta(hours=24)

_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_CONTENT = frozenset({"5.3.4"})
_UNPROVEN = frozenset(f".7.{detail}" for detail in (*range(20, 28), 29, 30, 32, 515))
"""Our mail does not prove whose it is: RFC 7372 (DKIM, SPF, PTR), and what Google and Microsoft add to it."""
_SIGN_IN = frozenset({530, 534, 535, 538})
_NO_RELAY = re.compile(
    r"\brelay(ing)?\b.{0,40}\b(denied|not permitted|prohibited|not allowed)|unable to relay", re.I
)
_GREYLIST = re.compile(r"grey-?list|gray-?list|try again later", re.IGNORECASE)
_WAIT = re.compile(r"\b(\d{1,6})\s*(seconds?|secs?|s|minutes?|mins?|m|hours?|h)\b", re.IGNORECASE)
_TRY = re.compile(r"again|retry|wait|later|delay", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def outcome_of(verb: str, code: int, words: str) -> Deferred | Failed:
    """What a refusal at `verb` makes of the message. `words` are printable already.

    An answer that is no refusal (2xx where 354 was due, 3xx, 1xx) means that the two sides are out of step:
    nothing has left, so another try is safe, on another connection.
    """
    said = f"{verb}: {code} {words}"
    if not 400 <= code < 600:
        return Deferred(max(code, 0), said, whose="server")
    if _is_about_our_account(verb, code, words):
        return Deferred(code, said, whose="account")
    if code < 500:
        return Deferred(code, said, _whose_delay(verb, code, words), wait_asked(words))
    return Failed(code, said, "domain" if enhanced(words).startswith("5.7.") else "message")


def bounce_kind(code: int, words: str) -> str:
    """hard: the address does not exist. soft: it may later. block: they do not want us. content: this text.

    Bare 550 and 554 are taken for a block unless their words say that nobody is there.
    """
    kind = diagnose(code, enhanced(words), words).bounce
    return "block" if kind == "unknown" else kind


def enhanced(words: str) -> str:
    """The enhanced status code (RFC 3463) in a server's words, or nothing."""
    match = _ENHANCED.search(words)
    return match[1] if match else ""


def is_greylisted(code: int, words: str) -> bool:
    """Whether the server only wants to see us again in a few minutes."""
    return code in (450, 451) and (enhanced(words) == "4.7.1" or _GREYLIST.search(words) is not None)


def is_closing(code: int) -> bool:
    """Whether the server ends the conversation with this reply."""
    return code == 421


def wait_asked(words: str) -> float:
    """Seconds the server asks us to wait, at most 24 hours; 0 where it names none."""
    match = _WAIT.search(words)
    if match is None or not _TRY.search(words):
        return 0
    seconds = int(match[1]) * _SECONDS[match[2][0].lower()]
    return min(seconds, LONGEST_WAIT.total_seconds())


def _is_about_our_account(verb: str, code: int, words: str) -> bool:
    status = enhanced(words)
    if code in _SIGN_IN or status[1:] in _UNPROVEN or (code >= 500 and _NO_RELAY.search(words)):
        return True
    # A refused MAIL is about the sender, unless it is about this message's size.
    return verb == "MAIL" and code >= 500 and code != 552 and status not in _CONTENT


def _whose_delay(verb: str, code: int, words: str) -> Whose:
    """Before a recipient was named nothing can be about their domain."""
    slower = is_closing(code) or (enhanced(words).startswith("4.7.") and not is_greylisted(code, words))
    if not slower:
        return "message"
    return "server" if verb in ("RSET", "MAIL") else "domain"

"""Why a server refused a message, and what that means for the person: one table for every way we hear of it.

Words come first, because servers mean what they say more often than what they number: a full mailbox is
reported as 5.1.1, a blocklist as 5.0.0. Then the enhanced code (RFC 3463, RFC 7372, RFC 7504, RFC 7505), then
the reply code (RFC 5321). A policy, class 5.7, is never taken for a dead address, and nothing temporary is.
"""

import re
from typing import Literal, NamedTuple

from nurture.delivery.wording import BAD, WHO, WORDS

Bounce = Literal["hard", "soft", "block", "content", "unknown"]
LONGEST_SAID = 1_200
"""Characters of a server's words that are looked at."""


class Diagnosis(NamedTuple):
    """What a refusal means: `bounce` as in `intake.returns.Bounce`, and our name of the reason."""

    bounce: Bounce
    reason: str


_FITS = tuple(
    (reason, re.compile(words.replace("WHO", WHO).replace("BAD", BAD), re.IGNORECASE))
    for reason, words in WORDS.items()
)

_MEANINGS: dict[Bounce, tuple[str, ...]] = {
    "hard": ("no such mailbox", "no such domain", "mailbox moved", "takes no mail"),
    "soft": (
        "mailbox full", "mailbox suspended", "too much mail", "routing loop", "nobody answered", "given up",
        "protocol error", "trouble at their end", "their program failed", "filtered",
    ),
    "block": (
        "relaying denied", "not allowed to post", "sender refused", "no proof of who sent it",
        "no reverse name", "on a blocklist", "taken for spam", "refused by the person", "policy",
    ),
    "content": ("message too big", "virus", "unwelcome content", "malformed"),
}  # fmt: skip
_MEANS = {reason: bounce for bounce, reasons in _MEANINGS.items() for reason in reasons}

_STATUS = {
    "1.1": "no such mailbox", "1.2": "no such domain", "1.3": "no such mailbox",
    "1.4": "trouble at their end", "1.6": "mailbox moved", "1.7": "sender refused",
    "1.8": "sender refused", "1.10": "takes no mail",
    "2.1": "no such mailbox", "2.2": "mailbox full", "2.3": "message too big", "2.4": "trouble at their end",
    "3.1": "mailbox full", "3.2": "trouble at their end", "3.3": "trouble at their end",
    "3.4": "message too big", "3.5": "trouble at their end", "4.1": "nobody answered",
    "4.2": "nobody answered", "4.3": "nobody answered", "4.4": "no such domain", "4.5": "too much mail",
    "4.6": "routing loop", "4.7": "given up", "5.3": "too much mail",
}  # fmt: skip
"""Exact subjects and details of RFC 3463."""
_SUBJECT = {
    "3": "trouble at their end",
    "4": "nobody answered",
    "5": "protocol error",
    "6": "malformed",
    "7": "policy",
}
_CODE = {552: "message too big", 521: "takes no mail", 556: "takes no mail", 525: "mailbox suspended"}
_SURE = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"})
"""Codes that say by themselves that nobody is there: only a more telling word speaks against them."""
_VAGUE = frozenset({"protocol error", "policy", "trouble at their end", "malformed", "given up"})
"""Reasons whose words occur in any refusal: an exact code is better."""
_OTHER = frozenset({"1.7", "1.8", "2.2", "2.3", "3.4", "4.6", "4.7"})
_TRY_AGAIN = re.compile(r"try again|temporar|time[d-]? ?out", re.IGNORECASE)
_FOR_NOW = re.compile(r"temporar|currently (?:un|not )", re.IGNORECASE)
_AFTER_DATA = re.compile(
    r"(?:in reply to|after) (?:the )?(?:end of )?data\b|^(?:end of )?data: ", re.IGNORECASE
)


def diagnose(reply_code: int, enhanced_status: str, text: str) -> Diagnosis:
    """What a refusal means. `reply_code` is 0 and `enhanced_status` empty where nobody says them.

    The words may say at which command it came: an address called unknown only once the message itself was
    there is a filter's answer, as Japanese carriers give it, unless the code is of an unknown address. So is
    one with 5.2.0, which says that the mailbox exists.
    """
    said = " ".join(text[:LONGEST_SAID].split())
    subject = enhanced_status.partition(".")[2]
    reason = _reason(reply_code, subject, said)
    bounce = _MEANS.get(reason, "unknown")
    if enhanced_status.startswith("4") or (not enhanced_status and 400 <= reply_code < 500):
        return Diagnosis("soft", reason or "not now")
    if reason == "no such domain" and _TRY_AGAIN.search(said):
        return Diagnosis("soft", "nobody answered")
    if bounce == "hard":
        return _doubted(reason, subject, said) or Diagnosis("hard", reason)
    return Diagnosis(bounce, reason or "no reason given")


def _doubted(reason: str, subject: str, said: str) -> Diagnosis | None:
    """What it is instead, where something speaks against a dead address."""
    if subject.startswith("7."):
        return Diagnosis("block", "policy")
    if subject == "2.0" and reason == "no such mailbox":
        return Diagnosis("soft", "filtered")
    if subject not in _SURE and _AFTER_DATA.search(said):
        return Diagnosis("soft", "filtered")
    if subject not in _SURE and reason == "no such mailbox" and _FOR_NOW.search(said):
        return Diagnosis("soft", "mailbox suspended")
    return None


def _reason(reply_code: int, subject: str, said: str) -> str:
    spoken = next((reason for reason, words in _FITS if words.search(said)), "")
    coded = _STATUS.get(subject, "")
    if coded and (not spoken or spoken in _VAGUE or _speaks_of_another(spoken, subject)):
        return coded
    return spoken or _SUBJECT.get(subject.partition(".")[0], "") or _CODE.get(reply_code, "")


def _speaks_of_another(spoken: str, subject: str) -> bool:
    """Whether the words call the address dead and the code names something else for certain."""
    return _MEANS[spoken] == "hard" and subject in _OTHER

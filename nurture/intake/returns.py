"""What came back, as every way in tells it: mailbox, provider webhooks. docs/returns.md.

Readers are pure: they say what a message or an event claims, and everything in it that may name a message
of ours. None of it is believed before our own signature on it is verified, which is the taker's work
(`engine.proof`).
"""

from datetime import datetime
from typing import Literal, NamedTuple

Kind = Literal[
    "bounced", "complained", "unsubscribed", "replied", "away", "contacted", "delivered", "deferred",
    "opened", "clicked", "other",
]  # fmt: skip
"""bounced: see `bounce`. complained: the person called us spam. unsubscribed: no more. replied: a person
wrote. away: a machine of theirs answered. contacted: a colleague wrote to the person. delivered: the
receiver's server has it. deferred: somebody tries again. opened, clicked: as a provider counts them. other:
kept and counted, nothing follows from it."""

Bounce = Literal["", "hard", "soft", "block", "content", "unknown"]
"""hard: there is no such mailbox. soft: not now. block: they do not want mail from us, which is nobody's
fault at the other end. content: this message cannot be taken. unknown: nobody can say."""


class Return(NamedTuple):
    """One thing that came back.

    `id`: what makes it the same when it comes again, from the same channel. `at`: when it happened (UTC),
    None where nobody says. `marks`: everything that may name a message of ours: recipients' addresses with a
    token, Message-IDs in angle brackets, unsubscribe links. `addresses`: whom it is about, as it says itself.
    `vouched`: whoever told us proved who they are and that the mail was ours, so that an address is enough
    to know the person (provider webhooks); else only a verified mark is. `status`: enhanced code of RFC 3463,
    like 5.1.1. `words`: what was said, one line. `reason`: our name for why, like "no such mailbox".
    `until`: away until then. `text`: what a person wrote, without quotes and signature. `by`: the colleague
    who wrote. `one_click`: the person asked by RFC 8058, at the provider. `recipient`: the one address a
    report of a server is about, where it names one.
    """

    id: str
    kind: Kind
    at: datetime | None = None
    marks: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    vouched: bool = False
    bounce: Bounce = ""
    status: str = ""
    words: str = ""
    reason: str = ""
    until: datetime | None = None
    text: str = ""
    by: str = ""
    one_click: bool = False
    raw: bytes = b""
    recipient: str = ""

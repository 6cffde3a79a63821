"""What comes back: requests to tracked addresses, mail, events of providers, confirmations."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from nurture.store.tables.rows import Row, big, json, numbered, owner, some, somebody

_SILENCING = "kind IN ('unsubscribed', 'complained')"
_UNMAILED = "mail_due_at IS NOT NULL AND mailed_at IS NULL"


class Hit(Row, table=True):
    """A raw request to a tracked address. Never a fact until it is settled as a person's."""

    __tablename__ = "hits"
    __table_args__ = (
        some("ix_hits_unsettled", "at", where="settled_at IS NULL"),
        Index("ix_hits_message", "prospect", "touch"),
        some("ix_hits_visitor", "visitor", where="visitor IS NOT NULL AND prospect IS NULL"),
        some("ix_hits_rules", "rules", "at", where="settled_at IS NOT NULL AND touch IS NOT NULL"),
        some("ix_hits_agents", "at", where="forgotten_at IS NULL AND settled_at IS NOT NULL"),
        some("ix_hits_strangers", "at", where="prospect IS NULL"),
        some("ix_hits_network", "network", "at", where="kind = 'click' AND network <> ''"),
        CheckConstraint("kind IN ('click', 'open', 'page')", name="kind_known"),
        CheckConstraint("verdict IS NULL OR verdict IN ('human', 'machine', 'unsure')", name="verdict_known"),
    )

    id: int | None = numbered()
    prospect: int | None = somebody(index=False)
    touch: int | None = big(default=None)
    """Touch id; None for a page view without one. It is looked for together with `prospect`: a hit is written
    before it is answered, and each index in which people are scattered costs a page of its own."""
    kind: str
    link: int = 0
    url: str = ""
    at: datetime
    method: str = "GET"
    agent: str = ""
    network: str = ""
    """The address cut to /24 or /48."""
    prefetch: bool = False
    manner: str = ""
    """What else a browser would have said: that it wants a page, in which languages. Empty: nobody looked."""
    settled_at: datetime | None = None
    verdict: str | None = None
    reasons: list[str] = json(default_factory=list)
    rules: str = ""
    """Under which rules it was judged: a hash of theirs."""
    fact: int | None = None
    """The number of the fact it became."""
    visitor: str | None = None
    """A browser that our pages may recognise; a stranger's view joins them when they say who they are."""
    forgotten_at: datetime | None = None
    """When all but the family of the agent was forgotten."""


class VisitorRow(Row, table=True):
    """Whose a browser is that our pages may recognise: the last person who said so in it."""

    __tablename__ = "visitors"

    visitor: str = Field(primary_key=True)
    prospect: int = owner(index=True)
    since: datetime


class ReturnRow(Row, table=True):
    """What came back about a message or a person: mail, or an event of a provider. Kept whatever it is."""

    __tablename__ = "returns"
    __table_args__ = (
        UniqueConstraint("channel", "external_id"),
        some("ix_returns_unmailed", "mail_due_at", where=_UNMAILED),
        some("ix_returns_held", "id", where="held"),
        some("ix_returns_unproven", "prospect", "received_at", where=_SILENCING),
    )

    id: int | None = numbered()
    channel: str
    """mailbox, or webhook and the endpoint's name: webhook:ses-main."""
    external_id: str
    """What makes it the same when it comes again."""
    kind: str = Field(index=True)
    """As `intake.returns.KINDS`."""
    at: datetime
    received_at: datetime
    prospect: int | None = somebody()
    touch: int | None = big(default=None)
    bounce: str = ""
    status: str = ""
    words: str = ""
    """What the server or the report said, addresses replaced."""
    text: str = ""
    """What a person wrote, without quotes and signature."""
    raw: bytes | None = Field(default=None, sa_type=LargeBinary)
    """All that came, compressed (zlib)."""
    held: bool = False
    """Waits for a person, because too many like it came at once from a sender who signs nothing."""
    mail_due_at: datetime | None = None
    """When a colleague is to be told of it."""
    mail_attempts: int = 0
    mailed_at: datetime | None = None


class Confirmation(Row, table=True):
    """A permission asked for on a form: it counts once the owner of the address has said so by mail."""

    __tablename__ = "confirmations"
    __table_args__ = (some("ix_confirmations_unmailed", "mail_due_at", where=_UNMAILED),)

    id: int | None = numbered()
    prospect: int = owner(index=True)
    form: str
    words: str
    """What was agreed to, in the words it was asked in."""
    asked_at: datetime
    network: str = ""
    """Where the form came from, the address cut to /24 or /48."""
    mail_due_at: datetime | None
    """When the mail that asks is to leave; empty where none is sent."""
    mail_attempts: int = 0
    mailed_at: datetime | None = None
    confirmed_at: datetime | None = None
    said: str = ""
    """What the server said last, addresses replaced."""


HITS = Row.metadata.tables["hits"]
VISITORS = Row.metadata.tables["visitors"]
RETURNS = Row.metadata.tables["returns"]
CONFIRMATIONS = Row.metadata.tables["confirmations"]

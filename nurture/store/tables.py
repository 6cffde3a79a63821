"""The tables: rows for storage, not the domain. One schema on SQLite and PostgreSQL.

Invariants stand here, as named constraints, because every program that writes passes them. All instants
are UTC. A touch's id is `prospect << 20 | decision`, so it needs no round trip and its Message-ID is
known before the row is.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

LIVE = ("queued", "claimed", "fenced", "deferred")
OUTCOMES = ("sent", "failed", "suppressed", "cancelled", "expired", "in_doubt")
HANDOFF_STATES = (
    "open", "accepted", "rejected", "recycled", "opportunity", "won", "lost", "withdrawn", "recalled",
)  # fmt: skip


def _words(*words: str) -> str:
    return "(" + ", ".join(f"'{word}'" for word in words) + ")"


_LIVE_SQL = f"state IN {_words(*LIVE)}"
_CANCELLED_SQL = "cancelled AND state IN ('queued', 'deferred')"
_IN_LINE_SQL = "line IS NOT NULL AND state IN ('queued', 'deferred')"
_UNMAILED_SQL = "mail_due_at IS NOT NULL AND mailed_at IS NULL"
_JUDGED_SQL = "settled_at IS NOT NULL AND touch IS NOT NULL"
_PLACED_SQL = "kind = 'click' AND network <> ''"
_STRANGER_SQL = "visitor IS NOT NULL AND prospect IS NULL"
_COUNTED_SQL = f"{_LIVE_SQL} OR outcome IN ('sent', 'in_doubt')"

DECISION_BITS = 20


def touch_id(prospect: int, decision: int) -> int:
    """The id of a touch: a prospect makes fewer than a million decisions."""
    return prospect << DECISION_BITS | decision


def whose_touch(id: int) -> tuple[int, int]:
    """Prospect and decision of a touch."""
    return id >> DECISION_BITS, id & ((1 << DECISION_BITS) - 1)


class Row(SQLModel):
    """The base of all tables: one metadata, one naming convention."""

    metadata = MetaData(naming_convention=NAMING)


def _big(**more: Any) -> Any:
    return Field(sa_type=BigInteger, **more)


def _json(**more: Any) -> Any:
    return Field(sa_type=JSON().with_variant(JSONB(), "postgresql"), **more)


def _owner(*, primary: bool = False, index: bool = False) -> Any:
    """A prospect's number; what belongs to a person goes with the person."""
    return Field(
        sa_column=Column(
            BigInteger,
            ForeignKey("prospects.id", ondelete="CASCADE"),
            primary_key=primary,
            nullable=False,
            index=index,
        )
    )


class Prospect(Row, table=True):
    """One person: identity, personal values, the folded snapshot and when to look again."""

    __tablename__ = "prospects"
    __table_args__ = (
        UniqueConstraint("address"),
        Index("ix_prospects_due", "wake_at", "id", sqlite_where=text("wake_at IS NOT NULL"),
              postgresql_where=text("wake_at IS NOT NULL")),
        CheckConstraint("wake_at IS NOT NULL OR wake_reason <> ''", name="wakes_or_says_why_not"),
        CheckConstraint("folded >= 0 AND folded <= n", name="counts_facts"),
        {"sqlite_autoincrement": True},  # a number is never given twice: touches are named after it
    )  # fmt: skip

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True,
                         autoincrement=True),
    )  # fmt: skip
    address: str | None = None
    """Normalised e-mail address (lower case, IDNA domain); None once erased."""
    account: str = Field(default="", index=True)
    kind: str = "person"
    """person, or test: the same code, but never in reports."""
    personal: dict[str, Any] = _json(default_factory=dict)
    """Personal attribute values: they stand here and nowhere else."""
    source: str = ""
    source_kind: str = "unknown"
    campaign: str = ""
    entered_at: datetime
    n: int = 0
    """Facts recorded so far; the next one is n + 1."""
    folded: int = 0
    """The last fact that is in the snapshot."""
    lifecycle: str = Field(default="new", index=True)
    stage: str = ""
    snapshot: bytes | None = Field(default=None, sa_type=LargeBinary)
    mark: str = ""
    """FOLD version and hash of the weights the snapshot was folded under."""
    wake_at: datetime | None = None
    wake_reason: str = ""
    errors: int = 0
    """Internal errors in a row; at 5 the prospect is quarantined (wake_at empty, reason says so)."""


class EnrollmentRow(Row, table=True):
    """Who is in which sequence now, kept by the wake: for apply and reports. The journey decides."""

    __tablename__ = "enrollments"

    prospect: int = _owner(primary=True)
    sequence: str = Field(primary_key=True, index=True)
    since: datetime


class FactRow(Row, table=True):
    """One fact. Append-only."""

    __tablename__ = "facts"
    __table_args__ = (
        Index("uq_facts_channel_external_id", "channel", "external_id", unique=True,
              sqlite_where=text("external_id IS NOT NULL"),
              postgresql_where=text("external_id IS NOT NULL")),  # so our own facts have no entry
        CheckConstraint("n >= 1", name="counts_from_one"),
    )  # fmt: skip

    prospect: int = _owner(primary=True)
    n: int = Field(primary_key=True)
    at: datetime
    known: datetime
    programme: str
    kind: str
    body: bytes = Field(sa_type=LargeBinary)
    """msgpack of the body's fields."""
    channel: str | None = None
    external_id: str | None = None


class TouchRow(Row, table=True):
    """The outbox: one row a touch, from chosen to its one end."""

    __tablename__ = "touches"
    __table_args__ = (
        UniqueConstraint("prospect", "decision"),
        Index("uq_touches_live", "prospect", unique=True, sqlite_where=text(_LIVE_SQL),
              postgresql_where=text(_LIVE_SQL)),
        Index("uq_touches_occurrence", "prospect", "piece", "occurrence", unique=True,
              sqlite_where=text(_COUNTED_SQL), postgresql_where=text(_COUNTED_SQL)),
        Index("ix_touches_due", "due_at", "id", sqlite_where=text("state IN ('queued', 'deferred')"),
              postgresql_where=text("state IN ('queued', 'deferred')")),
        Index("ix_touches_doubt", "ended_at", sqlite_where=text("outcome = 'in_doubt'"),
              postgresql_where=text("outcome = 'in_doubt'")),
        Index("ix_touches_cancelled", "id", sqlite_where=text(_CANCELLED_SQL),
              postgresql_where=text(_CANCELLED_SQL)),
        Index("ix_touches_line", "line", "in_line_since", "id", sqlite_where=text(_IN_LINE_SQL),
              postgresql_where=text(_IN_LINE_SQL)),
        Index("ix_touches_busy", "state", sqlite_where=text("state IN ('claimed', 'fenced')"),
              postgresql_where=text("state IN ('claimed', 'fenced')")),
        CheckConstraint(f"state IN {_words(*LIVE, 'ended')}", name="state_known"),
        CheckConstraint(f"outcome IS NULL OR outcome IN {_words(*OUTCOMES)}", name="outcome_known"),
        CheckConstraint("(state = 'ended') = (outcome IS NOT NULL)", name="ended_means_outcome"),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_means_when"),
    )  # fmt: skip

    id: int = _big(primary_key=True)
    prospect: int = _owner()
    decision: int
    piece: str
    occurrence: int = 1
    sequence: str
    stage: str
    programme: str
    chosen_at: datetime
    opens: datetime
    closes: datetime
    expires: datetime
    zone: str
    state: str = "queued"
    outcome: str | None = None
    due_at: datetime
    """The next instant at which it may be claimed: `opens`, or the next try. In a line: its closing."""
    line: str | None = None
    """The receiver whose pace it waits for, '' for the account's own; None while it waits for its time."""
    in_line_since: datetime | None = None
    """When it was due before it came into the line, which keeps this order."""
    attempts: int = 0
    cancelled: bool = False
    """The fence refuses it, whoever has claimed it."""
    owner: str = ""
    epoch: int = 0
    lease_until: datetime | None = None
    fenced_at: datetime | None = None
    ended_at: datetime | None = None
    words: str = ""
    """What the server said last, addresses replaced."""
    resent_at: datetime | None = None
    """When it went back to the queue from in doubt: once at most."""
    held_at: datetime | None = None
    """Since when it is in doubt until a person says what became of it."""


class PaceRow(Row, table=True):
    """How fast mail leaves through an account, in all (receiver '') and to one receiver. Seconds are UTC,
    since 1970."""

    __tablename__ = "paces"
    __table_args__ = (
        Index("ix_paces_line", "next_at", sqlite_where=text("next_at IS NOT NULL"),
              postgresql_where=text("next_at IS NOT NULL")),
        {"sqlite_with_rowid": False},  # read and written by its key alone
    )  # fmt: skip

    account: str = Field(primary_key=True)
    receiver: str = Field(primary_key=True)
    """A provider's name, or a domain that stands for itself; '' is the account's own row."""
    log: str = ""
    """What was let go lately: second and how many, by turns, as JSON."""
    next_at: int | None = _big(default=None)
    """The second at which its line moves on; None where nobody stands in line."""
    rate: int | None = None
    """Messages in any minute, as it was last; None: no limit."""
    seen: int = _big(default=0)
    """The latest second at which mail was let go here; of the account, also at which it was looked at."""
    day: int = 0
    """The day of the warm-up, as a proleptic number, that `today` counts."""
    today: int = 0
    drops: int = 0
    """Steps that the warm-up was set back."""


class Tally(Row, table=True):
    """What servers said in one hour, for an account in all (receiver '') and for a receiver."""

    __tablename__ = "tallies"

    account: str = Field(primary_key=True)
    receiver: str = Field(primary_key=True)
    hour: int = Field(primary_key=True, index=True)
    """Hours since 1970."""
    part: int = Field(primary_key=True)
    """Whoever counts has a row of his own, so that nobody waits for another's commit: add them up."""
    accepted: int = 0
    deferred: int = 0
    hard: int = 0
    blocked: int = 0
    complaints: int = 0


class Breaker(Row, table=True):
    """Why an account or a receiver gets less than its pace, or nothing. Closed ones have no row."""

    __tablename__ = "breakers"
    __table_args__ = (
        CheckConstraint("state IN ('warned', 'paused', 'stopped')", name="state_known"),
        CheckConstraint("kind IN ('complaints', 'bounces', 'deferrals', 'account')", name="kind_known"),
        CheckConstraint("(state = 'paused') = (until IS NOT NULL)", name="paused_means_until"),
    )

    account: str = Field(primary_key=True)
    receiver: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    state: str
    reason: str
    since: datetime
    until: datetime | None = None
    step: int = 0
    """How often it opened again without a message accepted in between."""
    counted: int = 0
    bad: int = 0


class Hit(Row, table=True):
    """A raw request to a tracked address. Never a fact until it is settled as a person's."""

    __tablename__ = "hits"
    __table_args__ = (
        Index("ix_hits_unsettled", "at", sqlite_where=text("settled_at IS NULL"),
              postgresql_where=text("settled_at IS NULL")),
        Index("ix_hits_touch", "touch"),
        Index("ix_hits_visitor", "visitor", sqlite_where=text(_STRANGER_SQL),
              postgresql_where=text(_STRANGER_SQL)),
        Index("ix_hits_rules", "rules", "at", sqlite_where=text(_JUDGED_SQL),
              postgresql_where=text(_JUDGED_SQL)),
        Index("ix_hits_network", "network", "at", sqlite_where=text(_PLACED_SQL),
              postgresql_where=text(_PLACED_SQL)),
        CheckConstraint("kind IN ('click', 'open', 'page')", name="kind_known"),
        CheckConstraint("verdict IS NULL OR verdict IN ('human', 'machine', 'unsure')", name="verdict_known"),
    )  # fmt: skip

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True,
                         autoincrement=True),
    )  # fmt: skip
    prospect: int | None = Field(
        default=None, sa_column=Column(BigInteger, ForeignKey("prospects.id", ondelete="CASCADE"), index=True)
    )
    touch: int | None = _big(default=None)
    """Touch id; None for a page view without one."""
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
    reasons: list[str] = _json(default_factory=list)
    rules: str = ""
    """Under which rules it was judged: a hash of theirs."""
    fact: int | None = None
    """The number of the fact it became."""
    visitor: str | None = None
    """A browser that our pages may recognise; a stranger's view joins them when they say who they are."""


class VisitorRow(Row, table=True):
    """Whose a browser is that our pages may recognise: the last person who said so in it."""

    __tablename__ = "visitors"

    visitor: str = Field(primary_key=True)
    prospect: int = _owner(index=True)
    since: datetime


class ReturnRow(Row, table=True):
    """What came back about a message or a person: mail, or an event of a provider. Kept whatever it is."""

    __tablename__ = "returns"
    __table_args__ = (
        UniqueConstraint("channel", "external_id"),
        Index("ix_returns_unmailed", "mail_due_at", sqlite_where=text(_UNMAILED_SQL),
              postgresql_where=text(_UNMAILED_SQL)),
        Index("ix_returns_held", "id", sqlite_where=text("held"), postgresql_where=text("held")),
    )  # fmt: skip

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True,
                         autoincrement=True),
    )  # fmt: skip
    channel: str
    """mailbox, or webhook and the endpoint's name: webhook:ses-main."""
    external_id: str
    """What makes it the same when it comes again."""
    kind: str = Field(index=True)
    """As `intake.returns.KINDS`."""
    at: datetime
    received_at: datetime
    prospect: int | None = Field(
        default=None, sa_column=Column(BigInteger, ForeignKey("prospects.id", ondelete="CASCADE"), index=True)
    )
    touch: int | None = _big(default=None)
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
    __table_args__ = (
        Index("ix_confirmations_unmailed", "mail_due_at", sqlite_where=text(_UNMAILED_SQL),
              postgresql_where=text(_UNMAILED_SQL)),
    )  # fmt: skip

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True,
                         autoincrement=True),
    )  # fmt: skip
    prospect: int = _owner(index=True)
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


class Handoff(Row, table=True):
    """A lead given to sales: the packet, the clock, the answer."""

    __tablename__ = "handoffs"
    __table_args__ = (
        UniqueConstraint("prospect", "decision"),
        CheckConstraint(f"state IN {_words(*HANDOFF_STATES)}", name="state_known"),
        Index("ix_handoffs_unmailed", "mail_due_at", sqlite_where=text("mailed_at IS NULL"),
              postgresql_where=text("mailed_at IS NULL")),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True)
    prospect: int = _owner(index=True)
    decision: int
    lane: str
    grade: str
    intent: float
    programme: str
    agreement: int
    promoted_at: datetime
    due_at: datetime
    """When sales promised to have answered."""
    packet: dict[str, Any] = _json(default_factory=dict)
    """Everything sales sees, without the person's identity, which stands in prospects."""
    state: str = "open"
    reason: str = ""
    by: str = ""
    answered_at: datetime | None = None
    mail_due_at: datetime
    mail_attempts: int = 0
    mailed_at: datetime | None = None
    words: str = ""


class Deal(Row, table=True):
    """What became of it, in money (minor units)."""

    __tablename__ = "deals"

    id: str = Field(primary_key=True)
    prospect: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger, ForeignKey("prospects.id", ondelete="SET NULL"), index=True, nullable=True
        ),
    )
    account: str = ""
    status: str
    opened_on: date | None = None
    closed_on: date | None = None
    amount: int | None = _big(default=None)
    currency: str = ""


class Suppression(Row, table=True):
    """An address or domain that is never mailed, as a keyed hash. Survives erasure."""

    __tablename__ = "suppressions"

    hash: str = Field(primary_key=True)
    scope: str = Field(default="all", primary_key=True)
    """all, or the id of the one sequence that is not to write to them."""
    covers: str = "address"
    """address or domain."""
    reason: str
    evidence: str = ""
    at: datetime


class Consent(Row, table=True):
    """A permission given or taken back, and how we know. Append-only (`_KEPT`); deleted by erase."""

    __tablename__ = "consents"
    __table_args__ = (
        CheckConstraint("kind IN ('given', 'withdrawn')", name="kind_known"),
        CheckConstraint("(kind = 'given') = (basis <> '')", name="given_means_basis"),
    )

    id: int | None = Field(default=None, primary_key=True)
    prospect: int = _owner(index=True)
    kind: str
    basis: str = ""
    scope: str = "all"
    """all, or the id of one sequence."""
    source: str
    """The form, list, page, provider or colleague it came from."""
    way: str
    """How it reached us: form, import, page, one_click, mailto, reply, provider, manual ..."""
    evidence: str = ""
    at: datetime
    """When it was given or taken back, as far as the source knows."""
    known: datetime
    """When it was recorded here."""


class Imported(Row, table=True):
    """What the newest imported list said of a prospect, so that hearing it again changes nothing."""

    __tablename__ = "imported"

    prospect: int = _owner(primary=True)
    said: dict[str, Any] = _json(default_factory=dict)
    """Name of what was said -> keyed hash of its value."""


class ProgrammeText(Row, table=True):
    """The canonical text of all authored files, under its content hash."""

    __tablename__ = "programmes"

    hash: str = Field(primary_key=True)
    files: dict[str, Any] = _json(default_factory=dict)
    stored_at: datetime


class Activation(Row, table=True):
    """Which programme became active when."""

    __tablename__ = "activations"

    id: int | None = Field(default=None, primary_key=True)
    programme: str = Field(foreign_key="programmes.hash")
    at: datetime


class Active(Row, table=True):
    """One row: what a wake reads."""

    __tablename__ = "active"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    programme: str = Field(foreign_key="programmes.hash")
    serial: int = 0
    readings: dict[str, Any] = _json(default_factory=dict)


class AlertRow(Row, table=True):
    """Something a person was, or is to be, told of: once, again while it lasts, and when it is over."""

    __tablename__ = "alerts"

    kind: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    words: str
    figure: int = 0
    """How many or how much; a larger one is news."""
    raised_at: datetime
    told_at: datetime | None = None
    cleared_at: datetime | None = None
    """When it was over; the row goes once that is told."""


class Meta(Row, table=True):
    """Small facts about this database: the fingerprint of the suppression key, the last import."""

    __tablename__ = "meta"

    key: str = Field(primary_key=True)
    value: str


PROSPECTS = Row.metadata.tables["prospects"]
ENROLLMENTS = Row.metadata.tables["enrollments"]
FACTS = Row.metadata.tables["facts"]
TOUCHES = Row.metadata.tables["touches"]
PACES = Row.metadata.tables["paces"]
TALLIES = Row.metadata.tables["tallies"]
BREAKERS = Row.metadata.tables["breakers"]
HITS = Row.metadata.tables["hits"]
VISITORS = Row.metadata.tables["visitors"]
RETURNS = Row.metadata.tables["returns"]
CONFIRMATIONS = Row.metadata.tables["confirmations"]
HANDOFFS = Row.metadata.tables["handoffs"]
DEALS = Row.metadata.tables["deals"]
SUPPRESSIONS = Row.metadata.tables["suppressions"]
CONSENTS = Row.metadata.tables["consents"]
IMPORTED = Row.metadata.tables["imported"]
PROGRAMMES = Row.metadata.tables["programmes"]
ACTIVATIONS = Row.metadata.tables["activations"]
ACTIVE = Row.metadata.tables["active"]
ALERTS = Row.metadata.tables["alerts"]
META = Row.metadata.tables["meta"]

_KEPT = {
    "sqlite": (
        """CREATE TRIGGER consents_never_change BEFORE UPDATE ON consents
BEGIN SELECT RAISE(ABORT, 'consents are never changed'); END""",
        """CREATE TRIGGER consents_stay BEFORE DELETE ON consents
WHEN EXISTS (SELECT 1 FROM prospects WHERE id = OLD.prospect AND address IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'consents go only with the person'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION consents_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
IF TG_OP = 'UPDATE' THEN RAISE EXCEPTION 'consents are never changed'; END IF;
IF EXISTS (SELECT 1 FROM prospects WHERE id = OLD.prospect AND address IS NOT NULL)
THEN RAISE EXCEPTION 'consents go only with the person'; END IF;
RETURN OLD; END $$""",
        """CREATE TRIGGER consents_kept BEFORE UPDATE OR DELETE ON consents
FOR EACH ROW EXECUTE FUNCTION consents_kept()""",
    ),
}
"""The ledger of consents only grows. What belongs to somebody erased (row gone, or without an address) may
go; nothing else is ever changed or deleted, whoever writes."""


@event.listens_for(CONSENTS, "after_create")
def _keep_consents(table: Table, connection: Connection, **_: Any) -> None:
    for statement in _KEPT[connection.dialect.name]:
        connection.exec_driver_sql(statement)

"""Who is known, what happened to them, and what is permitted."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Connection, LargeBinary, Table, UniqueConstraint, event
from sqlmodel import Field

from nurture.store.tables.rows import Row, json, numbered, owner, some


class Prospect(Row, table=True):
    """One person: identity, personal values, the folded snapshot and when to look again."""

    __tablename__ = "prospects"
    __table_args__ = (
        UniqueConstraint("address"),
        some("ix_prospects_due", "wake_at", "id", where="wake_at IS NOT NULL"),
        CheckConstraint("wake_at IS NOT NULL OR wake_reason <> ''", name="wakes_or_says_why_not"),
        CheckConstraint("folded >= 0 AND folded <= n", name="counts_facts"),
        {"sqlite_autoincrement": True},  # a number is never given twice: touches are named after it
    )

    id: int | None = numbered()
    address: str | None = None
    """Normalised e-mail address (lower case, IDNA domain); None once erased."""
    account: str = Field(default="", index=True)
    kind: str = "person"
    """person, or test: the same code, but never in reports."""
    personal: dict[str, Any] = json(default_factory=dict)
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

    prospect: int = owner(primary=True)
    sequence: str = Field(primary_key=True, index=True)
    since: datetime


class FactRow(Row, table=True):
    """One fact. Append-only."""

    __tablename__ = "facts"
    __table_args__ = (
        # our own facts have no external id, and so no entry
        some(
            "uq_facts_channel_external_id",
            "channel",
            "external_id",
            where="external_id IS NOT NULL",
            unique=True,
        ),
        CheckConstraint("n >= 1", name="counts_from_one"),
    )

    prospect: int = owner(primary=True)
    n: int = Field(primary_key=True)
    at: datetime
    known: datetime
    programme: str
    kind: str
    body: bytes = Field(sa_type=LargeBinary)
    """msgpack of the body's fields."""
    channel: str | None = None
    external_id: str | None = None


class Consent(Row, table=True):
    """A permission given or taken back, and how we know. Append-only (`_KEPT`); deleted by erase."""

    __tablename__ = "consents"
    __table_args__ = (
        CheckConstraint("kind IN ('given', 'withdrawn')", name="kind_known"),
        CheckConstraint("(kind = 'given') = (basis <> '')", name="given_means_basis"),
    )

    id: int | None = Field(default=None, primary_key=True)
    prospect: int = owner(index=True)
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


class Imported(Row, table=True):
    """What the newest imported list said of a prospect, so that hearing it again changes nothing."""

    __tablename__ = "imported"

    prospect: int = owner(primary=True)
    said: dict[str, Any] = json(default_factory=dict)
    """Name of what was said -> keyed hash of its value."""


PROSPECTS = Row.metadata.tables["prospects"]
ENROLLMENTS = Row.metadata.tables["enrollments"]
FACTS = Row.metadata.tables["facts"]
CONSENTS = Row.metadata.tables["consents"]
SUPPRESSIONS = Row.metadata.tables["suppressions"]
IMPORTED = Row.metadata.tables["imported"]

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

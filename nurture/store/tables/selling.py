"""What sales is given, and what became of it."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field

from nurture.store.tables.rows import Row, big, json, one_of, owner, some, somebody

HANDOFF_STATES = (
    "open", "accepted", "rejected", "recycled", "opportunity", "won", "lost", "withdrawn", "recalled",
)  # fmt: skip


class Handoff(Row, table=True):
    """A lead given to sales: the packet, the clock, the answer."""

    __tablename__ = "handoffs"
    __table_args__ = (
        UniqueConstraint("prospect", "decision"),
        CheckConstraint(one_of("state", *HANDOFF_STATES), name="state_known"),
        some("ix_handoffs_unmailed", "mail_due_at", where="mailed_at IS NULL"),
    )

    id: int | None = Field(default=None, primary_key=True)
    prospect: int = owner(index=True)
    decision: int
    lane: str
    grade: str
    intent: float
    programme: str
    agreement: int
    promoted_at: datetime
    due_at: datetime
    """When sales promised to have answered."""
    packet: dict[str, Any] = json(default_factory=dict)
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
    prospect: int | None = somebody("SET NULL")
    account: str = ""
    status: str
    opened_on: date | None = None
    closed_on: date | None = None
    amount: int | None = big(default=None)
    currency: str = ""


HANDOFFS = Row.metadata.tables["handoffs"]
DEALS = Row.metadata.tables["deals"]

"""What leaves: the outbox, its pace, and what servers said."""

from datetime import datetime

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field

from nurture.store.tables.rows import Row, big, one_of, owner, some

LIVE = ("queued", "claimed", "fenced", "deferred")
OUTCOMES = ("sent", "failed", "suppressed", "cancelled", "expired", "in_doubt")

_LIVE = one_of("state", *LIVE)
_WAITS = one_of("state", "queued", "deferred")
_COUNTED = f"{_LIVE} OR outcome IN ('sent', 'in_doubt')"

DECISION_BITS = 20


def touch_id(prospect: int, decision: int) -> int:
    """The id of a touch: a prospect makes fewer than a million decisions."""
    return prospect << DECISION_BITS | decision


def whose_touch(id: int) -> tuple[int, int]:
    """Prospect and decision of a touch."""
    return id >> DECISION_BITS, id & ((1 << DECISION_BITS) - 1)


class TouchRow(Row, table=True):
    """The outbox: one row a touch, from chosen to its one end."""

    __tablename__ = "touches"
    __table_args__ = (
        UniqueConstraint("prospect", "decision"),
        some("uq_touches_live", "prospect", where=_LIVE, unique=True),
        some("uq_touches_occurrence", "prospect", "piece", "occurrence", where=_COUNTED, unique=True),
        some("ix_touches_due", "due_at", "id", where=_WAITS),
        some("ix_touches_doubt", "ended_at", where="outcome = 'in_doubt'"),
        some("ix_touches_cancelled", "id", where=f"cancelled AND {_WAITS}"),
        some("ix_touches_line", "line", "in_line_since", "id", where=f"line IS NOT NULL AND {_WAITS}"),
        some("ix_touches_busy", "state", where="state IN ('claimed', 'fenced')"),
        CheckConstraint(one_of("state", *LIVE, "ended"), name="state_known"),
        CheckConstraint(f"outcome IS NULL OR {one_of('outcome', *OUTCOMES)}", name="outcome_known"),
        CheckConstraint("(state = 'ended') = (outcome IS NOT NULL)", name="ended_means_outcome"),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_means_when"),
    )

    id: int = big(primary_key=True)
    prospect: int = owner()
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
        some("ix_paces_line", "next_at", where="next_at IS NOT NULL"),
        {"sqlite_with_rowid": False},  # read and written by its key alone
    )

    account: str = Field(primary_key=True)
    receiver: str = Field(primary_key=True)
    """A provider's name, or a domain that stands for itself; '' is the account's own row."""
    log: str = ""
    """What was let go lately: second and how many, by turns, as JSON."""
    next_at: int | None = big(default=None)
    """The second at which its line moves on; None where nobody stands in line."""
    rate: int | None = None
    """Messages in any minute, as it was last; None: no limit."""
    seen: int = big(default=0)
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


TOUCHES = Row.metadata.tables["touches"]
PACES = Row.metadata.tables["paces"]
TALLIES = Row.metadata.tables["tallies"]
BREAKERS = Row.metadata.tables["breakers"]

"""The shapes that go into a draft and come out of it: plain values, as rows of the tables hold them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from nurture.core.facts import Fact
from nurture.core.journey import Journey
from nurture.drafting import codec

FACT_COLUMNS = ("prospect", "n", "at", "known", "programme", "kind", "body")
"""What a fact is read from."""

FactRow = tuple[Any, ...]
"""Values in the order of `FACT_COLUMNS`; the body is undecoded."""

PROSPECT, N, KIND = (FACT_COLUMNS.index(name) for name in ("prospect", "n", "kind"))
"""Where they stand in a `FactRow`."""

NEW_TOUCH = (
    "prospect", "decision", "piece", "occurrence", "sequence", "stage", "programme", "chosen_at", "opens",
    "closes", "expires", "zone", "due_at",
)  # fmt: skip
"""What is particular of a new row of the outbox; the rest is as the table begins."""


def as_fact(row: FactRow) -> Fact:
    """A row as a fact. Raises codec.Unreadable."""
    prospect, n, at, known, programme, kind, body = row
    return Fact(prospect, n, at, known, programme, codec.decode_body(kind, body))


def as_row(fact: Fact) -> FactRow:
    """A fact as a row."""
    prospect, n, at, known, programme, body = fact
    return (prospect, n, at, known, programme, *codec.encode_body(body))


class Due(NamedTuple):
    """A prospect to look at. Bytes are decoded when asked for, so a damaged one spoils no neighbour."""

    id: int
    n: int
    """Facts recorded so far."""
    folded: int
    """The last fact in the snapshot."""
    mark: str
    """FOLD version and hash of the weights that the snapshot was folded under."""
    lifecycle: str
    errors: int
    wake_at: datetime | None
    snapshot: bytes | None
    """None also where it was folded under another mark than the one asked for."""
    rows: tuple[FactRow, ...]
    """The facts after `folded`, or all of them where there is no snapshot; undecoded."""

    def journey(self) -> Journey | None:
        """The snapshot; None if there is none yet. Raises codec.Unreadable."""
        return None if self.snapshot is None else codec.decode_journey(self.snapshot)

    def news(self) -> tuple[Fact, ...]:
        """The facts of `rows`, in order of n. Raises codec.Unreadable."""
        return tuple(as_fact(row) for row in self.rows)


class Settled(NamedTuple):
    """What a wake found about one prospect, as rows to be written: nothing is left to compute.

    `was` is the n that was read; `facts` are numbered was + 1, was + 2, ... without a gap, and the snapshot
    is folded up to `n`, the last of them.
    """

    prospect: int
    was: int
    n: int
    lifecycle: str
    stage: str
    snapshot: bytes
    mark: str
    wake_at: datetime | None
    wake_reason: str
    """Never empty where wake_at is None."""
    facts: Sequence[FactRow] = ()
    touches: Sequence[tuple[Any, ...]] = ()
    """New rows of the outbox: values in the order of `NEW_TOUCH`."""
    cancelled: Sequence[int] = ()
    """Numbers of touches that shall not leave; their Cancelled facts are among `facts`."""
    handoffs: Sequence[Mapping[str, Any]] = ()
    """New rows of handoffs."""
    enrolled: Mapping[str, datetime] | None = None
    """The sequences, each with since when; None where the table has them already."""
    replaces: bool = True
    """Whether the table may have rows that `enrolled` replaces."""

    def kinds(self) -> Iterable[str]:
        """The kinds of the facts."""
        return (row[KIND] for row in self.facts)

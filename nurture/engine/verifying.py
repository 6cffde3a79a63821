"""Verify: refold everybody from nothing and compare, and see that no message was created or lost unnoticed.

Every snapshot is refolded under the mark it carries: the programme whose weights it was folded under.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, func, select

from nurture.core import facts as f
from nurture.core.journey import FOLD, Journey
from nurture.core.programme import Programme
from nurture.core.weighing import refold
from nurture.drafting import mark_of
from nurture.drafting.codec import Unreadable, decode_journey
from nurture.engine.shelf import Shelf
from nurture.store import every_prospect, programmes
from nurture.store.tables import ENROLLMENTS, HANDOFFS, LIVE, TOUCHES


class Verified(NamedTuple):
    """How many were looked at, and every difference as a sentence."""

    prospects: int
    facts: int
    touches: int
    differences: tuple[str, ...]


class _Kept(NamedTuple):
    """What the tables beside the facts hold, by prospect."""

    live: Mapping[int, int]
    ended: Mapping[int, int]
    handoffs: Mapping[int, int]
    enrolled: Mapping[int, frozenset[str]]


def verify(
    connection: Connection, shelf: Shelf, progress: Callable[[int], None] = lambda n: None
) -> Verified:
    """Compare everything with what the facts say. Reads only; call it in one moment of the database."""
    marks, kept = _programmes_by_mark(connection, shelf), _kept(connection)
    prospects = facts = 0
    differences: list[str] = []
    for batch in every_prospect(connection):
        for row, history in batch:
            prospects += 1
            facts += len(history or ())
            differences += (f"prospect {row.id}: {said}" for said in _differences(row, history, marks, kept))
        progress(prospects)
    touches = sum(kept.live.values()) + sum(kept.ended.values())
    return Verified(prospects, facts, touches, tuple(differences))


def _programmes_by_mark(connection: Connection, shelf: Shelf) -> dict[str, Programme]:
    """Every programme that was ever active, by the mark of its weights."""
    hashes = {activation.programme for activation in programmes.activations(connection)}
    known = (shelf.of(connection, hash).programme for hash in sorted(hashes))
    return {mark_of(programme): programme for programme in known}


def _kept(connection: Connection) -> _Kept:
    is_live = TOUCHES.c.state.in_(LIVE)
    enrolled: defaultdict[int, set[str]] = defaultdict(set)
    for prospect, sequence in connection.execute(select(ENROLLMENTS.c.prospect, ENROLLMENTS.c.sequence)):
        enrolled[prospect].add(sequence)
    return _Kept(
        _counted(connection, TOUCHES, is_live),
        _counted(connection, TOUCHES, ~is_live),
        _counted(connection, HANDOFFS),
        {prospect: frozenset(sequences) for prospect, sequences in enrolled.items()},
    )


def _counted(connection: Connection, table: Table, *where: Any) -> Counter[int]:
    """How many rows each prospect has."""
    rows = select(table.c.prospect, func.count().label("many")).where(*where).group_by(table.c.prospect)
    return Counter({row.prospect: row.many for row in connection.execute(rows)})


def _differences(
    row: Any, history: tuple[f.Fact, ...] | None, marks: Mapping[str, Programme], kept: _Kept
) -> Iterator[str]:
    if history is None:
        yield "a fact cannot be read"
        return
    if [fact.n for fact in history] != list(range(1, row.n + 1)):
        yield f"the facts are not numbered 1 to {row.n}"
        return
    yield from _lost(row.id, history, kept)
    if row.snapshot is None:
        if row.folded:
            yield f"{row.folded} facts are folded into no snapshot"
        return
    programme = marks.get(row.mark)
    if programme is not None:
        yield from _folds_differ(row, history[: row.folded], programme, kept)
    elif row.mark.startswith(f"{FOLD}:"):  # of an older FOLD: the next wake refolds it
        yield f"its mark {row.mark} is that of no programme that was ever active"


def _lost(prospect: int, history: tuple[f.Fact, ...], kept: _Kept) -> Iterator[str]:
    """Created = ended + live: in the outbox, and between the tables and the facts."""
    kinds = Counter(type(fact.body) for fact in history)
    chosen, promoted = kinds[f.Chosen], kinds[f.Promoted]
    ended = len(_ended(history))
    there = kept.live.get(prospect, 0) + kept.ended.get(prospect, 0)
    if there != chosen:
        yield f"{chosen} messages were chosen, {there} are in the outbox"
    if kept.ended.get(prospect, 0) != ended:
        yield f"{kept.ended.get(prospect, 0)} messages ended in the outbox, {ended} in the facts"
    if kept.handoffs.get(prospect, 0) != promoted:
        yield f"was promoted {promoted} times, has {kept.handoffs.get(prospect, 0)} handoffs"


def _ended(history: tuple[f.Fact, ...]) -> set[int]:
    """The touches that ended and are not on their way again."""
    ended: set[int] = set()
    for fact in history:
        if isinstance(fact.body, f.TouchEnded):
            ended.add(fact.body.touch)
        elif isinstance(fact.body, f.Resent):
            ended.discard(fact.body.touch)
    return ended


def _folds_differ(row: Any, history: tuple[f.Fact, ...], programme: Programme, kept: _Kept) -> Iterator[str]:
    try:
        snapshot = decode_journey(row.snapshot)
    except Unreadable:
        yield "the snapshot cannot be read"
        return
    try:
        again = refold(row.id, history, programme)
    except Exception as wrong:
        yield f"the facts cannot be folded: {type(wrong).__name__}: {wrong}"
        return
    for name in Journey._fields:
        if getattr(snapshot, name) != getattr(again, name):
            yield f"{name} is not what the facts say"
    if (row.lifecycle, row.stage) != (again.lifecycle, again.stage):
        yield f"the row says {row.lifecycle}, {row.stage}; the facts say {again.lifecycle}, {again.stage}"
    if kept.enrolled.get(row.id, frozenset()) != frozenset(again.enrolled):
        yield "the sequences of the table are not those of the facts"

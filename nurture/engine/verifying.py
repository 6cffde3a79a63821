"""Verify: refold everybody from nothing and compare, and see that no message was created or lost unnoticed.

Every snapshot is refolded under the mark it carries: the programme whose weights it was folded under.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from nurture.core import facts as f
from nurture.core.journey import Journey
from nurture.core.programme import Programme
from nurture.core.weighing import refold
from nurture.engine.shelf import Shelf
from nurture.engine.wake import mark_of
from nurture.store import every_prospect, programmes
from nurture.store.codec import decode_journey
from nurture.store.tables import LIVE, TOUCHES


class Verified(NamedTuple):
    """How many were looked at, and every difference as a sentence."""

    prospects: int
    facts: int
    touches: int
    differences: tuple[str, ...]


def verify(
    connection: Connection, shelf: Shelf, progress: Callable[[int], None] = lambda n: None
) -> Verified:
    """Compare everything with what the facts say. Reads only; call it in one moment of the database."""
    marks = _programmes_by_mark(connection, shelf)
    differences: list[str] = []
    prospects = facts = 0
    chosen: dict[int, int] = {}
    ended: dict[int, int] = {}
    for batch in every_prospect(connection):
        for row, history in batch:
            prospects += 1
            facts += len(history)
            differences += _differences(row, history, marks)
            chosen[row.id] = sum(isinstance(fact.body, f.Chosen) for fact in history)
            ended[row.id] = len({fact.body.touch for fact in history if isinstance(fact.body, f.TouchEnded)})
        progress(prospects)
    touches = list(_outbox_differences(connection, chosen, ended))
    count = connection.scalar(select(func.count()).select_from(TOUCHES)) or 0
    return Verified(prospects, facts, count, (*differences, *touches))


def _programmes_by_mark(connection: Connection, shelf: Shelf) -> dict[str, Programme]:
    """Every programme that was ever active, by the mark of its weights."""
    hashes = {activation.programme for activation in programmes.activations(connection)}
    known = (shelf.of(connection, hash).programme for hash in sorted(hashes))
    return {mark_of(programme): programme for programme in known}


def _differences(row: Any, history: tuple[f.Fact, ...], marks: dict[str, Programme]) -> Iterator[str]:
    if [fact.n for fact in history] != list(range(1, row.n + 1)):
        yield f"prospect {row.id}: the facts are not numbered 1 to {row.n}"
        return
    if row.snapshot is None:
        if row.folded:
            yield f"prospect {row.id}: {row.folded} facts are folded into no snapshot"
        return
    programme = marks.get(row.mark)
    if programme is None:
        return  # of an older FOLD: the next wake refolds it
    snapshot = decode_journey(row.snapshot)
    again = refold(row.id, history[: row.folded], programme)
    for name in Journey._fields:
        if getattr(snapshot, name) != getattr(again, name):
            yield f"prospect {row.id}: {name} is not what the facts say"
    if (row.lifecycle, row.stage) != (again.lifecycle, again.stage):
        yield f"prospect {row.id}: the row says {row.lifecycle}, {row.stage}; the facts do not"


def _outbox_differences(
    connection: Connection, chosen: dict[int, int], ended: dict[int, int]
) -> Iterator[str]:
    """Created = ended + live, for every prospect: in the outbox, and between outbox and facts."""
    rows: dict[int, tuple[int, int]] = {}
    for prospect, state, count in connection.execute(
        select(TOUCHES.c.prospect, TOUCHES.c.state, func.count()).group_by(
            TOUCHES.c.prospect, TOUCHES.c.state
        )
    ):
        live, done = rows.get(prospect, (0, 0))
        rows[prospect] = (live + count, done) if state in LIVE else (live, done + count)
    for prospect, decisions in chosen.items():
        live, done = rows.get(prospect, (0, 0))
        if live + done != decisions:
            yield f"prospect {prospect}: {decisions} messages were chosen, {live + done} are in the outbox"
        if done != ended[prospect]:
            yield f"prospect {prospect}: {done} messages ended in the outbox, {ended[prospect]} in the facts"

"""What shall be written about somebody who is due: folded and settled, ready as rows.

The one place where the program calls `settle`. Nothing here is shared or waited for, so it may run in any
thread or process. A prospect about whom our code fails spoils no neighbour.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from nurture.core import facts as f
from nurture.core.answers import FOREVER
from nurture.core.decide import settle
from nurture.core.journey import FOLD, Journey
from nurture.core.programme import Programme
from nurture.core.weighing import begin, evolve, refold
from nurture.drafting.codec import encode_journey
from nurture.drafting.rows import Due, Settled, as_row


class Failed(NamedTuple):
    """Our code is wrong about a prospect, or what is kept of it is damaged: the error's kind and words."""

    prospect: int
    kind: str
    words: str


Draft = Settled | Failed


def draft_all(due: Sequence[Due], programme: Programme, now: datetime) -> list[Draft]:
    """What shall be written about each, in the same order. `due` were read with the programme's mark."""
    return [_draft(one, programme, now) for one in due]


def mark_of(programme: Programme) -> str:
    """What a snapshot says it was folded under."""
    return f"{FOLD}:{programme.weights.mark}"


def failed(prospect: int, wrong: BaseException) -> Failed:
    """An error as what is kept of it: the first line, which names no statement."""
    said = str(getattr(wrong, "orig", None) or wrong)
    return Failed(prospect, type(wrong).__name__, said.partition("\n")[0])


def _draft(one: Due, programme: Programme, now: datetime) -> Draft:
    try:
        return _settled(one, programme, now)
    except Exception as wrong:
        return failed(one.id, wrong)


def _settled(one: Due, programme: Programme, now: datetime) -> Settled:
    snapshot = one.journey()
    settled = settle(_folded(one, snapshot, programme), programme, now)
    journey, wait = settled.journey, settled.wait
    bodies = [(fact, fact.body) for fact in settled.facts]
    known = _enrolled(one, snapshot)
    return Settled(
        prospect=one.id,
        was=one.n,
        n=journey.n,
        lifecycle=journey.lifecycle,
        stage=journey.stage,
        snapshot=encode_journey(journey),
        mark=mark_of(programme),
        wake_at=None if wait.until == FOREVER else wait.until,
        wake_reason=wait.because[0].code,
        facts=[as_row(fact) for fact in settled.facts],
        touches=[_touch(fact, body, programme) for fact, body in bodies if isinstance(body, f.Chosen)],
        cancelled=[body.touch for _, body in bodies if isinstance(body, f.Cancelled)],
        enrolled=None if known == frozenset(journey.enrolled) else journey.enrolled,
        replaces=known is None or bool(known),
    )


def _folded(one: Due, snapshot: Journey | None, programme: Programme) -> Journey:
    """The journey up to the newest fact: the snapshot and what is new, or everything without a snapshot."""
    if snapshot is None and one.folded:
        return refold(one.id, one.news(), programme)
    journey = snapshot or begin(one.id, programme)
    for fact in one.news():
        journey = evolve(journey, fact, programme)
    return journey


def _enrolled(one: Due, snapshot: Journey | None) -> frozenset[str] | None:
    """What the last wake wrote about this prospect's sequences; None: the table may say anything."""
    if snapshot is not None:
        return frozenset(snapshot.enrolled)
    return None if one.folded else frozenset()


def _touch(fact: f.Fact, body: f.Chosen, programme: Programme) -> tuple[Any, ...]:
    """The new row of the outbox, in the order of `rows.NEW_TOUCH`."""
    return (
        fact.prospect,
        body.number,
        body.piece,
        body.occurrence,
        body.sequence,
        programme.pieces[body.piece].stage,
        programme.hash,
        fact.at,
        body.opens,
        body.closes,
        body.expires,
        body.zone,
        body.opens,
    )

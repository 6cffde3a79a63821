"""The buyer's stage: where the evidence says their concern is now.

One stage per prospect, inferred from decayed evidence of what they consumed and did (never from what was
sent). A stage opens at `enter` units: the highest open stage above the present one is entered at once,
others are skipped. A stage whose evidence fell below `exit` is left one step back, not sooner than
`dwell` after it was entered. The earliest stage is the floor. Source: docs/stages.md.
"""

from datetime import datetime
from typing import NamedTuple

from nurture.core.answers import FOREVER, Answer, Reason, whole_second
from nurture.core.evidence import Reservoir, falls_to, level
from nurture.core.journey import Journey
from nurture.core.programme import Stages

_TOLERANCE = 1e-9


class Turn(NamedTuple):
    """Where to, and whether now."""

    stage: str
    answer: Answer


def where_to(journey: Journey, stages: Stages, now: datetime) -> Turn:
    """The stage to move to, if the answer holds."""
    present = stages.order.index(journey.stage) if journey.stage in stages.order else 0
    for stage in reversed(stages.order[present + 1 :]):
        reservoir = journey.evidence.stages.get(stage)
        if reservoir is not None and _open(reservoir, journey, stages, now):
            figures = {"evidence": reservoir.value, "needs": stages.enter, "stage": stage}
            return Turn(stage, Answer(True, Reason("evidence", figures)))
    if present == 0:
        return Turn(journey.stage, Answer(False, Reason("evidence below", {"needs": stages.enter})))
    return _fading(journey, stages, stages.order[present - 1], now)


def _open(reservoir: Reservoir, journey: Journey, stages: Stages, now: datetime) -> bool:
    """Enough now, or enough when its newest evidence came and not yet faded to `exit`.

    The second half is for the minutes (or a day of downtime) between a hit and the wake that hears of
    it: evidence of exactly `enter` must not miss for a lost hundredth. What came before the present
    stage began was weighed then. A stage that sales named stands against everything that came before
    it: they spoke with the person, so only news opens another.
    """
    back = journey.came_back
    if back is not None and back == journey.stage_since and reservoir.as_of <= back:
        return False
    now_at = level(reservoir, stages.measure, now)
    if now_at >= stages.enter - _TOLERANCE:
        return True
    newer = journey.stage_since is None or reservoir.as_of >= journey.stage_since
    return newer and reservoir.value >= stages.enter - _TOLERANCE and now_at >= stages.exit


def _fading(journey: Journey, stages: Stages, back: str, now: datetime) -> Turn:
    reservoir = journey.evidence.stages.get(journey.stage)
    left = level(reservoir, stages.measure, now)
    figures = {"evidence": left, "needs": stages.exit, "stage": back}
    due = journey.stage_since or now
    if journey.stage_since is not None:
        due = journey.stage_since + stages.dwell
    if reservoir is not None:
        due = max(due, falls_to(reservoir, stages.exit, stages.measure))
    due = whole_second(due) if due != FOREVER else due
    if now >= due:
        return Turn(back, Answer(True, Reason("evidence faded", figures)))
    return Turn(back, Answer(False, Reason("evidence stands", figures), due))

"""Sales in the demo: reads the mail of a handoff and answers it, mostly in time."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy

from nurture.simulation.personas import Act, Dice

_NUMBER = re.compile(r"nurture handoff accept (\d+)")


def handoff_in(raw: bytes) -> int | None:
    """The number of the handoff that a mail to sales tells of."""
    message = message_from_bytes(raw, policy=policy.default)
    part = message.get_body(("plain",))
    found = _NUMBER.search(part.get_content()) if part else None
    return int(found[1]) if found else None


def answers(handoff: int, now: datetime, dice: Dice) -> Iterator[Act]:
    """What sales does with a lead: accept, refuse or let it lie; later a deal, a talk for nothing, a loss."""
    at = now + timedelta(hours=0.3 + 5 * dice("speed"))
    luck = dice("lead")
    if luck < 0.10:
        return  # nobody looks; the lead is recalled in time
    if luck < 0.22:
        yield _answer(at, handoff, "rejected too_early")
        return
    yield _answer(at, handoff, "accepted")
    later = at + timedelta(days=4 + 8 * dice("talk"))
    if luck < 0.40:
        yield _answer(later, handoff, "recycled not_now")
    elif luck < 0.85:
        yield _answer(later, handoff, "opportunity")
        end = later + timedelta(days=10 + 20 * dice("deal"))
        yield _answer(end, handoff, "won" if dice("win") < 0.4 else "lost")


def _answer(at: datetime, handoff: int, answer: str) -> Act:
    return Act(at, "sales", "answer", f"{handoff} {answer}")

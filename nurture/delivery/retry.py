"""When to try again: the schedule, what the server asked for, and a little jitter.

5, 15, 30 minutes, 1, 2, 4, 8 hours, then every 12 hours; a touch's `expires` ends it, not a count. Source:
docs/delivery.md.
"""

from datetime import timedelta
from hashlib import blake2b

from nurture.delivery.outcomes import Deferred
from nurture.delivery.replies import is_greylisted

SCHEDULE = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 30, 60, 120, 240, 480, 720))
JITTER = 0.2
"""A wait is up to this part shorter or longer, so that what was put off together does not come together."""
GREYLIST = timedelta(minutes=5), timedelta(minutes=7)
SERVER_PAUSE = timedelta(minutes=1)
"""After trouble with the server itself: no try of the message."""
ACCOUNT_PAUSE = timedelta(minutes=15)
"""After the server did not let us in: somebody has to look."""


def next_wait(deferred: Deferred, attempts: int, touch: int) -> timedelta:
    """How long to wait after a try that was deferred; `attempts` tries were deferred before it."""
    draw = _draw(touch, attempts)
    if deferred.whose == "account":
        return ACCOUNT_PAUSE
    if deferred.whose == "server":
        return max(SERVER_PAUSE, timedelta(seconds=deferred.wait))
    if attempts == 0 and is_greylisted(deferred.code, deferred.words):
        wait = GREYLIST[0] + draw * (GREYLIST[1] - GREYLIST[0])
    else:
        wait = SCHEDULE[min(attempts, len(SCHEDULE) - 1)] * (1 + JITTER * (2 * draw - 1))
    return timedelta(seconds=round(max(wait.total_seconds(), deferred.wait)))


def _draw(touch: int, attempts: int) -> float:
    """A number from 0 to 1 that is the same for the same try: a run can be repeated exactly."""
    digest = blake2b(f"{touch}:{attempts}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") / 2**32

"""The one place where the clock is read.

`now()` is business time in UTC, also for pace, leases and retries; it may be virtual (demo, tests).
`tick()` is monotonic seconds, for timeouts inside one process; it is never stored.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_virtual: datetime | None = None


def now() -> datetime:
    """Business time, UTC."""
    return _virtual if _virtual is not None else datetime.now(UTC)


def tick() -> float:
    """Seconds that only ever grow."""
    return time.monotonic()


def is_virtual() -> bool:
    """Whether somebody else owns the time."""
    return _virtual is not None


def set_virtual(moment: datetime) -> None:
    """Stand at `moment` (UTC) until told otherwise."""
    global _virtual  # noqa: PLW0603  one process, one time
    _virtual = moment.astimezone(UTC)


@contextmanager
def virtual(moment: datetime) -> Iterator[None]:
    """Business time stands at `moment`, moved by `set_virtual`; real time comes back at the end."""
    global _virtual  # noqa: PLW0603
    before = _virtual
    set_virtual(moment)
    try:
        yield
    finally:
        _virtual = before

"""A log of what was let go lately, which holds a limit in every minute, wherever the minute begins.

The log is flat: second, how many, second, how many, the earliest first. A message let go in one second
counts until 61 seconds later, so that not even a minute with both its ends holds more than the limit.
A bucket that fills steadily would let twice as many go in some minutes.
"""

from collections.abc import Sequence

MINUTE = 60


def recent(log: Sequence[int], second: int) -> list[int]:
    """What of a log still counts at `second`.

    What lies more than a minute ahead was let go before the clock was set back: it counts from now. What
    lies less ahead stays, for clocks of several machines differ.
    """
    kept: list[int] = []
    for at, many in zip(log[::2], log[1::2], strict=True):
        moment = second if at > second + MINUTE else at
        if moment < second - MINUTE:
            continue
        if kept and kept[-2] >= moment:
            kept[-1] += many
        else:
            kept += (moment, many)
    return kept


def note(log: list[int], second: int, many: int = 1) -> None:
    """Let so many go at `second`."""
    if log and log[-2] >= second:
        log[-1] += many
    else:
        log += (second, many)


def left(log: Sequence[int], rate: int) -> int:
    """How many more may go now; `log` holds what is recent."""
    return max(rate - sum(log[1::2]), 0)


def free_at(log: Sequence[int], rate: int) -> int:
    """The second at which one more may go, if none goes before; 0 if one may go now."""
    gone = sum(log[1::2])
    when = 0
    for at, many in zip(log[::2], log[1::2], strict=True):
        if gone < rate:
            break
        gone -= many
        when = at + MINUTE + 1
    return when

"""The event loop of commands that wait for the network: libuv's where there is one, else Python's own.

Measured on the demo: 31 seconds with libuv's, 48 with Python's.
"""

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


WAITING_SECONDS = 0.0005
"""How long one thread computes before another that waits gets its turn; Python's own default is 0.005."""

NEW_OBJECTS = 20_000
"""After how many more objects the collector looks for garbage. Python's 700 are a dozen clicks, all of them
still on their way."""


def settle_in() -> None:
    """For a process that is to run for long, once it has loaded what it needs.

    The collector need not look again and again at what is there to stay, and a thread that comes back from
    the database does not wait for five milliseconds until a busy loop gives the interpreter to it. Under a
    thousand clicks a second the two made the slowest answers three times as slow (benchmarks/tracking.py).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
    sys.setswitchinterval(WAITING_SECONDS)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in a new loop."""
    with asyncio.Runner(loop_factory=_factory()) as runner:
        return runner.run(main)


def _factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import new_event_loop
    except ImportError:  # there is none for Windows
        return None
    return new_event_loop

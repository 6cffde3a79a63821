"""Drafting in a second process, so that a busy daemon on SQLite uses a second core.

The child (`drafting/__main__.py`) gets batches over a pipe and sends back what `draft_all` makes of them; it
opens no database. Whatever goes wrong with it, the batch is drafted here instead: nothing is lost, since
nothing was written. It ends with the pipe, also when this process is killed. The first batch that is worth
the way starts it; until it is ready everything is drafted here.
"""

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from multiprocessing.connection import Pipe

from nurture import clock
from nurture.core.programme import Programme
from nurture.drafting import Draft, Due, draft_all
from nurture.drafting.sources import fingerprint
from nurture.engine.wake import Drafting
from nurture.store import Store

WORTH_IT = 25
"""A smaller batch is drafted here: who hears of a few people a minute needs no second process."""

PATIENCE = 30.0
"""Seconds for a batch, which takes some 30 ms; then the child counts as hung."""

PAUSE = 60.0
"""Seconds from a child that was lost to the next one."""


@contextmanager
def second_core(store: Store, log: Callable[[str], None]) -> Iterator[Drafting]:
    """Where a daemon drafts: in a child if there is a core for it; `log` hears of one that was lost.

    On PostgreSQL it drafts itself: there a second daemon is the use of a second core.
    """
    if store.database is None or (os.cpu_count() or 1) < 2:
        yield draft_all
        return
    aside = Aside(log)
    try:
        yield aside
    finally:
        aside.close()


class Aside:
    """Drafts in a child of this process. May be called in any thread; close it at the end."""

    def __init__(self, log: Callable[[str], None]) -> None:
        """`log` hears of a child that was lost."""
        self._log = log
        self._ours = fingerprint()
        self._one_at_a_time = threading.Lock()
        self._child: _Child | None = None
        self._lost_at: float | None = None
        self._closed = False

    def __call__(self, due: Sequence[Due], programme: Programme, now: datetime) -> list[Draft]:
        """As `draft_all`: there if the child is ready and free, otherwise here."""
        drafts = self._there(due, programme, now) if len(due) >= WORTH_IT else None
        return draft_all(due, programme, now) if drafts is None else drafts

    @property
    def pid(self) -> int | None:
        """The child, while there is one."""
        child = self._child
        return None if child is None else child.process.pid

    def close(self) -> None:
        """End the child; what it was about is drafted here."""
        self._closed = True
        child = self._child
        if child is not None:
            child.process.kill()
        with self._one_at_a_time:
            self._end()

    def _there(self, due: Sequence[Due], programme: Programme, now: datetime) -> list[Draft] | None:
        if not self._one_at_a_time.acquire(blocking=False):
            return None
        try:
            child = self._started()
            return child.draft(due, programme, now) if child is not None and child.is_ready() else None
        except Exception as lost:  # whatever it is, we can do its work
            self._end()
            self._lost_at = clock.tick()
            if not self._closed:
                self._log(f"the second process is lost, this one does its work: {type(lost).__name__} {lost}")
            return None
        finally:
            self._one_at_a_time.release()

    def _started(self) -> "_Child | None":
        paused = self._lost_at is not None and clock.tick() - self._lost_at < PAUSE
        if self._child is None and not paused and not self._closed:
            self._child = _Child(self._ours)
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()


class _Child:
    """The process, the pipe to it, and which programme it knows."""

    def __init__(self, ours: bytes) -> None:
        self._ours = ours
        self._pipe, theirs = Pipe()
        with theirs:
            # The modules are those of this process, and none from the folder that it happens to run in.
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "nurture.drafting", str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )  # fmt: skip
        self._ready = False
        self._knows = ""

    def is_ready(self) -> bool:
        """Whether it has loaded its modules. Raises RuntimeError where they are others than ours, EOFError
        or OSError where it is gone."""
        if not self._ready and self._pipe.poll():
            if self._pipe.recv_bytes() != self._ours:
                raise RuntimeError("it has other code, which was installed since this process began")
            self._ready = True
        return self._ready

    def draft(self, due: Sequence[Due], programme: Programme, now: datetime) -> list[Draft]:
        """Raises EOFError or OSError where it is gone or hangs."""
        news = None if programme.hash == self._knows else programme
        self._pipe.send_bytes(pickle.dumps((due, news, now), pickle.HIGHEST_PROTOCOL))
        self._knows = programme.hash
        if not self._pipe.poll(PATIENCE):
            raise TimeoutError("it hangs")
        drafts: list[Draft] = pickle.loads(self._pipe.recv_bytes())  # noqa: S301  # from our child alone
        return drafts

    def end(self) -> None:
        """It ends by itself when the pipe does; if not, it is killed."""
        self._pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
            return
        self.process.kill()
        self.process.wait()

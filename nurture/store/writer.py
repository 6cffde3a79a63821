"""The one thread that writes to SQLite: all that waits shares one commit, urgent work first.

Each piece of work runs in a savepoint: its exception undoes it alone and goes to its caller. Nobody hears
of success before the commit. No timer: while one group commits, the next one gathers. Whatever happens to
a group, its callers hear of it and the thread goes on.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from nurture import clock, failpoints
from nurture.errors import Mistake
from nurture.store import engines, runlock

LONGEST_GROUP = 0.05
"""Seconds after which a group takes no more work, so that other processes get their turn."""

CHECKPOINT_EVERY = 1.0
"""Seconds between two tries to checkpoint a grown log: a long reader may keep it from shrinking."""


class _Asked(NamedTuple):
    work: Callable[[Connection], Any]
    answer: "Future[Any]"


class Writer:
    """Runs work on one SQLite connection, in groups. Starts its thread at the first piece of work."""

    def __init__(self, engine: Engine, checkpointer: Engine, database: Path) -> None:
        self._engine = engine
        self._checkpointer = checkpointer
        self._database = database
        self._log = database.with_name(database.name + "-wal")
        self._checkpointed = 0.0
        self._connection: Connection | None = None
        self._urgent: deque[_Asked] = deque()
        self._others: deque[_Asked] = deque()
        self._news = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    def submit(self, work: Callable[[Connection], Any], urgent: bool) -> "Future[Any]":
        """Queue a piece of work; the future holds its result after the commit."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("work must not ask for more writing: it has the connection already")
        asked = _Asked(work, Future())
        with self._news:
            if self._closing:
                raise RuntimeError("the store is closed")
            (self._urgent if urgent else self._others).append(asked)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="nurture-writer", daemon=True)
                self._thread.start()
            self._news.notify()
        return asked.answer

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._news:
            self._closing = True
            self._news.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while waiting := self._wait():
            self._group(waiting)
            self._checkpoint()
        self._disconnect()

    def _wait(self) -> int:
        with self._news:
            self._news.wait_for(lambda: self._urgent or self._others or self._closing)
            return len(self._urgent) + len(self._others)

    def _next(self) -> _Asked | None:
        with self._news:
            for queue in (self._urgent, self._others):
                while queue:
                    asked = queue.popleft()
                    if asked.answer.set_running_or_notify_cancel():
                        return asked
        return None

    def _group(self, waiting: int) -> None:
        done: list[tuple[_Asked, Any]] = []
        try:
            with self._connected().begin():
                self._work_through(waiting, done)
                failpoints.hit("commit.before")
        except BaseException as error:  # whatever it was, every caller must hear of it
            self._disconnect()
            self._all_failed(waiting, done, self._explained(error))
            return
        failpoints.hit("commit.after")
        for asked, result in done:
            asked.answer.set_result(result)

    def _work_through(self, waiting: int, done: list[tuple[_Asked, Any]]) -> None:
        connection = self._connected()
        driver: Any = connection.connection.driver_connection
        started = clock.tick()
        for _ in range(waiting):
            asked = self._next()
            if asked is None:
                return
            if waiting == 1:  # nobody to be kept apart from
                done.append((asked, None))
                done[0] = (asked, asked.work(connection))
                return
            driver.execute("SAVEPOINT work")  # the driver's own call: SQLAlchemy's costs a tenth of a work
            try:
                result = asked.work(connection)
                driver.execute("RELEASE work")
            except BaseException as error:
                done.append((asked, None))  # if even the savepoint cannot be undone, it fails with the group
                driver.execute("ROLLBACK TO work")
                driver.execute("RELEASE work")
                done.pop()
                asked.answer.set_exception(error)
            else:
                done.append((asked, result))
            if clock.tick() - started > LONGEST_GROUP:
                return

    def _all_failed(self, waiting: int, done: list[tuple[_Asked, Any]], error: BaseException) -> None:
        for asked, _ in done:
            asked.answer.set_exception(error)
        if not done:  # the transaction did not even begin
            for _ in range(waiting):
                if (left := self._next()) is not None:
                    left.answer.set_exception(error)

    def _explained(self, error: BaseException) -> BaseException:
        if not engines.is_locked(error):
            return error
        somebody = runlock.holder(self._database) or "Another process"
        explained = Mistake(
            f"{somebody} holds the database {self._database} for more than {engines.BUSY_SECONDS} seconds: "
            "try again, or stop it."
        )
        explained.__cause__ = error
        return explained

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = engines.connected(self._engine)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it is given up in any case
                connection.close()

    def _checkpoint(self) -> None:
        """Copy the log into the database while nobody can write; only when the log has grown."""
        now = clock.tick()
        if now - self._checkpointed < CHECKPOINT_EVERY or self._log_size() <= engines.LOG_BYTES:
            return
        self._checkpointed = now
        try:
            with self._connected().begin(), engines.connected(self._checkpointer) as other:
                failpoints.hit("checkpoint.before")
                other.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
                failpoints.hit("checkpoint.after")
        except Exception:
            self._disconnect()  # the next group connects again and says what is wrong

    def _log_size(self) -> int:
        try:
            return self._log.stat().st_size
        except OSError:
            return 0

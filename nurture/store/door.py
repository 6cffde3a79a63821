"""The door: the one way to change anything, and to read.

`work(connection)` is plain sync SQLAlchemy Core code in a transaction of its own (on SQLite: a savepoint in
a shared one). It must do nothing but use the connection: on PostgreSQL it runs again when the server undid
it for another transaction's sake. It must be short, and must not wait for the network.

- `await store.write(work, urgent=False)`: returns what work returned, once it is committed and synced.
  An exception in work undoes that work alone and is raised here. A commit that fails is raised at everybody
  who waited for it. `urgent` (fence, results, unsubscribes) goes before everything that waits.
- `store.write_now(work)`: the same for sync callers. Never from the event loop, never inside work.
- `store.read(work)`, `await store.aread(work)`: one moment of the database; changing anything is refused.
- `store.alone()`: whoever delivers holds it. On SQLite a second process gets a Mistake; on PostgreSQL
  nobody is refused.

On SQLite one thread writes (`writer.py`) and any number reads. A process that cannot write for 5 seconds
because another one does gets a Mistake that names it. On PostgreSQL work runs in threads with pooled
connections, urgent work in threads of its own, which keep their connection while they are busy.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import URL, Connection, Engine

from nurture import clock, failpoints
from nurture.store import engines, runlock
from nurture.store.writer import Writer

T = TypeVar("T")
Work = Callable[[Connection], T]

URGENT_THREADS = 2
WRITING_THREADS = 3
READING_THREADS = 3
KEPT_FOR = 1.0
"""Seconds after which an urgent thread's connection is no longer trusted: the server may be another one."""
TRIES = 5
"""How often PostgreSQL may undo work for another transaction's sake before its caller hears of it."""


class Store:
    """An open database. Close it, or use it as a context manager."""

    def __init__(self, url: str) -> None:
        """`url`: `sqlite:///file.db` or `postgresql+psycopg://...`. Opens nothing yet.

        Raises Mistake for any other address, or where psycopg is not installed.
        """
        self.url = engines.database_url(url)
        self._readers = ThreadPoolExecutor(READING_THREADS, "nurture-reader")
        self._side: _Sqlite | _Postgres
        self._side = _Sqlite(self.url) if engines.is_sqlite(self.url) else _Postgres(self.url)

    @property
    def database(self) -> Path | None:
        """The file; None on PostgreSQL."""
        return Path(str(self.url.database)) if engines.is_sqlite(self.url) else None

    async def write(self, work: Work[T], urgent: bool = False) -> T:
        """Do work and commit. If the caller is cancelled, work that has begun is still done."""
        return await asyncio.wrap_future(self._side.submit(work, urgent))

    def write_now(self, work: Work[T]) -> T:
        """Do work and commit, for sync callers."""
        return self._side.submit(work, False).result()

    def read(self, work: Work[T]) -> T:
        """Read one moment."""
        with engines.connected(self._side.reading) as connection, connection.begin():
            return work(connection)

    async def aread(self, work: Work[T]) -> T:
        """Read one moment, beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read, work)

    def alone(self) -> AbstractContextManager[None]:
        """Be the one who delivers: on SQLite the only one (a second gets a Mistake)."""
        return runlock.held(self.database) if self.database is not None else nullcontext()

    def close(self) -> None:
        """Finish what was asked for, and close all connections."""
        self._readers.shutdown()
        self._side.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Sqlite:
    """One writing thread, many readers."""

    def __init__(self, url: URL) -> None:
        self.reading = engines.sqlite_reader(url)
        self._engines = (self.reading, engines.sqlite_writer(url), engines.sqlite_checkpointer(url))
        self._writer = Writer(self._engines[1], self._engines[2], Path(str(url.database)))

    def submit(self, work: Work[T], urgent: bool) -> "Future[T]":
        return self._writer.submit(work, urgent)

    def close(self) -> None:
        self._writer.close()
        for engine in self._engines:
            engine.dispose()


class _Postgres:
    """A few threads with a connection each."""

    def __init__(self, url: URL) -> None:
        self._engine = engines.postgres(url, URGENT_THREADS + WRITING_THREADS + READING_THREADS)
        self.reading = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._urgent = ThreadPoolExecutor(URGENT_THREADS, "nurture-urgent")
        self._others = ThreadPoolExecutor(WRITING_THREADS, "nurture-writer")
        self._kept = _Kept(self._engine)

    def submit(self, work: Work[T], urgent: bool) -> "Future[T]":
        if urgent:
            return self._urgent.submit(_tried, partial(self._kept.once, work))
        return self._others.submit(_tried, partial(_once, self._engine, work))

    def close(self) -> None:
        self._urgent.shutdown()
        self._others.shutdown()
        self._kept.close()
        self._engine.dispose()


class _Kept:
    """A connection for each thread, kept from one transaction to the next that follows soon: taking one from
    the pool and asking whether it still lives costs as much as a statement. After an error it goes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connections: dict[int, tuple[Connection, float]] = {}

    def once(self, work: Work[T]) -> T:
        """Do work in a transaction."""
        connection = self._connection()
        try:
            done = _committed(connection, work)
        except BaseException:
            connection.close()
            raise
        self._connections[threading.get_ident()] = connection, clock.tick()
        return done

    def close(self) -> None:
        """Once no thread works any more."""
        for connection, _ in self._connections.values():
            connection.close()

    def _connection(self) -> Connection:
        connection, used = self._connections.pop(threading.get_ident(), (None, 0.0))
        if connection is not None and clock.tick() - used < KEPT_FOR:
            return connection
        if connection is not None:
            connection.close()
        return engines.connected(self._engine)


def _tried(once: Callable[[], T]) -> T:
    for _ in range(TRIES - 1):
        try:
            return once()
        except Exception as error:
            if not engines.is_undone(error):
                raise
    return once()


def _once(engine: Engine, work: Work[T]) -> T:
    with engines.connected(engine) as connection:
        return _committed(connection, work)


def _committed(connection: Connection, work: Work[T]) -> T:
    with connection.begin():
        done = work(connection)
        failpoints.hit("commit.before")
    failpoints.hit("commit.after")
    return done

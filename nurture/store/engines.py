"""How a database is opened: SQLite in a file, or PostgreSQL through psycopg.

SQLite 3.7 to 3.51.2 can corrupt a write-ahead log when two connections checkpoint or commit at the same
instant (fixed in 3.51.3; Debian 12 ships 3.40.1). So no connection checkpoints by itself; the writer does
it on a connection of its own while it holds the write lock, which keeps every other process out.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from nurture.errors import Mistake

BUSY_SECONDS = 5
"""How long a writer waits for another process before it says who holds the database."""

LOG_BYTES = 4 << 20
"""The write-ahead log is checkpointed when it has grown beyond this, and cut back to it."""

WRITER_CACHE = 16 << 20
"""Bytes of pages the writer keeps: what a wake's batch changes stays in memory until its commit."""

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "trusted_schema=OFF",
    "secure_delete=ON",
    "wal_autocheckpoint=0",
    f"journal_size_limit={LOG_BYTES}",
)

_UNDONE = ("40001", "40P01")  # serialization_failure, deadlock_detected


def database_url(text: str) -> URL:
    """The address of a database; `postgresql://` means psycopg 3. Mistake if it is neither of the two."""
    try:  # the text may hold a password, so no sentence repeats it
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError):
        raise Mistake(f"nurture.toml [store] database is no address that we know: {_FORMS}") from None
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite+pysqlite")
    raise Mistake(f"nurture.toml [store] database: {url.drivername} cannot be used like this: {_FORMS}")


_FORMS = 'write "sqlite:///nurture.db" or "postgresql+psycopg://user:password@host/name".'


def is_sqlite(url: URL) -> bool:
    """Whether the database is a file of ours."""
    return url.get_backend_name() == "sqlite"


def sqlite_writer(url: URL) -> Engine:
    """The writer's connection: every transaction takes the write lock at its start.

    A new file is readable by its owner alone: it holds people's addresses.
    """
    if url.database and url.database != ":memory:" and not Path(url.database).exists():
        with suppress(OSError):  # a folder that cannot be written is told when the database is opened
            os.close(os.open(url.database, os.O_CREAT | os.O_RDWR, 0o600))
    engine = create_engine(url, poolclass=NullPool, connect_args=_SQLITE_ARGUMENTS)
    _set_up(engine, (*PRAGMAS, f"cache_size=-{WRITER_CACHE >> 10}"), "BEGIN IMMEDIATE")
    return engine


def sqlite_reader(url: URL) -> Engine:
    """Connections that cannot write; every transaction sees one moment."""
    engine = create_engine(url, connect_args=_SQLITE_ARGUMENTS)
    _set_up(engine, (*PRAGMAS, "query_only=ON"), "BEGIN")
    return engine


def sqlite_checkpointer(url: URL) -> Engine:
    """A connection to checkpoint with, outside any transaction."""
    engine = create_engine(url, poolclass=NullPool, connect_args=_SQLITE_ARGUMENTS)
    _set_up(engine, PRAGMAS, None)
    return engine


def postgres(url: URL, connections: int) -> Engine:
    """A pool of connections to a PostgreSQL server."""
    try:
        return create_engine(
            url,
            pool_size=connections,
            max_overflow=connections,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10, "application_name": "nurture"},
        )
    except ModuleNotFoundError as error:
        raise Mistake('PostgreSQL needs psycopg: pip install "nurture[postgres]"') from error


_SQLITE_ARGUMENTS = {"timeout": BUSY_SECONDS, "check_same_thread": False}


def _set_up(engine: Engine, pragmas: tuple[str, ...], begin: str | None) -> None:
    @event.listens_for(engine, "connect")
    def opened(connection: SqliteConnection, record: Any) -> None:
        connection.isolation_level = None  # otherwise sqlite3 begins by itself, too late, and loses updates
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    if begin is not None:

        @event.listens_for(engine, "begin")
        def begun(connection: Connection) -> None:
            connection.exec_driver_sql(begin)


def is_locked(error: BaseException) -> bool:
    """Another process held the SQLite database for the whole waiting time."""
    return _sqlite_name(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def is_full(error: BaseException) -> bool:
    """The disk is full, or the file may not grow; also where that undid the transaction and more failed."""
    number = getattr(getattr(error, "orig", error), "errno", None)
    full = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_TRUNCATE")
    if _sqlite_name(error) in full or number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return True
    return error.__context__ is not None and is_full(error.__context__)


def is_undone(error: BaseException) -> bool:
    """PostgreSQL undid the transaction for the sake of another one: it may simply be run again."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) in _UNDONE


def is_unavailable(error: BaseException) -> bool:
    """The store could do nothing at that moment, whatever was asked: locked, full, damaged, away."""
    if isinstance(error, (Mistake, OSError, MemoryError, PoolTimeout)):
        return True
    kinds = {kind.__name__ for kind in type(getattr(error, "orig", error)).__mro__}  # of PEP 249
    return bool(kinds & {"DatabaseError", "InterfaceError"}) and not kinds & {"DataError", "IntegrityError"}


def is_away(error: BaseException) -> bool:
    """PostgreSQL hung up, is starting or stopping: it is nobody's bug, and another try may find it there."""
    cause = getattr(error, "orig", error)
    state = getattr(cause, "sqlstate", "none of PostgreSQL's")
    return type(cause).__name__ in _AWAY_KINDS and (state is None or state[:2] in _AWAY_CLASSES)


_AWAY_KINDS = ("OperationalError", "AdminShutdown", "CrashShutdown", "CannotConnectNow")
_AWAY_CLASSES = ("08", "57")  # connection exception, operator intervention


def _sqlite_name(error: BaseException) -> str:
    return str(getattr(getattr(error, "orig", error), "sqlite_errorname", ""))


def connected(engine: Engine) -> Connection:
    """A connection; what a person can put right about the database becomes a Mistake."""
    try:
        return engine.connect()
    except DBAPIError as error:
        if error.statement is not None:
            raise
        raise _unreachable(engine.url, error) from error


def _unreachable(url: URL, error: DBAPIError) -> Exception:
    if not is_sqlite(url):
        said = str(error.orig).strip().splitlines()[0]
        return Mistake(f"Cannot reach the database {url.render_as_string()}: {said}")
    match _sqlite_name(error):
        case "SQLITE_CANTOPEN":
            folder = Path(str(url.database)).resolve().parent
            return Mistake(f"Cannot open the database {url.database}: is {folder} a folder you may write in?")
        case "SQLITE_NOTADB":
            return Mistake(f"{url.database} is not an SQLite database: move it away or name another file.")
        case "SQLITE_READONLY" | "SQLITE_READONLY_DIRECTORY":
            return Mistake(f"You may not write to the database {url.database}: change its owner or rights.")
        case _:
            return error

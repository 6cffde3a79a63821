"""The database: reachable, of the right version, whole, with room to write, and who works on it."""

import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import sqlite_version_info

from sqlalchemy import Connection

from nurture.assembly import shipped
from nurture.doctor.findings import Finding, Group
from nurture.store import engines, runlock, schema
from nurture.store.journal import Journal

LEAST_FREE = 200 << 20
"""Bytes beside the database below which nothing is sent (docs/operators.md)."""
LEAST_SHARE = 0.05
LONG_LOG = 64 << 20
"""Bytes of a write-ahead log that nobody checkpoints."""
QUICK = 64 << 20
"""Bytes of a database that is read whole without being asked to: a second at most."""

_FIRST_BUGGY, _FIXED = (3, 7, 0), (3, 51, 3)

_database = Group("database")


@contextmanager
def reading(url: str) -> Iterator[Connection]:
    """One moment of the database, nothing written. Raises Mistake where it cannot be reached."""
    address = engines.database_url(url)
    engine = engines.sqlite_reader(address) if engines.is_sqlite(address) else engines.postgres(address, 1)
    if not engines.is_sqlite(address):
        engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    try:
        with engines.connected(engine) as connection, connection.begin():
            yield connection
    finally:
        engine.dispose()


def file_of(url: str) -> Path | None:
    """The file of a SQLite database; None on PostgreSQL."""
    address = engines.database_url(url)
    return Path(str(address.database)) if engines.is_sqlite(address) else None


def examine_schema(url: str) -> Finding:
    """Whether the tables are those of this program. Raises Mistake where the database cannot be reached."""
    has, needs = schema.current(url), schema.head(shipped("migrations"))
    if has == needs:
        return _database.ok("schema", f"version {has}, as this program needs it")
    if has is not None and has > needs:
        says = f"version {has}, and this program knows {needs}"
        return _database.wrong("schema", says, "upgrade nurture")
    says = f"{f'version {has}' if has else 'no tables'}, and this program needs {needs}"
    return _database.warn("schema", says, "back up; the next command but this one brings it up to date")


def examine_server(connection: Connection) -> Iterator[Finding]:
    """PostgreSQL's version."""
    version = connection.dialect.server_version_info or (0,)
    shown = ".".join(map(str, version))
    if version >= (15,):
        yield _database.ok("server", f"PostgreSQL {shown}")
    else:
        yield _database.wrong("server", f"PostgreSQL {shown}", "nurture needs version 15 or later")


def examine_file(file: Path, connection: Connection | None, *, integrity: bool) -> Iterator[Finding]:
    """SQLite: its version, who may read the file, whether it is whole, and its log."""
    version = ".".join(map(str, sqlite_version_info))
    if _FIRST_BUGGY <= sqlite_version_info < _FIXED:
        says = f"{version}, of 3.7.0 to 3.51.2, which can corrupt a write-ahead log (the WAL-reset bug)"
        does = (
            "nurture checkpoints on one connection alone; write to the file with no other program, or upgrade"
        )
        yield _database.warn("SQLite", says, does)
    else:
        yield _database.ok("SQLite", version)
    if not file.exists():
        yield _database.ok("file", f"{file.name} is made by the first import, run or wake")
        return
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        says = f"{file.name} can be read by others (mode {mode:04o}); it holds people's addresses"
        yield _database.wrong("file", says, f"chmod 600 {file.name}*")
    log = file.with_name(f"{file.name}-wal")
    if log.exists() and log.stat().st_size > LONG_LOG:
        says = f"the write-ahead log has {log.stat().st_size >> 20} MiB"
        yield _database.warn("log", says, "some program holds the database open for reading: end it")
    if connection is not None:
        yield _whole(file, connection, integrity=integrity)


def _whole(file: Path, connection: Connection, *, integrity: bool) -> Finding:
    size = file.stat().st_size
    if size > QUICK and not integrity:
        return _database.ok(
            "integrity", f"not looked at, {size >> 20} MiB; `nurture doctor --integrity` does"
        )
    said = connection.exec_driver_sql("PRAGMA quick_check(5)").scalars().all()
    if said == ["ok"]:
        return _database.ok("integrity", f"{file.name} is whole ({max(size >> 10, 1):,} KiB)")
    does = "stop nurture, copy all its files away, and restore a backup"
    return _database.wrong("integrity", f"{file.name} is damaged: {said[0]}", does)


def examine_room(folder: Path) -> Finding:
    """Free space where the database lies."""
    usage = shutil.disk_usage(folder)
    free = f"{usage.free / (1 << 30):.1f} GiB free beside the database"
    if usage.free < LEAST_FREE:
        return _database.wrong("disk", free, "make room: below 200 MiB nothing is sent")
    if usage.free < LEAST_SHARE * usage.total:
        return _database.warn("disk", f"{free}, less than 5 %", "make room")
    return _database.ok("disk", free)


def examine_holder(file: Path, holder: str) -> Finding:
    """Who delivers now."""
    if holder:
        return _database.ok("running", f"{holder} delivers")
    if Journal(file.with_name(f"{file.name}.journal")).waiting:
        says = "nobody, and unsubscribes wait in the journal for the next who does"
        return _database.warn("running", says, "nurture run")
    return _database.ok("running", "nobody delivers now")


def holder_of(file: Path) -> str:
    """Who holds the run lock of a SQLite database; empty if nobody."""
    return runlock.holder(file)

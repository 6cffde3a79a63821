"""One deliverer per SQLite database: whoever runs or wakes holds `<database>.lock`.

SQLite rows carry no leases: at the start of the one deliverer every claimed row is free again. So there
must be no second one. The lock is the operating system's (flock): it goes with the process, even a killed
one; the file stays and says who held it last.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nurture.errors import Mistake


def lock_file(database: Path) -> Path:
    """Where the lock of a database lies."""
    return database.with_name(database.name + ".lock")


@contextmanager
def held(database: Path) -> Iterator[None]:
    """Hold the database alone. Mistake, naming the holder's process, if another one does."""
    path = lock_file(database)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Mistake(
                f"{_somebody(path)} already runs on {database}: stop it first, or use PostgreSQL "
                "to run several."
            ) from error
        os.truncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def holder(database: Path) -> str:
    """Who else holds the database now, as words for a sentence; empty if nobody does, or this process."""
    path = lock_file(database)
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return "" if path.read_text().strip() == str(os.getpid()) else _somebody(path)
    finally:
        os.close(handle)
    return ""


def _somebody(path: Path) -> str:
    number = path.read_text().strip()
    return f"nurture (process {number})" if number else "Another nurture"

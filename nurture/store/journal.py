"""One file beside the database, for what must not be lost while the store cannot take it.

An unsubscribe is a promise to somebody, and what a server answered about a message is said once. If the
store is locked or its disk is full, they are appended here and forced to disk; a duty replays them. Replaying
twice does no harm, because every entry carries a token by which its taker knows it. On a full disk a file
that was laid there in better times makes room.

Replay first renames the file, so that writers go on in a new one, and removes it once its entries are
committed. A crash between the two replays them again. Several processes may append at once.
"""

import errno
import fcntl
import glob
import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from nurture import failpoints

logger = logging.getLogger(__name__)

Entry = Mapping[str, str]
"""Plain text values; `kind` says who takes it, `token` makes it the same entry when it comes twice."""

SPARE_BYTES = 256 << 10
"""Room for a thousand answers; never more wait than there are connections and claims."""

Taker = Callable[[Sequence[Entry]], None]


class Journal:
    """Entries that wait for the store. `path` is the file appended to; its folder must exist."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, *entries: Entry) -> None:
        """Return once `entries` are on the disk. Raises OSError where they cannot be."""
        lines = b"".join(json.dumps(dict(entry), ensure_ascii=True).encode() + b"\n" for entry in entries)
        try:
            self._append(lines)
        except OSError as full:
            if full.errno != errno.ENOSPC or not self._spare.exists():
                raise
            self._spare.unlink(missing_ok=True)
            self._append(lines)
        failpoints.hit("journal.append")

    def reserve(self) -> None:
        """Lay by the space that entries need on a full disk. Raises OSError where there is none.

        Cheap where it lies there already.
        """
        if self._spare.exists():
            return
        unfinished = self._spare.with_name(f"{self._spare.name}-{os.getpid()}")
        try:
            with unfinished.open("wb") as file:
                file.write(os.urandom(SPARE_BYTES))  # nothing that a file system could leave out
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self._spare)
        finally:
            unfinished.unlink(missing_ok=True)

    @property
    def waiting(self) -> bool:
        """Whether anything has to be replayed: no more than a look at the folder."""
        return self.path.exists() or bool(self._aside())

    def replay(self, takers: Mapping[str, Taker]) -> int:
        """Hand the waiting entries to the taker of their kind; how many there were.

        A taker returns once they are committed. What it raises is passed on, and the entries wait for the
        next time; so do those that nobody takes, with a KeyError.
        """
        self._set_aside()
        failpoints.hit("journal.aside")
        replayed = 0
        for file in self._aside():
            try:
                entries = read_entries(file.read_bytes())
            except FileNotFoundError:
                continue  # another process has replayed it
            for kind in {entry["kind"] for entry in entries}:
                takers[kind]([entry for entry in entries if entry["kind"] == kind])
            failpoints.hit("journal.taken")
            file.unlink(missing_ok=True)
            replayed += len(entries)
        return replayed

    @property
    def _spare(self) -> Path:
        return self.path.with_name(f"{self.path.name}-spare")

    def _append(self, lines: bytes) -> None:
        with self._locked() as file:
            before = os.fstat(file).st_size
            # A line that a crash cut short must not swallow the next one.
            _write_all(file, lines if before == 0 else b"\n" + lines)
            os.fsync(file)
            if before == 0:
                _sync_folder(self.path.parent)

    def _set_aside(self) -> None:
        """Rename the file that is written to, under its lock, to a name that nobody writes to."""
        if not self.path.exists():
            return
        with self._locked():
            handle, name = tempfile.mkstemp(prefix=f"{self.path.name}.", dir=self.path.parent)
            os.close(handle)
            self.path.rename(name)
        _sync_folder(self.path.parent)

    def _aside(self) -> list[Path]:
        return sorted(self.path.parent.glob(f"{glob.escape(self.path.name)}.*"))

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The file, open for appending and locked; opened again if it was set aside meanwhile."""
        while True:
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                if _is_at(file, self.path):
                    yield file
                    return
            finally:
                os.close(file)


def read_entries(content: bytes) -> list[Entry]:
    """The entries of a journal file.

    A line that a crash cut short is left out: whoever wrote it was never told that it is safe.
    """
    entries: list[Entry] = []
    for line in filter(None, content.split(b"\n")):
        try:
            entry = json.loads(line)
        except ValueError:
            logger.warning("The journal holds a line that was cut short: %d bytes left out.", len(line))
            continue
        entries.append({str(name): str(value) for name, value in entry.items()})
    return entries


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.fstat(file).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

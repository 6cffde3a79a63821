"""One file beside the database, for what must not be lost while the store cannot take it.

An unsubscribe is a promise to somebody. If the store is locked or its disk is full, it is appended here and
forced to disk before we answer; a duty replays it. Replaying twice does no harm, because every entry
carries a token by which its taker knows it.

Replay first renames the file, so that writers go on in a new one, and removes it once its entries are
committed. A crash between the two replays them again. Several processes may append at once.
"""

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

Taker = Callable[[Sequence[Entry]], None]


class Journal:
    """Entries that wait for the store. `path` is the file appended to; its folder must exist."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, entry: Entry) -> None:
        """Return once `entry` is on the disk. Raises OSError where it cannot be."""
        line = json.dumps(dict(entry), ensure_ascii=True).encode() + b"\n"
        with self._locked() as file:
            is_new = os.fstat(file).st_size == 0
            # A line that a crash cut short must not swallow the next one.
            _write_all(file, line if is_new else b"\n" + line)
            os.fsync(file)
            if is_new:
                _sync_folder(self.path.parent)
        failpoints.hit("journal.append")

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

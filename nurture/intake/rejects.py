"""The rows that did not go in, beside the list they came from, so that they can be put right and sent again.

`leads.csv` gets `leads.rejects.csv`: row number, column and reason, then the row as it was. The file holds
what people's rows hold, so only its owner may read it; cells that a spreadsheet would run are defused.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nurture.errors import Mistake
from nurture.intake.csv import defused

MOST_KEPT = 100_000
"""Rows in the file; more are counted and not kept, so a useless list cannot fill the disk."""


class Rejects:
    """An open file of rejects."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        """Raises Mistake where the file cannot be written."""
        self.path = path
        self.count = 0
        try:
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
            self._file = path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise Mistake(
                f"Cannot write rejected rows to {path}: {error.strerror}. Copy the list to a folder of yours."
            ) from None
        self._writer = csv.writer(self._file)
        self._write(["row", "column", "reason", *header])

    def add(self, number: int, column: str, reason: str, cells: Sequence[str]) -> None:
        """One more row that did not go in."""
        self.count += 1
        if self.count <= MOST_KEPT:
            self._write([str(number), column, reason, *cells])

    def close(self) -> None:
        """Keep the file if anything stands in it."""
        self._file.close()
        if not self.count:
            self.path.unlink()

    def _write(self, cells: list[str]) -> None:
        self._writer.writerow([defused(cell) for cell in cells])


def rejects_path(list_path: Path) -> Path:
    """`leads.csv` and `leads.csv.gz` -> `leads.rejects.csv` beside it."""
    name = list_path.name.removesuffix(".gz").removesuffix(".csv")
    return list_path.with_name(f"{name}.rejects.csv")


@contextmanager
def kept_beside(list_path: Path, header: Sequence[str]) -> Iterator[Rejects]:
    """The rejects of a list; an earlier run's file is replaced, and none is left without a reject."""
    rejects = Rejects(rejects_path(list_path), header)
    try:
        yield rejects
    finally:
        rejects.close()

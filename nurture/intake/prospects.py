"""Importing a list of prospects: good rows go in, bad ones come back with a reason, twice changes nothing.

The list is read a row at a time and written a few hundred rows at a time, so memory stays flat and a
daemon on the same database is never kept waiting. A first reading finds the addresses that stand in the
list more than once: their rows are put together, the later one winning, before anything is written. So
the order of rows decides once, and a second run of the same list finds nothing new.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from nurture.core.programme import Programme
from nurture.errors import Mistake
from nurture.intake.addresses import NoAddress
from nurture.intake.csv import Row, Table, open_table
from nurture.intake.mapfile import read_map
from nurture.intake.mapping import Map, Refusal
from nurture.intake.rejects import Rejects, kept_beside, rejects_path
from nurture.store import Listed, Store, enter_listed, entry, silence_listed, write_beside

CHUNK = 250
"""Rows of one transaction: about 30 ms of lock on SQLite, where more at once is hardly quicker."""

FORGOTTEN = "this person asked to be forgotten and is not entered again"


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the rows: `rows` is the sum of the next five."""

    rows: int
    new: int
    changed: int
    unchanged: int
    duplicates: int
    """Rows of an address that another row of the list has; the later row wins."""
    rejected: int
    suppressed: int
    """People of this list whom we never mail; they are counted above too."""
    rejects: Path | None
    encoding: str


_Write = Callable[[Sequence[Listed], Sequence[str]], list[tuple[str, bool]]]
_Silence = Callable[[Mapping[str, str]], None]


class _Waiting(NamedTuple):
    """A row that can go in."""

    number: int
    cells: list[str]
    listed: Listed


def import_prospects(
    store: Store,
    programme: Programme,
    key: bytes,
    list_path: Path,
    map_path: Path,
    now: datetime,
    *,
    progress: Callable[[int], None] = lambda read: None,
    pretend: bool = False,
) -> Imported:
    """Import a CSV file under a map; `key` is the suppression key, `progress` hears the bytes read.

    With `pretend` nothing is written but the rejects. Raises Mistake where the list or its map cannot be
    used at all; then nothing has changed.
    """
    table = open_table(list_path)
    map = _map(map_path, table, programme)
    enter = partial(enter_listed, key=key, now=now, programme=programme.hash, pretend=pretend)

    def write(people: Sequence[Listed], evidence: Sequence[str]) -> list[tuple[str, bool]]:
        entries = [entry(listed, words, key) for listed, words in zip(people, evidence, strict=True)]
        return write_beside(store, partial(enter, people=entries))

    def silence(wishes: Mapping[str, str]) -> None:
        if not pretend:
            work = partial(silence_listed, wishes=wishes, key=key, now=now, programme=programme.hash)
            write_beside(store, work)

    with kept_beside(list_path, table.header) as rejects:
        run = _Run(table, map, now, rejects, write, silence)
        run.read(progress)
    return Imported(
        rows=run.rows,
        new=run.counts["new"],
        changed=run.counts["changed"],
        unchanged=run.counts["unchanged"],
        duplicates=run.counts["duplicates"],
        rejected=rejects.count,
        suppressed=run.counts["suppressed"],
        rejects=rejects_path(list_path) if rejects.count else None,
        encoding=table.encoding,
    )


def _map(path: Path, table: Table, programme: Programme) -> Map:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Mistake(f"Cannot read {path}: {error.strerror}.") from None
    map = read_map(str(path), raw, table.header, programme)
    if isinstance(map, Map):
        return map
    raise Mistake("\n".join(["the map cannot be used, and nothing was imported", *(str(one) for one in map)]))


class _Run:
    """One import under way."""

    def __init__(
        self, table: Table, map: Map, now: datetime, rejects: Rejects, write: _Write, silence: _Silence
    ) -> None:
        self.rows = 0
        self.counts: Counter[str] = Counter()
        self._table = table
        self._map = map
        self._now = now
        self._rejects = rejects
        self._write_all = write
        self._silence_all = silence
        self._wishes: dict[str, str] = {}
        self._chunk: list[_Waiting] = []
        self._held: dict[str, _Waiting] = {}

    def read(self, progress: Callable[[int], None]) -> None:
        """Everything, from the first row to the last."""
        twice = self._twice()
        for row in self._table.rows():
            self.rows += 1
            if self.rows % CHUNK == 0:
                progress(self._table.position)
            if row.problem:
                self._rejects.add(row.number, "", row.problem, row.cells)
                continue
            heard = self._map.hear(row.cells, self._now)
            if isinstance(heard, Refusal):
                self._refuse(row, heard)
            elif hash(heard.address) in twice:
                self._hold(_Waiting(row.number, row.cells, heard))
            else:
                self._add(_Waiting(row.number, row.cells, heard))
        for waiting in self._held.values():
            self._add(waiting)
        self._write()
        self._silence()
        progress(self._table.size)

    def _twice(self) -> set[int]:
        """Hashes of the addresses that stand in more than one row."""
        seen: set[int] = set()
        twice: set[int] = set()
        for row in self._table.rows():
            if row.problem:
                continue
            try:
                mark = hash(self._map.address(row.cells))
            except NoAddress:
                continue
            (twice if mark in seen else seen).add(mark)
        return twice

    def _refuse(self, row: Row, refusal: Refusal) -> None:
        self._rejects.add(row.number, refusal.column, refusal.reason, row.cells)
        if refusal.address and refusal.silence:
            self._wishes[refusal.address] = refusal.silence
        if len(self._wishes) == CHUNK:
            self._silence()

    def _silence(self) -> None:
        if self._wishes:
            self._silence_all(self._wishes)
            self.counts["suppressed"] += len(self._wishes)
            self._wishes = {}

    def _hold(self, waiting: _Waiting) -> None:
        earlier = self._held.get(waiting.listed.address)
        if earlier is not None:
            self.counts["duplicates"] += 1
            waiting = waiting._replace(listed=together(earlier.listed, waiting.listed))
        self._held[waiting.listed.address] = waiting

    def _add(self, waiting: _Waiting) -> None:
        self._chunk.append(waiting)
        if len(self._chunk) == CHUNK:
            self._write()

    def _write(self) -> None:
        if not self._chunk:
            return
        people = [waiting.listed for waiting in self._chunk]
        evidence = [f"{self._table.path.name}, row {waiting.number}" for waiting in self._chunk]
        outcomes = self._write_all(people, evidence)
        for waiting, (outcome, suppressed) in zip(self._chunk, outcomes, strict=True):
            if outcome == "forgotten":
                self._rejects.add(waiting.number, "", FORGOTTEN, waiting.cells)
                continue
            self.counts[outcome] += 1
            self.counts["suppressed"] += suppressed
        self._chunk.clear()


def together(earlier: Listed, later: Listed) -> Listed:
    """Two rows about one person: the later one wins, where it says anything; a wish for silence stays."""
    return later._replace(
        account=later.account or earlier.account,
        values={**earlier.values, **later.values},
        personal={**earlier.personal, **later.personal},
        events=tuple({event.key: event for event in (*earlier.events, *later.events)}.values()),
        silence=later.silence or earlier.silence,
    )

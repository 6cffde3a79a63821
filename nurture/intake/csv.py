"""Reading a CSV file as it comes: any usual encoding and delimiter, never more of it in memory than a row.

What makes the whole file unreadable is a `Mistake` before the first row; what makes one row unreadable is
that row's `problem`, and the next row is read as if nothing had been. A quotation mark that is never
closed costs its own line only: the lines it swallowed are read again.
"""

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from nurture.errors import Mistake
from nurture.intake.lines import LARGEST_ROW, MOST_LINES, Feed, TooLong

LARGEST_FILE = 2 * 1024**3
"""Bytes, unpacked: more is refused, so a small packed file cannot keep us busy for hours."""

MOST_UNREADABLE = 100_000
"""Rows that cannot be read, or blank lines in a row, after which a file is no list."""

DELIMITERS = ",;\t|"

FORMULA_SIGNS = tuple("=+-@\t\r＝＋－＠")
"""A spreadsheet runs a cell that begins with one of these."""

_SAMPLE = 64 * 1024
_SAMPLE_ROWS = 20
_GZIP = b"\x1f\x8b"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""The longer mark first: UTF-32's begins with UTF-16's."""

_NOT_TEXT = (
    (b"PK\x03\x04", "a spreadsheet or a zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file"),
    (b"%PDF", "a PDF"),
    (_GZIP, "packed twice"),
)


class Row(NamedTuple):
    """One row. `number` counts as a spreadsheet does: the header is row 1, blank lines count.

    With a `problem`, `cells` is what could be read of it, for showing.
    """

    number: int
    cells: list[str]
    problem: str = ""


@dataclass
class Table:
    """An opened CSV file. `rows` may be asked for again, each time from the beginning."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...] = ()
    size: int = 0
    """Bytes on disk."""
    position: int = field(default=0, init=False)
    """Bytes read so far by the newest `rows`."""

    def rows(self) -> Iterator[Row]:
        """Every row after the header that is not blank, in order. Raises Mistake for a file beyond use."""
        width = len(self.header)
        lossy = self.encoding == "cp1252"
        with _decoded(self.path, self.encoding) as (raw, text):
            records = self._records(text)
            next(records, None)
            unreadable = blank = 0
            for record in records:
                row = record._replace(problem=record.problem or _problem(record.cells, width, lossy))
                blank = 0 if row.cells else blank + 1
                unreadable += bool(row.problem and row.cells)
                if max(unreadable, blank) > MOST_UNREADABLE:
                    like = f"row {row.number}: {row.problem}"
                    raise Mistake(f"{self.path} is no list, too many rows are like {like}.")
                if row.cells:
                    self.position = raw.tell()
                    yield row

    def _records(self, text: io.TextIOWrapper) -> Iterator[Row]:
        """All records with the header; blank ones have no cells."""
        csv.field_size_limit(LARGEST_ROW)
        feed = Feed(text, self.path)
        if _declared(feed.peek()):
            next(feed)
        number = 0
        reader = self._reader(feed)
        while True:
            feed.begin()
            number += 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, TooLong) as error:
                yield Row(number, [feed.first()], _reason(error))
                feed.again()
                reader = self._reader(feed)
            else:
                yield Row(number, cells)

    def _reader(self, feed: Feed) -> Iterator[list[str]]:
        return csv.reader(feed, delimiter=self.delimiter, strict=True)


def open_table(path: Path) -> Table:
    """Find out how the file is written. Raises Mistake where it is no CSV file that can be read."""
    size = _size(path)
    encoding = _encoding(path)
    sample = _sample(path, encoding)
    if not sample.strip("\r\n\t ,;|"):
        raise Mistake(f"{path} is empty: it needs a first row with the names of the columns.")
    table = Table(path, encoding, _declared(sample) or _delimiter(sample), size=size)
    with _decoded(path, encoding) as (_, text):
        first = next(table._records(text))
    if why := first.problem or _problem(first.cells, len(first.cells), encoding == "cp1252"):
        raise Mistake(f"{path}: the first row must hold the names of the columns, but {why}.")
    table.header = tuple(name.strip() for name in first.cells)
    return table


def defused(cell: str) -> str:
    """The cell as a spreadsheet may see it: shown, never run."""
    return f"'{cell}" if cell.startswith(FORMULA_SIGNS) else cell


def bare(cell: str) -> str:
    """The cell without spaces around it and without the apostrophe of `defused`, ours or another's."""
    cell = cell.strip()
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA_SIGNS) else cell


def _size(path: Path) -> int:
    if path.is_dir():
        raise Mistake(f"{path} is a folder: name the CSV file in it.")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise Mistake(f"Cannot read {path}: {error.strerror}.") from None
    if size == 0:
        raise Mistake(f"{path} is empty: it needs a first row with the names of the columns.")
    return size


@contextmanager
def _unpacked(path: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """The file itself, and its content with gzip taken off; damage is a Mistake, whenever it is met."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            if packed:
                with gzip.open(raw) as content:
                    yield raw, content  # type: ignore[misc]  # a GzipFile is read like any binary file
            else:
                yield raw, raw
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise Mistake(f"{path} is a damaged gzip file: pack or copy it again.") from None
    except OSError as error:
        raise Mistake(f"Cannot read {path}: {error.strerror}.") from None


@contextmanager
def _decoded(path: Path, encoding: str) -> Iterator[tuple[IO[bytes], io.TextIOWrapper]]:
    """The file itself, and its content as text with line ends as they are."""
    with (
        _unpacked(path) as (raw, stream),
        io.TextIOWrapper(stream, encoding, errors="replace", newline="") as text,
    ):
        yield raw, text


def _encoding(path: Path) -> str:
    """By the byte order mark; else UTF-8 if all of it is; else Windows-1252, which Excel writes."""
    with _unpacked(path) as (_, stream):
        head = stream.read(_SAMPLE)
        marked = next((name for mark, name in _BOMS if head.startswith(mark)), "")
        if not marked:
            _refuse_binary(path, head)
        decoder = codecs.getincrementaldecoder(marked or "utf-8")()
        try:
            read = 0
            while head:
                decoder.decode(head)
                read += len(head)
                if read > LARGEST_FILE:
                    raise Mistake(f"{path} holds more than 2 GB: split it.")
                head = stream.read(_SAMPLE)
            decoder.decode(b"", True)
        except UnicodeDecodeError:
            if marked:
                raise Mistake(f"{path} begins as {marked.upper()} and is damaged: export it again.") from None
            return "cp1252"
    return marked or "utf-8"


def _refuse_binary(path: Path, head: bytes) -> None:
    for magic, what in _NOT_TEXT:
        if head.startswith(magic):
            raise Mistake(f"{path} is {what}, not CSV: open it and export (save as) CSV.")
    if head[:4096].count(0) > 4:
        raise Mistake(f"{path} is not text: export it as CSV in UTF-8.")


def _sample(path: Path, encoding: str) -> str:
    with _decoded(path, encoding) as (_, text):
        return text.read(_SAMPLE)


def _declared(line: str) -> str:
    """Excel's own first line `sep=;`."""
    found = re.match(r'"?sep=([,;\t|])"?\r?(\n|$)', line)
    return found[1] if found else ""


def _delimiter(sample: str) -> str:
    """The one that cuts most of the first rows into as many cells as the header has."""
    return max(DELIMITERS, key=lambda delimiter: _fits(sample, delimiter))


def _fits(sample: str, delimiter: str) -> tuple[int, int]:
    csv.field_size_limit(LARGEST_ROW)
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    widths = [len(cells) for cells in islice(reader, _SAMPLE_ROWS) if cells]
    if not widths or widths[0] == 1:
        return 0, 0
    return widths.count(widths[0]), widths[0]


def _problem(cells: list[str], width: int, lossy: bool) -> str:
    if not cells:
        return "it is blank"
    if len(cells) != width:
        return f"it has {len(cells)} cells, the header {width}: check its quotation marks and delimiters"
    if any("\0" in cell for cell in cells):
        return "it holds a NUL character, which no text has"
    if lossy and any("\ufffd" in cell for cell in cells):
        return "it is neither UTF-8 nor Windows-1252: save the file as UTF-8"
    return ""


def _reason(error: Exception) -> str:
    if "unexpected end" in str(error):
        return "a quotation mark is opened in it and never closed"
    if "expected after" in str(error):
        return "text follows a closing quotation mark: inside a cell, quotation marks are written twice"
    return f"it is longer than 10 MB or {MOST_LINES:,} lines: is a quotation mark never closed?"

"""The lines of a list on their way to the parser: bounded, and given again where a row went wrong."""

import io
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from nurture.errors import Mistake

LARGEST_ROW = 10 * 1024 * 1024
"""Characters in one row (so also in one cell)."""

MOST_LINES = 10_000
"""Lines in one row: cells hold a few, and a quotation mark that is never closed all that follow."""

_LARGEST_REREAD = 6 * LARGEST_ROW
_MOST_REREAD = 100 * MOST_LINES


class TooLong(Exception):
    """A row beyond the limit."""


class Feed:
    """Hands physical lines to the parser, keeps those of the record under way, and can give them again."""

    def __init__(self, text: io.TextIOWrapper, path: Path) -> None:
        self._text = text
        self._path = path
        self._waiting: deque[str] = deque()
        self._pulled: list[str] = []
        self._length = 0
        self._reread = 0
        self._reread_lines = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else self._text.readline(LARGEST_ROW)
        if not line:
            raise StopIteration
        self._pulled.append(line)
        self._length += len(line)
        if self._length >= LARGEST_ROW or len(self._pulled) > MOST_LINES:
            self._skip_rest(line)
            raise TooLong
        return line

    def peek(self) -> str:
        """The first line, which stays."""
        line = self._text.readline(LARGEST_ROW)
        self._waiting.append(line)
        return line

    def begin(self) -> None:
        """A new record begins."""
        self._pulled.clear()
        self._length = 0

    def first(self) -> str:
        """The first line of the record, shortened to be shown."""
        return self._pulled[0].rstrip("\r\n")[:1000]

    def again(self) -> None:
        """The first line of the record is spent; the others will come again, within reason."""
        others = self._pulled[1:]
        self._reread += sum(map(len, others))
        self._reread_lines += len(others)
        if self._reread > _LARGEST_REREAD or self._reread_lines > _MOST_REREAD:
            raise Mistake(
                f"{self._path}: again and again a quotation mark is never closed: export the file again."
            )
        self._waiting.extendleft(reversed(others))

    def _skip_rest(self, line: str) -> None:
        """A line cut by the limit has a tail that must not pass for a row."""
        while len(line) == LARGEST_ROW and not line.endswith(("\n", "\r")):
            line = self._text.readline(LARGEST_ROW)

"""An authored file as data that remembers where each of its keys and values stands."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nurture.authoring.problems import Problem

MOST_PROBLEMS = 100
"""Of one file that are told."""

LARGEST = 1_000_000
"""Bytes of one file."""

Path = tuple[str | int, ...]
"""Keys and item numbers (from 0) from the top of a file down to a value."""

Hint = str | Callable[[], str]
"""What to write instead; a function where finding it takes time."""

Place = tuple[int, int]
"""Line and column, both from 1."""

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(slots=True)
class Places:
    """Where values and keys stand; what was not written stands where its parent does."""

    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)

    def of(self, path: Path) -> Place:
        """The place of a value, or of the nearest thing around it."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, (1, 1))

    def of_key(self, path: Path) -> Place:
        """The place of a key (of the item itself in a list)."""
        return self.keys.get(path) or self.of(path)


@dataclass(slots=True)
class Source:
    """One file's plain data, its places, and the problems found in it so far."""

    file: str
    data: Any
    places: Places
    problems: list[Problem]
    told: int = 0

    @property
    def is_full(self) -> bool:
        """Enough was told about this file: nobody reads on, and looking for hints takes time."""
        return self.told >= MOST_PROBLEMS

    def wrong(
        self, path: Path, what: str, hint: Hint = "", *, key: bool = False, warning: bool = False
    ) -> None:
        """Note what is wrong with the value at a path, or with its key. Only the first hundred are kept."""
        if self.is_full:
            return
        self.told += 1
        if self.is_full:
            what, hint = "and there are more problems in this file", "put the ones above right first"
        hint = hint if isinstance(hint, str) else hint()
        line, column = self.places.of_key(path) if key else self.places.of(path)
        self.problems.append(Problem(self.file, line, column, worded(path), what, hint, warning))

    def at(self, *path: str | int) -> Any:
        """The value at a path, None where the file has another shape."""
        value = self.data
        for step in path:
            items = dict(enumerate(value)) if isinstance(value, list) else value
            if not isinstance(items, dict) or step not in items:
                return None
            value = items[step]
        return value

    def entries(self, *path: str | int) -> Iterator[tuple[Path, str, Any]]:
        """Path, key and value of each entry of the mapping at a path; nothing where there is none."""
        value = self.at(*path)
        if isinstance(value, dict):
            for key, item in value.items():
                yield (*path, key), key, item

    def words(self, *path: str | int) -> Iterator[tuple[Path, str]]:
        """Path and text of each text in the list at a path, or of the one text there."""
        value = self.at(*path)
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, str):
                    yield (*path, number), item


def worded(path: Path) -> str:
    """A path as people read it: `say[2].wait`; items count from 1."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step + 1}]"
        else:
            text += ("." if text else "") + step
    return text if len(text) <= 120 else text[:120] + "..."


def decode(file: str, raw: bytes | str) -> str | Problem:
    """A file's text with `\\n` between lines, or what keeps it from being text."""
    if len(raw) > LARGEST:
        return Problem(file, 1, 1, "", f"is larger than {LARGEST:,} bytes", "split it or shorten it")
    if isinstance(raw, bytes):
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            return Problem(file, 1, 1, "", "is written in UTF-16", "save it as UTF-8")
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as wrong:
            before = raw[: wrong.start].decode("utf-8")
            line, column = _place(before, len(before))
            return Problem(file, line, column, "", "is not UTF-8 from here on", "save it as UTF-8")
    else:
        text = raw
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    found = _UNPRINTABLE.search(text)
    if found:
        line, column = _place(text, found.start())
        what = f"holds a control character (U+{ord(found[0]):04X})"
        return Problem(file, line, column, "", what, "delete it, or save the file as plain UTF-8 text")
    return text


def _place(text: str, position: int) -> Place:
    return text.count("\n", 0, position) + 1, position - (text.rfind("\n", 0, position) + 1) + 1


Files = Mapping[str, bytes | str]
"""Authored files by path relative to the workspace, with `/` between folders."""

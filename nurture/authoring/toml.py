"""nurture.toml as data with places: `tomllib` reads the values, a scan of the tokens finds where they are."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, time
from itertools import count
from json import dumps
from typing import Any, NamedTuple

from nurture.authoring.problems import Problem
from nurture.authoring.source import Path, Place, Places, Source

LARGEST = 100_000
"""Characters: reading a long dotted key takes time that grows with its square."""
LONGEST_LINE = 4_000

_SAID_AT = re.compile(r" ?\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_TOKEN = re.compile(
    r"""(?P<space>[ \t]+|\#[^\n]*)
      | (?P<line>\n)
      | (?P<text>\"{3}(?:\\.|[^\\])*?\"{3,5} | '{3}.*?'{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*')
      | (?P<sign>[\[\]{},=.])
      | (?P<bare>[^\s\[\]{},=.\#"']+)""",
    re.VERBOSE | re.DOTALL,
)


def read_toml(file: str, text: str) -> Source:
    """A document as plain data with places; `data` is None where it cannot be read."""
    source = Source(file, None, Places(), [])
    longest = max(text.split("\n"), key=len)
    if len(text) > LARGEST or len(longest) > LONGEST_LINE:
        line = text[: text.find(longest)].count("\n") + 1 if len(longest) > LONGEST_LINE else 1
        what = f"longer than {LARGEST:,} characters, or than {LONGEST_LINE:,} in one line"
        source.problems.append(Problem(file, line, 1, "", what, "shorten it"))
        return source
    try:
        data = tomllib.loads(text)
        _Scan(text, source.places).read()
    except tomllib.TOMLDecodeError as wrong:
        source.problems.append(_said(file, text, str(wrong)))
        return source
    except (ValueError, RecursionError):
        source.problems.append(
            Problem(file, 1, 1, "", "nested too deep, or a number too large", "shorten it")
        )
        return source
    return Source(file, data, source.places, source.problems)


def write_toml(sections: Mapping[str, Any]) -> str:
    """Canonical TOML of plain values: sections and their keys sorted, one key a line.

    What stands inside a value keeps its order: a form's fields are shown in it.
    """
    lines = []
    for name in sorted(sections):
        lines.append(f"[{_text(name)}]")
        lines += [f"{_text(key)} = {_value(value)}" for key, value in sorted(sections[name].items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    match value:
        case str():
            return _text(value)
        case dict():
            return "{" + ", ".join(f"{_text(key)} = {_value(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(_value(item) for item in value) + "]"
        case date() | time():
            return value.isoformat()
    return dumps(value)


def _text(value: str) -> str:
    """A basic string: JSON's, but for DEL, which TOML wants escaped."""
    return dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _said(file: str, text: str, said: str) -> Problem:
    """What tomllib says; where it says "end of document", the last line that holds something."""
    found = _SAID_AT.search(said)
    if found and found["line"]:
        place = int(found["line"]), int(found["column"])
    else:
        lines = text.rstrip().split("\n")
        place = len(lines), len(lines[-1]) + 1
    what = said[: found.start()] if found else said
    what = re.sub(r"[^\x20-\x7e]", "?", what[:100])
    return Problem(file, *place, "", f"not valid TOML: {what}", "check quotes, brackets and doubled keys")


class _Token(NamedTuple):
    kind: str
    text: str
    place: Place


class _Scan:
    """Walks a document that tomllib has accepted, and notes where keys and values begin."""

    def __init__(self, text: str, places: Places) -> None:
        self.tokens = _tokens(text)
        self.places = places
        self.token = next(self.tokens)
        self.tables: dict[Path, int] = {}

    def read(self) -> None:
        self.places.values[()] = (1, 1)
        table: Path = ()
        while self.token.kind != "end":
            if self.token.kind == "line":
                self._next()
            elif self.token.text == "[":
                table = self._header()
            else:
                self._entry(table)

    def _next(self) -> _Token:
        before, self.token = self.token, next(self.tokens)
        return before

    def _header(self) -> Path:
        place, opened = self.token.place, 0
        while self.token.text == "[":
            self._next()
            opened += 1
        table = self._inside(self._key())
        for _ in range(opened):
            self._next()
        if opened == 2:
            self.tables[table] = self.tables.get(table, -1) + 1
            table = (*table, self.tables[table])
        self._note(table, place, place)
        return table

    def _inside(self, names: list[str]) -> Path:
        """Where a header leads: a list of tables means its newest one."""
        path: Path = ()
        for name in names[:-1]:
            path = (*path, name)
            if path in self.tables:
                path = (*path, self.tables[path])
        return (*path, names[-1])

    def _key(self) -> list[str]:
        names = [_bare(self._next().text)]
        while self.token.text == ".":
            self._next()
            names.append(_bare(self._next().text))
        return names

    def _entry(self, table: Path) -> None:
        place = self.token.place
        path = (*table, *self._key())
        self._next()  # =
        for upto in range(len(table) + 1, len(path) + 1):
            self._note(path[:upto], place, self.token.place)
        self._value(path)

    def _value(self, path: Path) -> None:
        self.places.values.setdefault(path, self.token.place)
        match self._next().text:
            case "[":
                self._list(path)
            case "{":
                while not self._closes("}"):
                    self._entry(path)
            case _:
                while self.token.kind not in ("line", "end") and self.token.text not in (",", "]", "}"):
                    self._next()

    def _list(self, path: Path) -> None:
        for number in count():
            if self._closes("]"):
                return
            self._value((*path, number))

    def _closes(self, sign: str) -> bool:
        """Skips commas and line ends; takes the closing sign if it is there."""
        while self.token.kind == "line" or self.token.text == ",":
            self._next()
        if self.token.kind == "end":
            return True
        return self.token.text == sign and bool(self._next())

    def _note(self, path: Path, key: Place, value: Place) -> None:
        self.places.keys.setdefault(path, key)
        self.places.values.setdefault(path, value)


def _tokens(text: str) -> Iterator[_Token]:
    line, start = 1, 0
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or ""
        if kind != "space":
            yield _Token(kind, found[0], (line, found.start() - start + 1))
        if "\n" in found[0]:
            line += found[0].count("\n")
            start = found.start() + found[0].rfind("\n") + 1
    while True:
        yield _Token("end", "", (line, 1))


def _bare(name: str) -> str:
    return name[1:-1] if name[:1] in ('"', "'") else name

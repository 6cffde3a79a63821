"""YAML, strictly: plain data only, each key once, and nothing that is not what it looks like.

`no` and `on` are text, `12:30` is text, dates are text; only `true` and `false` are true and false. Tags
are refused. Size, depth, nodes and aliases are bounded, and an alias counts as often as it is used, so a
small file cannot grow large in memory. Built on the events of libyaml, without recursion.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

import yaml

from nurture.authoring.problems import Problem, shown
from nurture.authoring.source import Path, Places, Source

DEEPEST = 40
MOST_NODES = 50_000
MOST_ALIASES = 100

_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)
_NULLS = ("", "~", "null")
_LONGEST_NUMBER = 30

_SAID = {
    "mapping values are not allowed in this context": (
        "a colon where no key can stand",
        "put text with a colon in quotes, and check the indentation",
    ),
    "did not find expected key": (
        "a key was expected here",
        "check the indentation of this line and the last",
    ),
    "did not find expected '-' indicator": ("a list item was expected here", "start it with a dash"),
    "did not find expected ',' or ']'": ("the list above is not closed", "close it with ]"),
    "did not find expected ',' or '}'": ("the mapping above is not closed", "close it with }"),
    "found unexpected end of stream": ("the quotes are not closed", "add the closing quote"),
    "found character that cannot start any token": (
        "a character that cannot stand here unquoted",
        "put the text in quotes; indent with spaces, not tabs",
    ),
    "found undefined tag handle": ("tags are not allowed", "remove the word that starts with !"),
}


class _Stop(Exception):
    """Reading cannot go on from here."""


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read."""

    value: Any
    path: Path
    anchor: str | None
    nodes_before: int
    height: int = 1
    key: str | None = None
    skip: bool = False  # the key just read was refused: its value is read and dropped
    wants_key: bool = True


def read_yaml(file: str, text: str, *, first_line: int = 1) -> Source:
    """A document as plain data with places. `data` is None where nothing could be read.

    Problems are in `problems`; places count from `first_line`, for YAML that stands inside another file.
    """
    reader = _Reader(Source(file, None, Places(), []), first_line - 1)
    reader.read(text)
    return Source(file, reader.result, reader.source.places, reader.source.problems)


class _Reader:
    def __init__(self, source: Source, lines_before: int) -> None:
        self.source = source
        self.lines_before = lines_before
        self.result: Any = None
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Any, int, int]] = {}  # value, nodes, height
        self.nodes = 0
        self.aliases = 0
        self.documents = 0

    def read(self, text: str) -> None:
        try:
            for event in yaml.parse(text, Loader=yaml.CSafeLoader):
                self._take(event)
        except _Stop:
            self.result = None
        except yaml.MarkedYAMLError as wrong:
            self._broken(wrong)
        except (yaml.YAMLError, ValueError, RecursionError) as wrong:
            self._problem(
                (1, 1), f"cannot be read as YAML ({str(wrong)[:80]})", "save it as plain UTF-8 text"
            )
            self.result = None

    def _take(self, event: Any) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    self._stop(event, "a second document begins here", "keep one document in a file")
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.ScalarEvent():
                self._node(event)
                self._scalar(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._node(event)
                self._open(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close()

    def _node(self, event: Any) -> None:
        self._count(event, 1)
        if event.tag is not None and event.tag != "!":
            self._stop(event, f"the tag {shown(event.tag)} is not allowed", "remove it")

    def _count(self, event: Any, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > MOST_NODES:
            self._stop(event, f"more than {MOST_NODES:,} values", "split the file")

    def _alias(self, event: Any) -> None:
        self.aliases += 1
        if self.aliases > MOST_ALIASES:
            self._stop(event, f"more than {MOST_ALIASES} aliases", "write the values out")
        if any(container.anchor == event.anchor for container in self.stack):
            self._stop(event, f"the alias *{event.anchor[:40]} stands inside itself", "write the value out")
        if event.anchor not in self.anchors:
            self._stop(event, f"the alias *{event.anchor[:40]} has no anchor above it", "write the value out")
        value, nodes, height = self.anchors[event.anchor]
        self._count(event, nodes)
        if len(self.stack) + height > DEEPEST:
            self._stop(event, f"nested deeper than {DEEPEST} levels", "flatten it")
        if self.stack:
            self.stack[-1].height = max(self.stack[-1].height, height + 1)
        self._add(value, event)

    def _open(self, event: Any, value: Any) -> None:
        if len(self.stack) >= DEEPEST:
            self._stop(event, f"nested deeper than {DEEPEST} levels", "flatten it")
        if self._expects_key():
            self._stop(event, "a key is a mapping or a list", "use plain text as the key")
        path = self._path()
        self._add(value, event)
        self.stack.append(_Open(value, path, event.anchor, self.nodes))

    def _close(self) -> None:
        done = self.stack.pop()
        if done.anchor:
            self.anchors[done.anchor] = done.value, self.nodes - done.nodes_before + 1, done.height
        if self.stack:
            self.stack[-1].height = max(self.stack[-1].height, done.height + 1)

    def _scalar(self, event: Any) -> None:
        value = event.value if event.style or event.tag == "!" else self._plain(event)
        if event.anchor:
            self.anchors[event.anchor] = value, 1, 0
        self._add(value, event)

    def _plain(self, event: Any) -> Any:
        """What unquoted text means: nothing, true, false, a decimal number, else itself."""
        text: str = event.value
        if text in _NULLS:
            return None
        if text in ("true", "false"):
            return text == "true"
        found = _NUMBER.fullmatch(text)
        if found is None:
            return text
        whole = found[2] is None and found[3] is None
        number = float(text) if len(text) <= _LONGEST_NUMBER else math.inf
        if not math.isfinite(number) or abs(number) > 1e15:
            self._problem(
                self._mark(event), f"the number {shown(text)} is too large", "put it in quotes if it is text"
            )
            return 0
        return int(text) if whole else number

    def _add(self, value: Any, event: Any) -> None:
        place = self._mark(event)
        if not self.stack:
            self.result = value
            self.source.places.values[()] = place
            return
        top = self.stack[-1]
        if isinstance(top.value, list):
            self.source.places.values[(*top.path, len(top.value))] = place
            top.value.append(value)
        elif top.wants_key:
            self._key(top, value, event)
        else:
            top.wants_key = True
            if not top.skip and top.key is not None:
                self.source.places.values[(*top.path, top.key)] = place
                top.value[top.key] = value

    def _key(self, top: _Open, value: Any, event: Any) -> None:
        top.wants_key, top.skip, top.key = False, False, None
        if not isinstance(value, str):
            text = event.value if isinstance(event, yaml.ScalarEvent) else ""
            self._problem(self._mark(event), f"the key {shown(text)} is not text", "put it in quotes")
            top.skip = True
        elif value in top.value:
            line = self.source.places.keys[(*top.path, value)][0]
            what = f"the key {shown(value)} stands twice, first in line {line}"
            self._problem(self._mark(event), what, "keep one of them")
            top.skip = True
        else:
            top.key = value
            self.source.places.keys[(*top.path, value)] = self._mark(event)

    def _expects_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and self.stack[-1].wants_key

    def _path(self) -> Path:
        """Where the next value will stand."""
        if not self.stack:
            return ()
        top = self.stack[-1]
        if isinstance(top.value, list):
            return (*top.path, len(top.value))
        return (*top.path, top.key if top.key is not None else "?")

    def _mark(self, event: Any) -> tuple[int, int]:
        return event.start_mark.line + 1 + self.lines_before, event.start_mark.column + 1

    def _problem(self, place: tuple[int, int], what: str, hint: str) -> None:
        self.source.problems.append(Problem(self.source.file, *place, "", what, hint))

    def _stop(self, event: Any, what: str, hint: str) -> None:
        self._problem(self._mark(event), what, hint)
        raise _Stop

    def _broken(self, wrong: yaml.MarkedYAMLError) -> None:
        """What libyaml says, in the words of somebody who writes YAML by hand."""
        mark = wrong.problem_mark or wrong.context_mark
        if wrong.problem == "found unexpected end of stream":
            mark = wrong.context_mark or mark  # where the quotes open
        place = (mark.line + 1 + self.lines_before, mark.column + 1) if mark else (1, 1)
        said = wrong.problem or "cannot be read as YAML"
        what, hint = _SAID.get(said, (f"not valid YAML: {said}", "check quotes and indentation"))
        self._problem(place, what, hint)
        self.result = None

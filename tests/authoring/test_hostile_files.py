"""Hostile files: a sentence with its place, soon, and never a traceback."""

import json
import random
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.authoring import Problem, Workspace, decode, read_yaml
from nurture.authoring.source import LARGEST
from nurture.authoring.toml import read_toml
from tests.authoring.small import FILES, loaded

NAUGHTY = Path(__file__).parents[3] / "shared" / "data" / "edge" / "naughty_strings.json"
SOON = 5.0
"""Seconds for one hostile file: far above what it takes, far below what a bomb would."""


def _bomb(levels: int, width: int) -> str:
    lines = ["a0: &a0 [" + ",".join(["x"] * width) + "]"]
    lines += [f"a{n}: &a{n} [" + ",".join([f"*a{n - 1}"] * width) + "]" for n in range(1, levels)]
    return "\n".join(lines)


YAML = {
    "an alias bomb": (_bomb(9, 9), "5:30", "more than 50,000 values"),
    "a wide alias bomb": (_bomb(4, 40), "3:126", "more than 50,000 values"),
    "101 aliases": ("a: &a 1\nb: [" + "*a, " * 101 + "]", "2:405", "more than 100 aliases"),
    "an alias in itself": ("a: &a [*a]", "1:8", "stands inside itself"),
    "an alias in its own mapping": ("a: &a\n  b: {c: *a}", "2:10", "stands inside itself"),
    "an alias of nothing": ("a: *b", "1:4", "has no anchor"),
    "nested by aliases": (
        "a: &a " + "[" * 30 + "]" * 30 + "\nb: " + "[" * 20 + "*a" + "]" * 20,
        "2:24", "nested deeper than 40",
    ),
    "20,000 lists deep": ("a: " + "[" * 20_000, "1:43", "nested deeper than 40"),
    "20,000 mappings deep": ("{a: " * 20_000, "1:161", "nested deeper than 40"),
    "deep by indentation": (
        "\n".join(" " * n + "a:" for n in range(900)), "41:41", "nested deeper than 40",
    ),
    "500,000 brackets": ("{" * 500_000, "1:1", ""),
    "100,000 values": ("- a\n" * 100_000, "50000:3", "more than 50,000 values"),
    "a duplicate key": ("a: 1\nb: 2\na: 3", "3:1", 'the key "a" stands twice, first in line 1'),
    "a duplicate key inside": ("x: {a: 1, b: {a: 1}, a: 2}", "1:22", "first in line 1"),
    "a duplicate key by quotes": ("a: 1\n'a': 2", "2:1", "stands twice"),
    "a python tag": ("a: !!python/object/apply:os.system [x]", "1:4", "tag"),
    "a python name": ("!!python/name:os.system x", "1:1", "tag"),
    "a tag of its own": ("a: !secret x", "1:4", "tag"),
    "a set": ("a: !!set {x}", "1:4", "tag"),
    "a date by tag": ("a: !!timestamp 2026-03-02", "1:4", "tag"),
    "a tag without a handle": ("a: !x!y z", "1:4", "tags are not allowed"),
    "a directive": ("%YAML 3.0\n---\na: 1", "1:1", "not valid YAML"),
    "two documents": ("a: 1\n---\nb: 2", "2:1", "second document"),
    "a key that is a number": ("a: 1\n2: 3", "2:1", 'the key "2" is not text'),
    "a key that is true": ("true: 3", "1:1", 'the key "true" is not text'),
    "a key that is nothing": ("~: 3", "1:1", "is not text"),
    "no key": (": 3", "1:1", "a key was expected here"),
    "a key that is a list": ("? [a]\n: 3", "1:3", "a key is a mapping or a list"),
    "a key that is a mapping": ("{{a: 1}: 3}", "1:2", "a key is a mapping or a list"),
    "a huge power": ("a: 1e999", "1:4", 'the number "1e999" is too large'),
    "a huge negative power": ("a: -1e999", "1:4", "too large"),
    "a huge number": ("a: " + "9" * 5_000, "1:4", "too large"),
    "a tab": ("a:\n\t- b", "2:1", "indent with spaces"),
    "a reserved sign": ("a: `b`", "1:4", "put the text in quotes"),
    "a colon in text": ("a: b: c", "1:5", "a colon where no key can stand"),
    "quotes that never end": ("a: 1\nb: 'c\nd: 2", "2:4", "quotes are not closed"),
    "a list that never ends": ("a: [1, 2\nb: 3", "2:2", "list above is not closed"),
    "a mapping that never ends": ("a: {b: 1\nc: 3", "2:2", "mapping above is not closed"),
    "a bad escape": (r'a: "\q"', "1:5", "not valid YAML"),
    "wrong indentation": ("a: 1\n b: 2", "2:3", "colon"),
}  # fmt: skip


@pytest.mark.parametrize("name", YAML)
def test_hostile_yaml(name: str) -> None:
    text, place, words = YAML[name]
    begun = time.monotonic()
    source = read_yaml("a.yaml", text)
    assert time.monotonic() - begun < SOON
    told = [str(problem) for problem in source.problems]
    if words:
        assert [line for line in told if line.startswith(f"a.yaml:{place}  ") and words in line], told
    assert told


def test_yaml_means_what_it_looks_like() -> None:
    text = """
no: no
on: on
yes: [yes, y, n, off, True, FALSE, Null]
time: 12:30:00
sexagesimal: 1:30
date: 2026-03-02
moment: 2026-03-02 12:00:00
octal: 010
hex: 0x1F
under: 1_000
inf: .inf
nan: .nan
merge: {<<: {a: 1}}
truth: [true, false]
nothing: [null, ~, ]
numbers: [0, -3, 2.5, 1e3, +4]
quoted: ['true', "3", 'null']
bang: ! 3
"""
    assert read_yaml("a.yaml", text).data == {
        "no": "no",
        "on": "on",
        "yes": ["yes", "y", "n", "off", "True", "FALSE", "Null"],
        "time": "12:30:00",
        "sexagesimal": "1:30",
        "date": "2026-03-02",
        "moment": "2026-03-02 12:00:00",
        "octal": "010",
        "hex": "0x1F",
        "under": "1_000",
        "inf": ".inf",
        "nan": ".nan",
        "merge": {"<<": {"a": 1}},
        "truth": [True, False],
        "nothing": [None, None],
        "numbers": [0, -3, 2.5, 1000.0, 4],
        "quoted": ["true", "3", "null"],
        "bang": "3",
    }


def test_an_alias_means_its_anchor() -> None:
    source = read_yaml("a.yaml", "a: &a {b: [1]}\nc: *a")
    assert source.data == {"a": {"b": [1]}, "c": {"b": [1]}}
    assert source.problems == []
    assert source.places.of(("c", "b", 0)) == (2, 4)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"a: \x00", "a.yaml:1:4  holds a control character (U+0000)"),
        (b"a: 1\nb: \x1b[31m", "a.yaml:2:4  holds a control character (U+001B)"),
        ("a: \x85\x9f".encode(), "a.yaml:1:5  holds a control character (U+009F)"),
        ("a: \ufffe".encode(), "a.yaml:1:4  holds a control character (U+FFFE)"),
        ("a: 1".encode("utf-16"), "a.yaml:1:1  is written in UTF-16"),
        ("a: 1".encode("utf-16-be"), "a.yaml:1:1  holds a control character (U+0000)"),
        ("a: 1".encode("utf-32"), "a.yaml:1:1  is written in UTF-16"),
        ("ä: 1".encode("latin-1"), "a.yaml:1:1  is not UTF-8 from here on"),
        ("a: 1\nb: ü".encode("latin-1"), "a.yaml:2:4  is not UTF-8 from here on"),
        (b"\x89PNG\r\n\x1a\n", "a.yaml:1:1  is not UTF-8 from here on"),
        (b"\x7fELF\x02\x01", "a.yaml:1:1  holds a control character (U+007F)"),
        (b"a: " + b"x" * LARGEST, "a.yaml:1:1  is larger than 1,000,000 bytes"),
        (b"a: \xed\xa0\x80", "a.yaml:1:4  is not UTF-8 from here on"),
    ],
)
def test_bytes_that_are_no_text(raw: bytes, told: str) -> None:
    assert str(decode("a.yaml", raw)).startswith(told)


def test_a_byte_order_mark_and_line_ends_do_not_matter() -> None:
    assert decode("a.yaml", b"\xef\xbb\xbfa: 1\r\nb: 2\r") == "a: 1\nb: 2\n"


TOML = {
    "deep": "a = " + "[" * 3_000,
    "a long key": "a" + ".a" * 1_900 + " = 1",
    "a longer key": "a" + ".a" * 400_000 + " = 1",
    "many keys": "\n".join(f"a{n} = {n}" for n in range(50_000)),
    "many sections": "\n".join(f"[a.b{n}]" for n in range(9_000)),
    "a huge number": "a = " + "9" * 3_900,
    "twice": "[a]\nb = 1\nb = 2",
    "unended": '[a]\nb = "',
    "inline twice": "a = {b = 1, b = 2}",
    "control": "a = \x01",
    "lists of tables": "[[a]]\nb = 1\n[[a]]\nb = [[1], [2]]\n[a.c]\nd = {e = 1, f = {g = 2}}",
    "text of lines": 'a = """\nb = 1\n"""\nc = 2',
    "not toml": "a: 1\nb: 2",
    "nothing": "",
    "dotted": "sender.name.first = 1\n",
    "dates": "[sender]\nname = 2026-03-02\naddress = 12:30:00\ncompany = 2026-03-02T12:00:00Z\npostal = inf",
}  # fmt: skip


@pytest.mark.parametrize("name", TOML)
def test_hostile_toml(name: str) -> None:
    begun = time.monotonic()
    result = loaded({**FILES, "nurture.toml": TOML[name]})
    assert time.monotonic() - begun < SOON
    assert any(problem.file == "nurture.toml" for problem in result.errors)


def test_places_in_toml() -> None:
    places = read_toml("a.toml", TOML["lists of tables"]).places
    assert places.of(("a", 1, "b", 1, 0)) == (4, 12)
    assert places.of(("a", 1, "c", "d", "f", "g")) == (6, 22)
    assert places.of_key(("a", 1, "c", "d", "f")) == (6, 13)
    assert read_toml("a.toml", TOML["text of lines"]).places.of(("c",)) == (4, 5)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "text", ["", "\0", "\ufeff", "x" * 900_000, "- " * 400_000, "{" * 400_000, "---\n" * 200_000]
)
def test_any_file_may_be_anything(file: str, text: str) -> None:
    begun = time.monotonic()
    loaded({**FILES, file: text})
    assert time.monotonic() - begun < SOON


def test_memory_stays_bounded() -> None:
    text = _bomb(9, 9)
    tracemalloc.start()
    try:
        read_yaml("a.yaml", text)
        read_yaml("a.yaml", "- a\n" * 240_000)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 64_000_000


def _naughty() -> list[str]:
    if not NAUGHTY.exists():
        pytest.skip(f"no naughty strings at {NAUGHTY}")
    strings: list[str] = json.loads(NAUGHTY.read_text(encoding="utf-8"))
    return strings


def _quoted(text: str) -> str:
    """As a double-quoted scalar of YAML, which is JSON's."""
    return json.dumps(text)


PLACES = [
    ("programme.yaml", "half_life: 21 days", "half_life: {}"),
    ("programme.yaml", "hours: \"08:30-17:30\"", "hours: {}"),
    ("programme.yaml", "/pricing", "{}"),
    ("programme.yaml", "webinar: {event", "{}: {{event"),
    ("programme.yaml", "zone: prospect", "zone: {}"),
    ("agreement.yaml", "{role: buyer}", "{{role: {}}}"),
    ("agreement.yaml", "{role: buyer}", "{{{}: buyer}}"),
    ("agreement.yaml", "on: 2026-01-12", "on: {}"),
    ("agreement.yaml", "after: in 30 days", "after: {}"),
    ("sequences/evaluate.yaml", "say: [cost-of-bad-data, ", "say: [{}, "),
    ("sequences/evaluate.yaml", "priority: 10", "{}: 10"),
    ("sequences/evaluate.yaml", "again: after 180 days", "again: {}"),
    ("templates/mid/compare.md", "subject: Compare", "subject: {}"),
    ("templates/mid/compare.md", "needs: [cost", "url: {}\nneeds: [cost"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new"), PLACES, ids=[f"{file}:{new}" for file, _, new in PLACES])
def test_naughty_strings_as_values_and_keys(file: str, old: str, new: str) -> None:
    assert FILES[file].count(old) == 1
    for text in random.Random(new).sample(_naughty(), 40):
        begun = time.monotonic()
        result = loaded({**FILES, file: FILES[file].replace(old, new.format(_quoted(text)))})
        assert time.monotonic() - begun < SOON
        for problem in result.problems:
            _is_a_sentence_with_a_place(problem)


def test_naughty_strings_as_whole_files_and_unquoted_values() -> None:
    for text in _naughty():
        for content in (text, FILES["sequences/evaluate.yaml"].replace("evaluate", text)):
            decoded = decode("a.yaml", content)
            problems = [decoded] if isinstance(decoded, Problem) else read_yaml("a.yaml", decoded).problems
            for problem in problems:
                _is_a_sentence_with_a_place(problem)
    for text in random.Random(1).sample(_naughty(), 60):
        file = "sequences/evaluate.yaml"
        for problem in loaded({**FILES, file: FILES[file].replace("evaluate", text)}).problems:
            _is_a_sentence_with_a_place(problem)


def _is_a_sentence_with_a_place(problem: Problem) -> None:
    assert problem.line >= 1
    assert problem.column >= 1
    assert problem.what
    assert str(problem).isprintable()
    assert len(str(problem)) < 700


def _mutations(seed: int, count: int) -> Iterator[dict[str, str]]:
    """Workspaces with a few characters of one file deleted, doubled or replaced."""
    chance = random.Random(seed)
    signs = "{}[]:,-#&*!|>'\"%@`\n \t0az\\"
    for _ in range(count):
        file = chance.choice(sorted(FILES))
        text = FILES[file]
        for _ in range(chance.randint(1, 4)):
            start = chance.randrange(len(text))
            end = min(len(text), start + chance.choice((0, 0, 1, 5, 40)))
            put = chance.choice(("", chance.choice(signs), text[start:end] * 2))
            text = text[:start] + put + text[end:]
        yield {**FILES, file: text}


@pytest.mark.parametrize("seed", range(4))
def test_random_changes_never_break_the_reader(seed: int) -> None:
    for files in _mutations(seed, 60):
        result = loaded(files)
        assert (result.workspace is None) == bool(result.errors), files
        for problem in result.problems:
            _is_a_sentence_with_a_place(problem)
        if isinstance(result.workspace, Workspace):
            assert loaded(result.workspace.files).workspace is not None

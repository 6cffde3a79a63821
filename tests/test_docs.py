"""The manual is true: its examples run, its links lead somewhere, and nothing that exists is missing."""

import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import patch

import click
import pytest

from nurture import settings
from nurture.authoring import load, read_files, schemas
from nurture.authoring.conditions import WORDS
from nurture.authoring.workspace_file import WorkspaceShape
from nurture.cli import main, nurture
from nurture.core.evidence import Grain, Measure, Reservoir, level, pour
from nurture.intake.mapfile import MapShape, read_map
from nurture.intake.mapping import Map
from nurture.secrets import write_secrets

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))

FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"`(nurture [a-z-]+[^`]*)`")


class Block(NamedTuple):
    language: str
    file: str | None
    text: str


def blocks(page: Path) -> list[Block]:
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [Block(language, file or None, text) for language, file, text in found]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def everything() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Examples ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page", [page for page in PAGES if "```console" in page.read_text()], ids=lambda page: page.name
)
def test_the_examples_of_a_page_run_and_print_what_stands_there(page: Path, tmp_path: Path) -> None:
    """Named blocks are files of the workspace; console blocks are run in it, in order."""
    here = tmp_path
    first = next(block for block in blocks(page) if block.language == "console")
    if "nurture init" not in first.text:
        run("init myco", tmp_path)
        here = tmp_path / "myco"
    for block in blocks(page):
        if block.file is not None:
            (here / block.file).write_text(block.text, encoding="utf-8")
        if block.language == "console":
            for command, expected in commands(block.text):
                if command.startswith("cd "):
                    here /= command.removeprefix("cd ")
                    continue
                came = run(command.removeprefix("nurture "), here)
                assert matches(expected, came), f"{page.name}: $ {command}\n{came}\n-- expected\n{expected}"


def commands(text: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        assert command.startswith(("nurture ", "cd ")), command
        yield command, output.strip()


def run(words: str, folder: Path) -> str:
    """What a person sees: both streams, and the exit code if it is not 0."""
    seen, code = StringIO(), 0
    arguments = ["nurture", *shlex.split(words)]
    with chdir(folder), redirect_stdout(seen), redirect_stderr(seen), patch.object(sys, "argv", arguments):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    assert code in (0, 1), seen.getvalue()
    return seen.getvalue().strip() + (f"\n[{code}]" if code else "")


def matches(expected: str, came: str) -> bool:
    """`...` stands for anything; blanks at the ends of lines do not count."""
    plain = [re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE) for text in (expected, came)]
    pattern = ".*".join(re.escape(part) for part in plain[0].split("..."))
    return re.fullmatch(pattern, plain[1], re.DOTALL) is not None


def test_the_comparison_can_fail() -> None:
    assert not matches("ok 22 pieces", "ok  22 pieces")
    assert matches("ok ... pieces", "ok 22 pieces")
    assert not matches("ok ... pieces", "ok 22 pieces\n[1]")


def test_the_settings_shown_are_settings(tmp_path: Path) -> None:
    shown = [block.text for page in PAGES for block in blocks(page) if block.language == "toml"]
    assert len(shown) >= 2
    for text in shown:
        (tmp_path / "nurture.toml").write_text(text, encoding="utf-8")
        assert settings.read_settings(tmp_path).folder == tmp_path


# Nothing is missing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lifecycle.md", "reference.md"])
def test_the_generated_parts_are_current(name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")
    assert generator().current(name) == written, "run: make docs"


def test_every_command_and_option_is_documented() -> None:
    text = everything()
    for path, command in every_command():
        assert f"`{path}" in text, f"{path} is not documented"
        section = text.split(f"### `{path}", 1)[1].split("\n### ", 1)[0]
        for option in command.params:
            if isinstance(option, click.Option):
                assert all(name in section for name in option.opts), f"{path} {option.opts}"


def test_every_command_that_is_shown_exists() -> None:
    known = {path for path, _ in every_command()}
    groups = {path.rsplit(" ", 1)[0] for path in known}
    for page in PAGES:
        for shown in COMMAND.findall(prose(page)):
            words = shown.split()
            assert " ".join(words[:3]) in known or " ".join(words[:2]) in known | groups, (
                f"{page.name}: {shown}"
            )


def every_command() -> Iterator[tuple[str, click.Command]]:
    def inside(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
        if not isinstance(command, click.Group):
            yield path, command
            return
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from inside(inner, f"{path} {name}")

    return inside(nurture, "nurture")


def test_every_setting_is_documented() -> None:
    page = (DOCS / "reference.md").read_text(encoding="utf-8")
    table = page.split("## nurture.toml")[1].split("## secrets.toml")[0]
    for name in WorkspaceShape.model_fields:
        kinds = [
            kind
            for kind in shapes_of(name)
            if hasattr(kind, "model_fields") or hasattr(kind, "__pydantic_fields__")
        ]
        if not kinds:
            assert f"| `{name}` |" in table, name
        for kind in kinds:
            for key in keys_of(kind):
                assert re.search(rf"\| `\[{name}[^`]*\b{key}\b[^`]*` \|", table), f"[{name}] {key}"


def shapes_of(name: str) -> list[Any]:
    """The classes that a section is made of."""
    found: list[Any] = []

    def walk(annotation: Any) -> None:
        inner = getattr(annotation, "__args__", ())
        for one in inner:
            walk(one)
        if not inner:
            found.append(annotation)

    walk(WorkspaceShape.model_fields[name].annotation)
    return found


def keys_of(kind: Any) -> list[str]:
    if hasattr(kind, "model_fields"):
        return list(kind.model_fields)
    return [kind.__pydantic_fields__[one.name].alias or one.name for one in fields(kind)]


def test_every_secret_is_documented(tmp_path: Path) -> None:
    write_secrets(tmp_path)
    written = (tmp_path / "secrets.toml").read_text(encoding="utf-8")
    page = (DOCS / "reference.md").read_text(encoding="utf-8").split("## secrets.toml")[1]
    section = ""
    for line in written.splitlines():
        if line.startswith("["):
            section = line.strip()
        elif "=" in line and not line.startswith("#"):
            assert f"`{section} {line.split(' =')[0]}`" in page
    assert "`[smtp] password`" in page


@pytest.mark.parametrize("name", schemas())
def test_every_key_of_the_files_is_documented(name: str) -> None:
    page = (DOCS / "reference.md").read_text(encoding="utf-8")
    rows = page.split(f"## {generator().FILES[name]}\n")[1].split("\n## ")[0]
    for key in set(keys_in(schemas()[name])):
        if key not in CONDITION_KEYS:
            assert re.search(rf"\| `([A-Za-z_.]+\.)?{key}` \| \S", rows), (
                f"{name}: {key} has no row, or no words"
            )


CONDITION_KEYS = {*WORDS, "min", "max", "after", "before", "starts_with", "has", "known", "at_least"}


def keys_in(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for one in part:
            yield from keys_in(one)
    if isinstance(part, dict):
        if isinstance(part.get("properties"), dict):
            yield from part["properties"]
        for one in part.values():
            yield from keys_in(one)


def test_every_word_of_conditions_is_documented() -> None:
    page = (DOCS / "reference.md").read_text(encoding="utf-8")
    part = page.split("## Conditions")[1].split("\n## ")[0]
    for word in CONDITION_KEYS:
        assert re.search(rf"\b{word}:", part), word


def test_every_key_of_a_map_is_documented() -> None:
    page = (DOCS / "import.md").read_text(encoding="utf-8")
    assert [key for key in MapShape.model_fields if f"{key}:" not in page and f"`{key}`" not in page] == []


def test_the_map_that_is_shown_is_a_map() -> None:
    shown = next(block.text for block in blocks(DOCS / "import.md") if block.language == "yaml")
    named = (
        "E-mail",
        "Origin",
        "Created",
        "Last purchase",
        "Company",
        "First name",
        "Job",
        "Staff",
        "Do not mail",
        "Last activity",
    )
    loaded = load(read_files(ROOT), today=date(2026, 10, 1))
    assert loaded.workspace is not None
    assert isinstance(read_map("map.yaml", shown.encode(), named, loaded.workspace.programme), Map)


# Links and numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        file = page if not name else page.parent / name
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """Headings as the usual renderers name them."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if page.name != "README.md" and f"({page.name})" not in index] == []


def test_every_story_that_is_named_exists() -> None:
    stories = {file.stem for file in (ROOT / "stories").glob("*.story")}
    for page in PAGES:
        for sentence in re.findall(r"[Ss]tor(?:y|ies) (`[^.]*?`) (?:and|play)[^.]*\.", prose(page)):
            assert set(re.findall(r"`([a-z-]+)`", sentence)) <= stories, page.name


def test_the_worked_numbers_of_intent_are_what_the_engine_gives() -> None:
    page = (DOCS / "agreement.md").read_text(encoding="utf-8")
    title, table = re.findall(r"<!-- worked: (.*?) -->\n\n(.*?)\n\n", page, re.DOTALL)[0]
    points, half_life, cap = (float(number) for number in re.findall(r"\d+", title))
    measure = Measure(timedelta(days=half_life), cap)
    start = datetime(2026, 3, 2, tzinfo=UTC)
    reservoir: Reservoir | None = None
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]
    assert len(rows) == 6
    for n, (day, adds, then) in enumerate(rows):
        at = start + timedelta(days=float(day))
        if adds != "-":
            reservoir = pour(reservoir, Grain(at, n, points), measure)
            assert reservoir.grains[-1].kept == pytest.approx(float(adds), abs=1e-6)
        assert level(reservoir, measure, at) == pytest.approx(float(then), abs=1e-6)


def test_the_matrix_of_the_agreement_is_the_shipped_agreement() -> None:
    """The table of grades and bands says what agreement.yaml says."""
    wanted = {"A": 40, "B": 50, "C": 65}
    text = (ROOT / "agreement.yaml").read_text(encoding="utf-8")
    assert "promote: {A: 40, B: 50, C: 65}" in text
    floors = {0: 0, 1: 40, 2: 50, 3: 65}
    page = (DOCS / "agreement.md").read_text(encoding="utf-8")
    rows: Mapping[str, list[str]] = {
        row[2]: [cell.strip() for cell in row.strip("|").split("|")][1:]
        for row in page.splitlines()
        if re.match(r"\| [ABCD] \| (nurture|sales)", row)
    }
    assert sorted(rows) == ["A", "B", "C", "D"]
    for grade, cells in rows.items():
        for column, cell in enumerate(cells):
            sales = grade in wanted and floors[column] >= wanted[grade]
            assert cell == ("sales" if sales else "nurture"), (grade, column)

"""Writes the parts of the docs that come from the code: `make docs`. A test asserts that they are current."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from nurture.authoring import schemas
from nurture.cli import nurture
from nurture.core.journey import ANSWERS, CLOSED, DECLINES, LEGAL, RESTING, STATES, THEN

HERE = Path(__file__).parent
BEGIN, END = "<!-- generated -->", "<!-- end -->"

FILES = {
    "programme": "programme.yaml",
    "agreement": "agreement.yaml",
    "sequence": "sequences/*.yaml",
    "front-matter": "Front matter of a piece",
}


def lifecycle() -> str:
    """The state machine as a Mermaid picture, from the tables that are the machine."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for kind, targets in LEGAL.items():
        for state, after in targets.items():
            for target in (RESTING, CLOSED) if after == THEN else (after,):
                if target != state:
                    arrows.setdefault((state, target), []).append(kind.__name__)
    for answer, targets in ANSWERS.items():
        for state, after in targets.items():
            arrows.setdefault((state, after), []).append(answer)
    for word, targets in DECLINES.items():
        for state, after in targets.items():
            if state != after:
                arrows.setdefault((state, after), []).append(word)
                if "reconsidered" not in arrows.setdefault((after, state), []):
                    arrows[after, state].append("reconsidered")
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {STATES[0]}"]
    in_order = sorted(arrows.items(), key=lambda one: (STATES.index(one[0][0]), one[0][1]))
    for (before, after), names in in_order:
        lines.append(f"    {before} --> {after}: {', '.join(names)}")
    return "\n".join([*lines, "```"])


def reference() -> str:
    """Every command with its options, and every key of the YAML files, as the code has them."""
    return "\n".join(["## Commands", "", *_commands(), *_keys()]).rstrip()


def _commands() -> Iterator[str]:
    root = click.Context(nurture, info_name="nurture")
    for name in nurture.list_commands(root):
        command = nurture.get_command(root, name)
        if command is not None:
            yield from _command(command, click.Context(command, info_name=name, parent=root))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _command(inner, click.Context(inner, info_name=name, parent=context))
        return
    words = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    yield from (f"### `{' '.join([context.command_path, *words])}`", "", _first_lines(command.help or ""), "")
    options = [one for one in command.params if isinstance(one, click.Option)]
    for option in options:
        names, about = option.get_help_record(context) or ("", "")
        yield f"- `{names}`: {about}"
    if options:
        yield ""


def _first_lines(text: str) -> str:
    """The help without its lists of examples, as paragraphs."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if not part.startswith("\b")]
    return "\n\n".join(paragraphs)


def _keys() -> Iterator[str]:
    for name, schema in schemas().items():
        yield from (f"## {FILES[name]}", "", "| key | meaning | if left out |", "|---|---|---|")
        yield from _rows(schema, schema, "")
        yield ""


def _rows(part: Mapping[str, Any], whole: Mapping[str, Any], path: str) -> Iterator[str]:
    """A row for each key, what it contains below it. NAME stands for a name that the author gives."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        if name == "condition":
            return
        part = whole["$defs"][name]
    for inner in part.get("anyOf", ()):
        yield from _rows(inner, whole, path)
    for key, value in part.get("properties", {}).items():
        about = value.get("description") or _described(value, whole)
        yield f"| `{path}{key}` | {about}{_example(value)} | {_default(key, value, part)} |"
        yield from _rows(value, whole, f"{path}{key}.")
    named = [part.get("additionalProperties"), *part.get("patternProperties", {}).values()]
    for inner in named:
        if isinstance(inner, dict):
            yield from _rows(inner, whole, f"{path}NAME.")


def _described(value: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    name = value.get("$ref", "").rpartition("/")[2]
    return " ".join(whole.get("$defs", {}).get(name, {}).get("description", "").split()).rstrip(".")


def _example(value: Mapping[str, Any]) -> str:
    found = [value, *value.get("anyOf", ())]
    examples = [str(example) for one in found for example in one.get("examples", ())[:1]]
    return f", e.g. `{examples[0]}`" if examples else ""


def _default(key: str, value: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    if key in part.get("required", ()):
        return "must be there"
    default = value.get("default")
    return "-" if default in (None, "", [], {}) else f"`{default}`"


GENERATED: Mapping[str, Callable[[], str]] = {"lifecycle.md": lifecycle, "reference.md": reference}


def current(name: str) -> str:
    """The page as it should be: what people wrote, around what the code says."""
    page = (HERE / name).read_text(encoding="utf-8")
    before, rest = page.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n{GENERATED[name]()}\n{END}{after}"


def main() -> None:
    """Rewrite every page."""
    for name in GENERATED:
        text = current(name)
        (HERE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

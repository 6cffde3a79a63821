"""Putting a file's data in its shape: pydantic finds what is wrong, this says it with place and hint."""

from collections.abc import Mapping
from functools import cache, partial
from typing import Any, TypeVar

from pydantic import ValidationError

from nurture.authoring.problems import Unreadable, misfit, nearest, shown
from nurture.authoring.shapes import Shape
from nurture.authoring.source import Path, Source

S = TypeVar("S", bound=Shape)

_KINDS = {
    "string_type": ("text", "put it in quotes"),
    "float_type": ("a number", ""),
    "int_type": ("a whole number", ""),
    "int_from_float": ("a whole number", ""),
    "bool_type": ("true or false", ""),
    "list_type": ("a list", "put it in [brackets]"),
    "tuple_type": ("a list", "put it in [brackets]"),
    "dict_type": ("a mapping", "write name: value below it, indented"),
    "model_type": ("a mapping", "write name: value below it, indented"),
    "dataclass_type": ("a section", ""),
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def fitted(source: Source, shape: type[S]) -> S | None:
    """The file's data in its shape; None where it does not fit, and every reason noted at its place."""
    if not isinstance(source.data, dict):
        what = "is empty" if source.data is None else misfit(source.data, "a mapping")
        if not source.problems:
            first = next(iter(_schema(shape)["properties"]))
            source.wrong((), what, f'begin with "{first}: ..."')
        return None
    try:
        return shape.model_validate(source.data)
    except ValidationError as wrong:
        for error in wrong.errors(include_url=False):
            if source.is_full:
                break
            _note(source, shape, error)
        return None


def _note(source: Source, shape: type[Shape], error: Mapping[str, Any]) -> None:
    kind, loc, value = error["type"], error["loc"], error["input"]
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        path = _written(source, loc)
        known = [key for key in _keys(shape, path[:-1]) if key not in _siblings(source, path)]
        hint = partial(nearest, str(loc[-1]), known) if known else "remove it"
        source.wrong(path, f"unknown key {shown(loc[-1])}", hint, key=True)
        return
    path = _written(source, loc)
    if kind in ("missing", "missing_argument"):
        name = str(loc[-1])
        about = _about(shape, (*path, name)) or "..."
        said = f"{name} = {about}" if source.file.endswith(".toml") else f"{name}: {about}"
        source.wrong(path, f"{shown(name)} is missing", f"add {said}", key=True)
        return
    what, advice = _said(kind, value, error.get("ctx", {}))
    source.wrong(path, what, advice or _advice(shape, path), key=loc[-1:] == ("[key]",))


def _said(kind: str, value: object, about: Mapping[str, Any]) -> tuple[str, str]:
    if kind in _KINDS:
        wanted, hint = _KINDS[kind]
        return misfit(value, wanted), hint
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"{shown(value)} must be {words} {about[bound]:g}", ""
    match kind, about.get("error"):
        case "value_error", Unreadable() as wrong:
            return wrong.what, wrong.hint
        case "literal_error", _:
            known = [word.strip(" '") for word in about["expected"].replace(" or ", ",").split(",")]
            close = nearest(str(value), known)
            hint = close if close.startswith("did") else f"choose one, for example {known[0]}"
            return f"{shown(value)} is not one of {', '.join(known)}", hint
        case (("too_short" | "string_too_short"), _):
            return "is empty", "write at least one" if kind == "too_short" else "write something"
        case "string_too_long", _:
            return f"is longer than {about['max_length']} characters", "shorten it"
        case "string_pattern_mismatch", _:
            return _pattern(value, about["pattern"])
    return f"{shown(value)} cannot be read here", ""


def _pattern(value: object, pattern: str) -> tuple[str, str]:
    if pattern == r"\S":
        return "is empty", "write something"
    if pattern.startswith("^[a-z"):
        return f"{shown(value)} is not a name", "use small letters, digits, - and _"
    return f"{shown(value)} does not look right", ""


def _written(source: Source, loc: tuple[str | int, ...]) -> Path:
    """The part of pydantic's location that the author wrote: no markers of unions, no missing keys."""
    path: Path = ()
    value = source.data
    for step in loc:
        items = dict(enumerate(value)) if isinstance(value, list) else value
        if isinstance(items, dict) and step in items:
            path, value = (*path, step), items[step]
    return path


def _siblings(source: Source, path: Path) -> Mapping[str, Any]:
    around = source.at(*path[:-1])
    return around if isinstance(around, dict) else {}


@cache
def _schema(shape: type[Shape]) -> dict[str, Any]:
    return shape.model_json_schema()


def _keys(shape: type[Shape], path: Path) -> list[str]:
    """The keys that may stand in the mapping at a path."""
    return list(_part(shape, path).get("properties", {}))


def _about(shape: type[Shape], path: Path) -> str:
    """An example of what may stand at a path, or its allowed words, or nothing."""
    part = _part(shape, path)
    if "examples" in part:
        return str(part["examples"][0])
    return " or ".join(part.get("enum", [])[:4])


def _advice(shape: type[Shape], path: Path) -> str:
    """What the shape says about the value at a path."""
    about = _part(shape, path)
    return about.get("description", "") if "properties" not in about else ""


def _part(shape: type[Shape], path: Path) -> dict[str, Any]:
    """The piece of the shape's schema that describes a path."""
    whole = _schema(shape)
    part = whole
    for step in (*path, None):
        while "$ref" in part or "anyOf" in part:
            if "$ref" in part:
                part = whole["$defs"][part["$ref"].rsplit("/", 1)[1]]
            else:
                part = max(part["anyOf"], key=lambda one: "$ref" in one or "properties" in one)
        if step is None:
            return part
        if isinstance(step, int):
            part = part.get("items", {})
        else:
            named = next(iter(part.get("patternProperties", {}).values()), part.get("additionalProperties"))
            inner = part.get("properties", {}).get(step, named)
            part = inner if isinstance(inner, dict) else {}
    return part

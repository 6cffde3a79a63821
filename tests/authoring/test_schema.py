"""The JSON Schemas that editors use: every key of every shape stands in them, and every reference leads."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from nurture.authoring import schemas
from nurture.authoring.schema import SHAPES
from nurture.authoring.yaml import read_yaml
from tests.authoring.small import FILES


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from _parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _parts(value)


def _models(shape: type[BaseModel]) -> set[type[BaseModel]]:
    """The shape and every shape inside it, found by their annotations."""
    found = {shape}
    waiting: list[Any] = [field.annotation for field in shape.model_fields.values()]
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, BaseModel) and one not in found:
            found |= _models(one)
        waiting += getattr(one, "__args__", ())
    return found


@pytest.mark.parametrize("name", SHAPES)
def test_every_key_stands_in_the_schema(name: str) -> None:
    parts = list(_parts(schemas()[name]))
    for model in _models(SHAPES[name]):
        keys = {field.alias or key for key, field in model.model_fields.items()}
        assert any(keys == part["properties"].keys() for part in parts if "properties" in part), model


@pytest.mark.parametrize("name", SHAPES)
def test_schemas_are_closed_described_and_whole(name: str) -> None:
    schema = schemas()[name]
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["additionalProperties"] is False
    assert schema["description"]
    for part in _parts(schema):
        assert "x-nurture" not in part
        if "$ref" in part:
            assert part["$ref"].removeprefix("#/$defs/") in schema["$defs"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("programme", "programme.yaml"),
        ("agreement", "agreement.yaml"),
        ("sequence", "sequences/evaluate.yaml"),
    ],
)
def test_what_is_written_is_in_the_schema(name: str, file: str) -> None:
    schema = schemas()[name]
    written = read_yaml(file, FILES[file]).data
    assert written.keys() <= schema["properties"].keys()
    assert set(schema["required"]) <= written.keys()


def test_a_language_server_line_is_only_a_comment() -> None:
    text = "# yaml-language-server: $schema=schemas/programme.schema.json\n" + FILES["programme.yaml"]
    assert read_yaml("programme.yaml", text).data == read_yaml("programme.yaml", FILES["programme.yaml"]).data


def test_defaults_are_written_as_people_write_them() -> None:
    for part in _parts(schemas()):
        assert not str(part.get("default", "")).startswith(("PT", "P3"))

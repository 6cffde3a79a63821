"""JSON Schemas of the authored YAML, for editors that complete and check while somebody writes."""

from typing import Any

from nurture.authoring.agreement_file import AgreementShape
from nurture.authoring.piece_file import FrontMatterShape
from nurture.authoring.programme_file import ProgrammeShape
from nurture.authoring.sequence_file import SequenceShape
from nurture.authoring.shapes import CONDITION, Shape

SHAPES: dict[str, type[Shape]] = {
    "programme": ProgrammeShape,
    "agreement": AgreementShape,
    "sequence": SequenceShape,
    "front-matter": FrontMatterShape,
}
"""Name of the schema -> what it describes."""

_HERE = {"$ref": "#/$defs/condition"}
_DAY = {"type": "string", "examples": ["today", "90 days ago", "in 30 days", "2026-03-02"]}
_VALUE = {"type": ["string", "number", "boolean"]}
_TESTS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "min": {"type": "number"},
        "max": {"type": "number"},
        "after": _DAY,
        "before": _DAY,
        "starts_with": {"type": "string"},
        "has": {"type": "string"},
        "known": {"type": "boolean"},
    },
}
_CONDITION: dict[str, Any] = {
    "type": "object",
    "description": "All that is written must hold. A name is an attribute of nurture.toml.",
    "properties": {
        "all": {"type": "array", "items": _HERE, "minItems": 1, "description": "Every one holds"},
        "any": {"type": "array", "items": _HERE, "minItems": 1, "description": "One holds"},
        "not": {**_HERE, "description": "Does not hold"},
        "did": {
            "description": "Any of these signals was seen",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
        },
        "within": {"type": "string", "examples": ["14 days"], "description": "In this rolling time"},
        "times": {"type": "integer", "minimum": 1, "maximum": 64, "description": "So many times in all"},
        "gained": {"type": "number", "exclusiveMinimum": 0, "description": "Points earned within a time"},
        "fit": {
            "type": "object",
            "additionalProperties": False,
            "required": ["at_least"],
            "properties": {"at_least": {"enum": ["A", "B", "C", "D"]}},
        },
    },
    "additionalProperties": {"anyOf": [_VALUE, {"type": "array", "items": _VALUE, "minItems": 1}, _TESTS]},
}


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema (2020-12) by name; a file says `# yaml-language-server: $schema=NAME.schema.json`."""
    return {name: _schema(name, shape) for name, shape in SHAPES.items()}


def _schema(name: str, shape: type[Shape]) -> dict[str, Any]:
    made = _filled(shape.model_json_schema())
    made.setdefault("$defs", {})["condition"] = _CONDITION
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{name}.schema.json",
        **made,
    }


def _filled(part: Any) -> Any:
    """The schema with every condition's place pointing to the one description of conditions."""
    if isinstance(part, list):
        return [_filled(one) for one in part]
    if not isinstance(part, dict):
        return part
    if CONDITION.items() <= part.items():
        return {**{key: value for key, value in part.items() if key not in CONDITION}, **_HERE}
    return {key: _filled(value) for key, value in part.items()}

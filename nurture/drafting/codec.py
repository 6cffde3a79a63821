"""Fact bodies and snapshots as bytes: msgpack, decoded back into the core's own types.

What comes back is equal to what went in: instants aware and in UTC (also the last one there is), tuples as
tuples, mappings as plain dicts. A body is a map of its fields by name, so a field with a default may be
added; a snapshot is a list in the order of the journey's fields, and FOLD changes when that does.

Figures of reasons may be text, numbers, truth values, None, instants and tuples of those. Other types
(a timedelta) would not come back as they were; the core does not use them there.
"""

import dataclasses
from typing import Any

import msgspec

from nurture.core.evidence import Evidence, Known
from nurture.core.facts import DECIDED, KINDS, Body, PassedOver
from nurture.core.journey import Journey


def _only(shape: type[tuple[Any, ...]], **wanted: Any) -> type[msgspec.Struct]:
    """A shape of which only the named fields are read; the others stay as bytes."""
    names: tuple[str, ...] = shape._fields  # type: ignore[attr-defined]  # a NamedTuple
    fields = [(name, wanted.get(name, msgspec.Raw)) for name in names]
    return msgspec.defstruct(shape.__name__, fields, array_like=True, forbid_unknown_fields=True)


_encoder = msgspec.msgpack.Encoder()
_bodies: dict[str, msgspec.msgpack.Decoder[Body]] = {
    name: msgspec.msgpack.Decoder(kind) for name, kind in KINDS.items()
}
_journeys = msgspec.msgpack.Decoder(Journey)
_attributes: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(
    _only(Journey, evidence=_only(Evidence, attributes=dict[str, Known]))
)
_DAMAGED = (msgspec.DecodeError, ValueError, OverflowError)  # text that is no UTF-8 is a ValueError


class Unreadable(Exception):
    """Bytes that are no body or snapshot of this program's: a bug or a damaged database."""


def encode_body(body: Body) -> tuple[str, bytes]:
    """The body's kind and its bytes."""
    return type(body).__name__, _encoder.encode(body)


def decode_body(kind: str, data: bytes) -> Body:
    """The body again. Raises Unreadable."""
    decoder = _bodies.get(kind)
    if decoder is None:
        raise Unreadable(f"no fact is called {kind}")
    try:
        body = decoder.decode(data)
        return _with_tuples(body) if type(body) in DECIDED else body  # only those give reasons
    except _DAMAGED as error:
        raise Unreadable(f"{kind}: {error}") from error


def encode_journey(journey: Journey) -> bytes:
    """The snapshot of a journey."""
    return _encoder.encode(journey)


def decode_journey(data: bytes) -> Journey:
    """The journey again. Raises Unreadable."""
    try:
        return _journeys.decode(data)
    except _DAMAGED as error:
        raise Unreadable(f"snapshot: {error}") from error


def decode_attributes(data: bytes) -> dict[str, Known]:
    """The attributes alone of a journey's evidence, at a fraction of the price. Raises Unreadable."""
    try:
        found: dict[str, Known] = _attributes.decode(data).evidence.attributes
    except _DAMAGED as error:
        raise Unreadable(f"snapshot: {error}") from error
    return found


def _with_tuples(body: Body) -> Body:
    """Reasons' figures have no declared type, so msgpack gives lists where there were tuples."""
    changes: dict[str, Any] = {}
    because = getattr(body, "because", ())
    if any(_has_list(reason.figures) for reason in because):
        changes["because"] = tuple(reason._replace(figures=_tuples(reason.figures)) for reason in because)
    passed_over: PassedOver = getattr(body, "passed_over", ())
    if any(_has_list(reason.figures) for _, reason in passed_over):
        changes["passed_over"] = tuple(
            (piece, reason._replace(figures=_tuples(reason.figures))) for piece, reason in passed_over
        )
    return dataclasses.replace(body, **changes) if changes else body


def _has_list(figures: Any) -> bool:
    return any(type(value) is list for value in figures.values())


def _tuples(figures: Any) -> dict[str, Any]:
    return {name: tuple(value) if type(value) is list else value for name, value in figures.items()}

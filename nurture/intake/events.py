"""Events of the company's own product and site: what was posted -> what was heard, or why it is refused.

Pure. A batch is a JSON list, or an object with `events`. Each event stands for itself: a bad one does not
keep the others out. The shapes below are also what `openapi` shows.
docs/site.md.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import isnan, nan
from typing import Annotated, Any, NamedTuple

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
)

from nurture.core.facts import Body, Consumed, Happened, Learned, Scalar
from nurture.core.programme import Attribute
from nurture.intake.addresses import NoAddress, normalise
from nurture.intake.forms import clean
from nurture.intake.values import LONGEST_TEXT, Habits, Unreadable, read_value

MOST_EVENTS = 1_000
LARGEST_BATCH = 1_000_000
"""Bytes."""

OLDEST = timedelta(days=366)
AHEAD = timedelta(minutes=5)
"""How far a sender's clock may go ahead of ours; such an event happens now."""

SOURCE = "events"
"""The source of somebody who is known by nothing but an event that names none."""

_HABITS = Habits(decimal=".")
_LARGEST = 1e300
_A_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]", re.ASCII)
_A_VALUE = "is neither a text of up to 1,000 characters, a number, true or false, nor a list of texts"

Text = Annotated[StrictStr, Field(max_length=1000)]
Value = StrictBool | StrictInt | StrictFloat | Text | Annotated[list[Text], Field(max_length=50)]
Name = Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class Event(BaseModel):
    """Something that happened to one person."""

    model_config = ConfigDict(extra="forbid")

    id: StrictStr = Field(
        pattern=r"^[!-~]{1,200}$",
        description="Yours, and the same when you send the event again: it then counts once.",
    )
    event: StrictStr = Field(
        pattern=r"^[a-z][a-z0-9_-]{0,63}$", description="Its name, as signals in programme.yaml call it."
    )
    at: AwareDatetime = Field(
        description="When it happened, with its offset from UTC: not in the future, not older than a year."
    )
    email: Annotated[StrictStr, Field(max_length=320)] = Field(description="Whom it happened to.")
    fields: dict[Name, Value] = Field(
        default={},
        max_length=50,
        description="A declared attribute's name fills it; any other field is kept with the event.",
    )
    piece: StrictStr | None = Field(
        default=None, description="The id of a piece of content that the person read, watched or attended."
    )
    source: Annotated[StrictStr, Field(min_length=1, max_length=100)] = Field(
        default=SOURCE, description="Where somebody came from who is not known yet."
    )


class Refusal(BaseModel):
    """An event that was not taken: its place in the batch, counted from 0, and why."""

    index: int
    id: str
    why: str


class Answer(BaseModel):
    """What became of a batch. `taken` and `known` are ids; known ones had been taken before."""

    taken: list[str]
    known: list[str]
    refused: list[Refusal]


class Heard(NamedTuple):
    """One event that can be taken. `place`: in the batch, from 0. `bodies` happened at `at`, and the first
    of them carries the id.
    """

    place: int
    id: str
    address: str
    source: str
    at: datetime
    learned: Mapping[str, Scalar]
    bodies: tuple[Body, ...]


class Batch(NamedTuple):
    """A batch that was read: what can be taken, and what cannot."""

    heard: tuple[Heard, ...]
    refused: tuple[Refusal, ...]


class Unfit(NamedTuple):
    """A body that is no batch at all, in one sentence; whether it is only too large."""

    why: str
    too_large: bool = False


class Known(NamedTuple):
    """What the programme declares, as far as events speak of it."""

    attributes: Mapping[str, Attribute]
    pieces: Sequence[str]


def read_batch(content: bytes, known: Known, now: datetime) -> Batch | Unfit:
    """Read a batch. Never raises on content."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return Unfit("The body is not JSON.")
    events = told.get("events") if isinstance(told, dict) else told
    if not isinstance(events, list) or (isinstance(told, dict) and set(told) != {"events"}):
        return Unfit('The body is neither a list of events nor {"events": [...]}.')
    if len(events) > MOST_EVENTS:
        return Unfit(f"More than {MOST_EVENTS:,} events; send them in several batches.", too_large=True)
    heard: list[Heard] = []
    refused: list[Refusal] = []
    for index, event in enumerate(events):
        try:
            heard.append(_read(index, event, known, now))
        except (_Wrong, Unreadable) as wrong:
            refused.append(Refusal(index=index, id=_id_of(event), why=str(wrong)))
    return Batch(tuple(heard), tuple(refused))


class _Wrong(ValueError):
    """Its text says why an event is refused."""


def _read(index: int, told: Any, known: Known, now: datetime) -> Heard:
    event = _shaped(told)
    at = _moment(event.at, now)
    try:
        address = normalise(event.email)
    except NoAddress:
        raise _Wrong("email: this is no e-mail address.") from None
    if event.piece is not None and event.piece not in known.pieces:
        raise _Wrong("piece: the programme has no piece of this id.")
    learned, kept = _fields(event.fields, known.attributes)
    bodies: list[Body] = [Happened(event.event, kept)]
    if event.piece is not None:
        bodies.append(Consumed(event.piece))
    return Heard(index, event.id, address, clean(event.source) or SOURCE, at, learned, tuple(bodies))


def learned_of(heard: Heard) -> Learned:
    """The attributes that an event says."""
    body = heard.bodies[0]
    return Learned(heard.learned, (), f"event {body.name}" if isinstance(body, Happened) else "event")


def _shaped(told: Any) -> Event:
    try:
        event = Event.model_validate(told)
        if not _A_MOMENT.match(str(told["at"])):  # a bare number: seconds to one, milliseconds to another
            raise _Wrong("at: is not written like 2026-03-02T09:30:00Z.")
        return event
    except ValidationError as wrong:
        error = wrong.errors(include_url=False, include_input=False, include_context=False)[0]
    except _Wrong:
        raise
    except (ValueError, OverflowError, RecursionError):
        raise _Wrong("This cannot be read.") from None
    place = ".".join(str(step) for step in error["loc"][:2] if str(step).isprintable())[:100]
    if error["loc"][0:1] == ("fields",) and len(error["loc"]) > 2:
        what = "is not called so: small letters, digits and _" if error["loc"][-1] == "[key]" else _A_VALUE
        raise _Wrong(f"{place}: {what}.")
    match error["type"]:
        case "missing":
            raise _Wrong(f"{place}: is missing.")
        case "extra_forbidden":
            raise _Wrong(f"{place}: an event has no such key; put what is your own into fields.")
        case "timezone_aware":
            raise _Wrong("at: has no offset from UTC; write it like 2026-03-02T09:30:00Z.")
        case "model_type":
            raise _Wrong("An event is a JSON object.")
    said = error["msg"][:1].lower() + error["msg"][1:]
    raise _Wrong(f"{place}: {said}.")


def _moment(at: datetime, now: datetime) -> datetime:
    try:
        moment = at.astimezone(UTC)
    except OverflowError:
        raise _Wrong("at: no such moment.") from None
    if moment > now + AHEAD:
        raise _Wrong("at: is in the future.")
    if moment < now - OLDEST:
        raise _Wrong("at: is more than a year ago.")
    return min(moment, now)


def _fields(
    given: Mapping[str, Any], attributes: Mapping[str, Attribute]
) -> tuple[Mapping[str, Scalar], Mapping[str, Scalar]]:
    """What fills attributes, and what stays with the event."""
    learned: dict[str, Scalar] = {}
    kept: dict[str, Scalar] = {}
    for name, value in given.items():
        attribute = attributes.get(name)
        if attribute is None:
            kept[name] = _plain(name, value)
        elif attribute.personal:
            raise _Wrong(f"fields.{name}: is personal; a form or an import may say it, an event may not.")
        else:
            try:
                learned[name] = read_value(_written(value), attribute, _HABITS)
            except Unreadable:
                raise _Wrong(f"fields.{name}: does not fit, the attribute is a {attribute.type}.") from None
    return learned, kept


def _plain(name: str, value: Any) -> Scalar:
    if isinstance(value, list):
        return tuple(clean(item) for item in value)
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool):
        return value
    number = float(value) if abs(value) < _LARGEST else nan
    if isnan(number):
        raise _Wrong(f"fields.{name}: is no number that can be kept.")
    return number


def _written(value: Any) -> str:
    """A value as an import would find it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ";".join(clean(item) for item in value)
    text = (
        clean(value)
        if isinstance(value, str)
        else format(value, ".15g")
        if isinstance(value, float)
        else str(value)
    )
    if not text or len(text) > LONGEST_TEXT:
        raise Unreadable(text[:20])
    return text


def _id_of(told: Any) -> str:
    id = told.get("id") if isinstance(told, dict) else None
    return clean(id)[:200] if isinstance(id, str) else ""

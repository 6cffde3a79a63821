"""What authored files look like: the pieces that several of them share, and how wrong ones are reported.

Shapes are pydantic models, strict and closed to unknown keys. They check one value at a time; what must
fit together (names, thresholds) is checked afterwards, on the raw data, so that everything is reported at
once.
"""

from datetime import date, time, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)

from nurture.authoring import words
from nurture.authoring.words import Span
from nurture.core.programme import Calendar, Cap

Grade = Literal["A", "B", "C", "D"]
Kind = Literal["referral", "intent", "content", "outbound", "partner", "unknown"]

Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"\S")]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Points = Annotated[float, Field(ge=-10_000, le=10_000)]
Positive = Annotated[float, Field(gt=0, le=10_000)]


def _word(*examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "examples": list(examples)})


Duration = Annotated[timedelta, PlainValidator(words.duration), _word("3 days", "90 minutes", "1 week")]
SomeTime = Annotated[timedelta, PlainValidator(words.some_duration), _word("3 days", "90 minutes", "1 week")]
BusinessTime = Annotated[Span, PlainValidator(words.business), _word("1 business day", "60 business minutes")]
FixedDay = Annotated[date, PlainValidator(words.fixed_day), _word("2026-03-02")]
Weekdays = Annotated[frozenset[int], PlainValidator(words.weekdays), _word("mon-fri", "mon, wed, fri")]
Hours = Annotated[tuple[time, time], PlainValidator(words.hours), _word("08:30-17:30")]
Limit = Annotated[tuple[int, timedelta], PlainValidator(words.cap), _word("2 per 7 days")]
Again = Annotated[timedelta | None, PlainValidator(words.again), _word("never", "after 180 days")]
Zone = Annotated[str, PlainValidator(words.zone), _word("Europe/London")]
ZoneOrTheirs = Annotated[str, PlainValidator(words.zone_or_theirs), _word("prospect", "Europe/London")]
Holiday = Annotated[str | date, PlainValidator(words.holiday), _word("GB", "2026-12-24")]

CONDITION = {"x-nurture": "condition"}
"""Stands in a schema where a condition may; `schema.py` puts the description of conditions there."""

ConditionShape = Annotated[dict[str, Any], WithJsonSchema(CONDITION)]
"""A condition as written; `conditions.py` reads it."""


class Shape(BaseModel):
    """Strict, closed, unchanging."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CalendarShape(Shape):
    """When we may write."""

    weekdays: Weekdays = Field(description="Days of the week, in the calendar's zone")
    hours: Hours = Field(description="Opening and closing; the closing minute is excluded")
    zone: ZoneOrTheirs = Field(description="A time zone, or prospect: each one's own")
    holidays: list[Holiday] = Field(default=[], description="Countries (two letters) and single days")
    spread: Duration = Field(
        default=timedelta(),
        json_schema_extra={"default": "0 minutes"},
        description="Each prospect's opening is moved by a fixed share of this time",
    )

    def build(self) -> Calendar:
        """The core's calendar."""
        opens, closes = self.hours
        return Calendar(
            weekdays=self.weekdays,
            opens=opens,
            closes=closes,
            zone=self.zone,
            countries=frozenset(day for day in self.holidays if isinstance(day, str)),
            days_off=frozenset(day for day in self.holidays if not isinstance(day, str)),
            spread=self.spread,
        )


def caps(limits: list[tuple[int, timedelta]]) -> tuple[Cap, ...]:
    """The core's caps."""
    return tuple(Cap(most, per) for most, per in limits)


def _matcher(value: object) -> object:
    return {} if value == "any" else value


class Match(Shape):
    """Which pages or links: those that start with a text, one exactly, or any."""

    starts_with: Text | None = Field(default=None, description="The path or address begins so")
    is_: Text | None = Field(default=None, alias="is", description="The path or address is exactly this")


Matcher = Annotated[
    Match,
    BeforeValidator(_matcher),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "any"},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "starts_with": {"type": "string", "description": "The path or address begins so"},
                        "is": {"type": "string", "description": "The path or address is exactly this"},
                    },
                },
            ]
        }
    ),
]

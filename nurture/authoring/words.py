"""The small words of authored files: durations, days, weekdays, hours, zones, countries.

Every reader takes the text as written and raises `Unreadable` (a ValueError) with a sentence and an
example. YAML's own ideas of dates and times are never used.
"""

import re
from datetime import date, time, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from nurture.authoring.problems import Unreadable, nearest, shown
from nurture.core.conditions import Day

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_LONGEST = timedelta(days=3660)
_DURATION = re.compile(r"([0-9]{1,6}) +(business )?([a-z]+?)s?", re.ASCII)
_DAY = re.compile(r"(?:in +(?P<ahead>[0-9].*)|(?P<past>[0-9].*) +ago)", re.ASCII)
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_HOURS = re.compile(r"([0-9]{2}):([0-9]{2}) *- *([0-9]{2}):([0-9]{2})", re.ASCII)
_CAP = re.compile(r"([0-9]{1,4}) +per +(.+)", re.ASCII)


class Span(NamedTuple):
    """An amount of time as written; `business` counts only the hours of a calendar."""

    amount: int
    unit: str
    business: bool

    def of(self, day: timedelta) -> timedelta:
        """The business time meant, where one business day has `day` working hours."""
        if self.unit in ("day", "week"):
            return day * self.amount * (5 if self.unit == "week" else 1)
        return _UNITS[self.unit] * self.amount


def span(value: object) -> Span:
    """`3 days`, `90 minutes`, `2 business days`: a whole number and a unit, with a space between."""
    if not isinstance(value, str):
        raise Unreadable(f"{shown(value)} is not a duration", 'say of what, for example "3 days"')
    found = _DURATION.fullmatch(value.strip())
    if found is None or found[3] not in _UNITS:
        raise Unreadable(f"{shown(value)} is not a duration", f'try "{_meant(value)}"')
    meant = Span(int(found[1]), found[3], found[2] is not None)
    if meant.amount * _UNITS[meant.unit] > _LONGEST:
        raise Unreadable(f"{shown(value)} is longer than ten years", 'try "90 days"')
    return meant


def duration(value: object) -> timedelta:
    """A time on the clock: minutes, hours, days of 24 hours, weeks."""
    meant = span(value)
    if meant.business:
        plain = str(value).replace("business ", "")
        raise Unreadable(
            f"{shown(value)} counts business time, which only agreement.yaml's clock knows", f'try "{plain}"'
        )
    return meant.amount * _UNITS[meant.unit]


def some_duration(value: object) -> timedelta:
    """A duration that is not zero."""
    meant = duration(value)
    if not meant:
        raise Unreadable(f"{shown(value)} is no time at all", 'try "1 day"')
    return meant


def business(value: object) -> Span:
    """`1 business day`, `60 business minutes`."""
    meant = span(value)
    if not meant.business:
        said = re.sub(r"(?<=[0-9]) +", " business ", str(value).strip(), count=1)
        raise Unreadable(f"{shown(value)} would run at night and at weekends", f'try "{said}"')
    if not meant.amount:
        raise Unreadable(f"{shown(value)} is no time at all", 'try "1 business day"')
    return meant


def fixed_day(value: object) -> date:
    """A day of the calendar: `2026-03-02`."""
    if isinstance(value, str) and _ISO.fullmatch(value.strip()):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            raise Unreadable(f"{shown(value)} is not in the calendar", 'try "2026-03-02"') from None
    raise Unreadable(f"{shown(value)} is not a date", 'write year-month-day, for example "2026-03-02"')


def day(value: object) -> Day:
    """`today`, `90 days ago`, `in 30 days` or a fixed day."""
    text = value.strip() if isinstance(value, str) else ""
    if text == "today":
        return Day()
    found = _DAY.fullmatch(text)
    if found is not None:
        ahead = duration(found["ahead"]) if found["ahead"] else -duration(found["past"])
        return Day(ahead)
    if _ISO.fullmatch(text):
        return Day(on=fixed_day(text))
    raise Unreadable(
        f"{shown(value)} is not a day", 'try "today", "90 days ago", "in 30 days" or "2026-03-02"'
    )


def weekdays(value: object) -> frozenset[int]:
    """`mon-fri`, `mon, wed, fri`, or both kinds mixed; Monday is 0."""
    days: set[int] = set()
    for part in value.split(",") if isinstance(value, str) else [""]:
        first, dash, last = (word.strip() for word in part.partition("-"))
        last = last if dash else first
        if first not in WEEKDAYS or last not in WEEKDAYS:
            raise Unreadable(f"{shown(value)} are not weekdays", 'try "mon-fri" or "mon, wed, fri"')
        start, end = WEEKDAYS.index(first), WEEKDAYS.index(last)
        days.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    return frozenset(days)


def hours(value: object) -> tuple[time, time]:
    """`08:30-17:30`: opening and closing, the closing minute excluded."""
    found = _HOURS.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        opens, closes = (time(int(found[n]), int(found[n + 1])) for n in (1, 3)) if found else (None, None)
    except ValueError:
        opens = closes = None
    if opens is None or closes is None:
        raise Unreadable(f"{shown(value)} are not hours of a day", 'try "08:30-17:30"')
    if opens >= closes:
        raise Unreadable(f"{shown(value)} closes before it opens", 'try "08:30-17:30"')
    return opens, closes


def cap(value: object) -> tuple[int, timedelta]:
    """`2 per 7 days`: at most so many in a rolling time."""
    found = _CAP.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or not int(found[1]):
        raise Unreadable(f"{shown(value)} is not a limit", 'try "2 per 7 days"')
    return int(found[1]), some_duration(found[2])


def again(value: object) -> timedelta | None:
    """`never` (None), or `after 180 days`."""
    if value == "never":
        return None
    if isinstance(value, str) and value.startswith("after "):
        return some_duration(value.removeprefix("after "))
    raise Unreadable(f"{shown(value)} does not say when", 'try "never" or "after 180 days"')


def zone(value: object) -> str:
    """The name of a time zone: `Europe/London`."""
    text = value if isinstance(value, str) else ""
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError):
        close = nearest(text, _zones()) if text else ""
        hint = close if close.startswith("did") else 'try "Europe/London"'
        raise Unreadable(f"{shown(value)} is not a time zone", hint) from None
    return text


def zone_or_theirs(value: object) -> str:
    """A time zone, or `prospect`: each prospect's own."""
    if value == "prospect":
        return "prospect"
    try:
        return zone(value)
    except Unreadable as wrong:
        hint = wrong.hint if wrong.hint.startswith("did") else 'try "prospect" or "Europe/London"'
        raise Unreadable(wrong.what, hint) from None


def country(value: object) -> str:
    """A country by its two letters: `GB`."""
    known = countries()
    if isinstance(value, str) and value in known:
        return value
    hint = 'use two letters of ISO 3166, for example "GB"'
    if isinstance(value, str) and value.upper() in known:
        hint = f'did you mean "{value.upper()}"?'
    elif value == "UK":
        hint = 'did you mean "GB"?'
    raise Unreadable(f"{shown(value)} is not a country", hint)


def holiday(value: object) -> str | date:
    """A country, whose public holidays are meant, or a single day."""
    if value == "prospect":
        raise Unreadable('"prospect" is not a country', "name the countries, for example [GB, US]")
    return fixed_day(value) if isinstance(value, str) and value[:1].isdigit() else country(value)


@cache
def countries() -> frozenset[str]:
    """The countries whose public holidays are known, by their two letters."""
    import holidays

    return frozenset(holidays.list_supported_countries(include_aliases=False))


@cache
def public_holidays(country: str, first: int, last: int) -> frozenset[date]:
    """A country's public holidays of the years from `first` to `last`. Slow to build, so kept."""
    import holidays

    return frozenset(holidays.country_holidays(country, years=range(first, last + 1)))


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _meant(written: str) -> str:
    """The duration somebody probably meant: their number, and the unit that looks most like theirs."""
    found = re.match(r" *([0-9]{1,6}) *(business +)?([a-zA-Z]*)", written, re.ASCII)
    if found is None:
        return "3 days"
    amount, letters = int(found[1]), found[3].lower()
    unit = {unit[0]: unit for unit in _UNITS}.get(letters[:1], "day")
    for longer, days in (("mo", 30), ("y", 365)):
        if letters.startswith(longer):
            amount, unit = amount * days, "day"
    return f"{amount} {'business ' if found[2] else ''}{unit}{'' if amount == 1 else 's'}"

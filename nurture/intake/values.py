"""One cell of a list -> the value of an attribute, where it can mean one thing only.

A guess that is wrong is worse than a row sent back: `1,234` is a thousand to one reader and one and a
quarter to another, 03/04/2026 is two days. Such a cell is `Unreadable` until the map says how the list
writes its numbers (`decimal`) and dates (`dates`). A point alone is a decimal point: programs write it so.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import available_timezones

from nurture.authoring import nearest
from nurture.core.facts import Scalar
from nurture.core.programme import Attribute

LONGEST_TEXT = 1000
"""Characters of one value."""

MOST_ITEMS = 100
_LARGEST_NUMBER = 1e15

YES = frozenset({"yes", "y", "true", "1"})
NO = frozenset({"no", "n", "false", "0"})

DECIMALS = (".", ",")

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].{1,30})?", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_DAY_MONTH = re.compile(r"(\d{1,2})[ .-]*([A-Za-z]{3,9})\.?[ ,-]+(\d{4})(?:,? .{1,20})?", re.ASCII)
_MONTH_DAY = re.compile(r"([A-Za-z]{3,9})\.? +(\d{1,2}),? +(\d{4})(?:,? .{1,20})?", re.ASCII)
_NUMBERS = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?:,? .{1,20})?", re.ASCII)

_CURRENCY = re.compile(r"^(?:[$€£¥₹]|[A-Z]{3} )\s*|\s*(?:[$€£¥₹]| [A-Z]{3})$")
_PLAIN = {
    "": re.compile(r"-?\d+(?:\.\d+)?", re.ASCII),
    ".": re.compile(r"-?\d+(?:\.\d+)?", re.ASCII),
    ",": re.compile(r"-?\d+", re.ASCII),
}
_MARKED = {
    ".": re.compile(r"-?(?:\d+|\d{1,3}(?:[, '\u00a0\u202f]\d{3})+)(?:\.\d+)?", re.ASCII),
    ",": re.compile(r"-?(?:\d+|\d{1,3}(?:[. '\u00a0\u202f]\d{3})+)(?:,\d+)?", re.ASCII),
}


class Unreadable(ValueError):
    """A cell that means nothing certain; its text says why and what to write instead."""


class Habits(NamedTuple):
    """How a list writes what can be written in two ways; empty where its map does not say."""

    dates: str = ""
    decimal: str = ""


def read_value(text: str, attribute: Attribute, habits: Habits) -> Scalar:
    """The cell as the declared type. Raises Unreadable."""
    return _READERS[attribute.type](text, attribute, habits)


def read_date(text: str, habits: Habits) -> date:
    """A day of the calendar; a time of day behind it is left out. Raises Unreadable."""
    parts = _date_parts(text, habits)
    try:
        return date(*parts)
    except ValueError:
        raise Unreadable(f"{text!r} is not in the calendar") from None


def _date_parts(text: str, habits: Habits) -> tuple[int, int, int]:
    if found := _ISO.fullmatch(text) or _COMPACT.fullmatch(text):
        return int(found[1]), int(found[2]), int(found[3])
    if found := _DAY_MONTH.fullmatch(text):
        return int(found[3]), _month(found[2], text), int(found[1])
    if found := _MONTH_DAY.fullmatch(text):
        return int(found[3]), _month(found[1], text), int(found[2])
    if found := _NUMBERS.fullmatch(text):
        return _ordered(int(found[1]), int(found[3]), int(found[4]), found[2], text, habits)
    raise Unreadable(f"{text!r} is not a date: write 2026-03-02")


def _ordered(
    first: int, second: int, year: int, sign: str, text: str, habits: Habits
) -> tuple[int, int, int]:
    """Points stand only between day, month and year; other signs in both orders."""
    if habits.dates == "month first" or (not habits.dates and sign != "." and first <= 12 < second):
        return year, first, second
    if habits.dates == "day first" or sign == "." or first > 12 or first == second:
        return year, second, first
    raise Unreadable(f"{text!r} may start with the day or the month: write `dates: day first` in the map")


def _month(name: str, text: str) -> int:
    if name[:3].lower() not in _MONTHS:
        raise Unreadable(f"{text!r} is not a date: write 2026-03-02")
    return _MONTHS.index(name[:3].lower()) + 1


def read_number(text: str, habits: Habits) -> float:
    """A plain number; a currency around it is left out. Raises Unreadable."""
    bare = _CURRENCY.sub("", text, count=2).strip() if not text.isdigit() else text
    if _PLAIN[habits.decimal].fullmatch(bare):
        return _bounded(bare, text)
    meanings = {
        _bounded(_plain(bare, decimal), text)
        for decimal in ([habits.decimal] if habits.decimal else DECIMALS)
        if _MARKED[decimal].fullmatch(bare)
    }
    if len(meanings) == 1:
        return meanings.pop()
    if meanings:
        least, most = sorted(meanings, key=abs)
        hint = 'write `decimal: "."` (or `","`) in the map'
        raise Unreadable(f"{text!r} may mean {least:g} or {most:.0f}: {hint}")
    raise Unreadable(f"{text!r} is not a number: write 1234.5")


def _plain(text: str, decimal: str) -> str:
    return re.sub(rf"[^\d{decimal}-]", "", text).replace(",", ".")


def _bounded(digits: str, text: str) -> float:
    number = float(digits) if len(digits) <= 30 else _LARGEST_NUMBER * 10
    if abs(number) > _LARGEST_NUMBER:
        raise Unreadable(f"{text[:40]!r} is larger than any number here can be")
    return number


def read_flag(text: str) -> bool:
    """Yes or no, in the usual words. Raises Unreadable."""
    word = text.casefold()
    if word not in YES and word not in NO:
        raise Unreadable(f"{text!r} is neither yes nor no: translate it under `values` in the map")
    return word in YES


def _text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise Unreadable(f"it is longer than {LONGEST_TEXT} characters")
    return text


def _choice(text: str, attribute: Attribute) -> str:
    known = _by_folded(attribute.values)
    if not known:
        return _text(text)
    if text.casefold() not in known:
        hint = nearest(text, attribute.values)
        raise Unreadable(f"{text[:80]!r} is not one of the values of {attribute.name}: {hint}")
    return known[text.casefold()]


def _list(text: str, attribute: Attribute) -> tuple[str, ...]:
    separator = next((sign for sign in ";|" if sign in text), ",")
    items = [item.strip() for item in text.split(separator, MOST_ITEMS)]
    if len(items) > MOST_ITEMS:
        raise Unreadable(f"it has more than {MOST_ITEMS} items")
    return tuple(dict.fromkeys(_choice(item, attribute) for item in items if item))


def _zone(text: str) -> str:
    known = _zones()
    if text.casefold() not in known:
        raise Unreadable(f"{text[:80]!r} is not a time zone: write Europe/London")
    return known[text.casefold()]


def _country(text: str) -> str:
    known = _countries()
    if text.casefold() not in known:
        raise Unreadable(f"{text[:80]!r} is not a country: write two letters of ISO 3166, such as GB")
    return known[text.casefold()]


_READERS: Mapping[str, Callable[[str, Attribute, Habits], Scalar]] = {
    "text": lambda text, attribute, habits: _text(text),
    "number": lambda text, attribute, habits: read_number(text, habits),
    "flag": lambda text, attribute, habits: read_flag(text),
    "date": lambda text, attribute, habits: read_date(text, habits).isoformat(),
    "choice": lambda text, attribute, habits: _choice(text, attribute),
    "list": lambda text, attribute, habits: _list(text, attribute),
    "zone": lambda text, attribute, habits: _zone(text),
    "country": lambda text, attribute, habits: _country(text),
}


@lru_cache(maxsize=256)
def _by_folded(values: tuple[str, ...]) -> Mapping[str, str]:
    return {value.casefold(): value for value in values}


@cache
def _zones() -> Mapping[str, str]:
    return {name.casefold(): name for name in available_timezones()}


@cache
def _countries() -> Mapping[str, str]:
    """Two letters, and the short English names of the zone database, as two letters."""
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text("utf-8")
    rows = [line.split("\t") for line in table.splitlines() if not line.startswith("#")]
    return {name.casefold(): code for code, *names in rows for name in (code, *names)}

"""One cell, one meaning: what can be read two ways is sent back, not guessed."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.core.programme import Attribute
from nurture.intake.values import Habits, Unreadable, read_date, read_flag, read_number, read_value

NONE = Habits()
POINT, COMMA = Habits(decimal="."), Habits(decimal=",")
DAY, MONTH = Habits(dates="day first"), Habits(dates="month first")


@pytest.mark.parametrize(
    ("text", "habits", "number"),
    [
        ("12", NONE, 12), ("-7", NONE, -7), ("1.125", NONE, 1.125), ("1.125", COMMA, 1125), ("0,00", NONE, 0),
        ("12,5", NONE, 12.5), ("1,234.50", NONE, 1234.5), ("1.234,50", NONE, 1234.5), ("1,234", POINT, 1234),
        ("1,234", COMMA, 1.234), ("1,234,567", NONE, 1234567),
        ("1'234'567", NONE, 1234567), ("1 234,5", NONE, 1234.5),
        ("$ 5,000.00", NONE, 5000), ("USD 12", NONE, 12), ("12 EUR", NONE, 12), ("€1.234,50", NONE, 1234.5),
        ("0012", NONE, 12), ("999999999999999", NONE, 999999999999999),
    ],
)  # fmt: skip
def test_numbers(text: str, habits: Habits, number: float) -> None:
    assert read_number(text, habits) == number


@pytest.mark.parametrize(
    "text",
    ["1,234", "12 %", "(3)", "1e5", "٣", "--1", "1,23,456", "0.0/0", "nan", "inf", "1.234.56", "$", "", "1 2",
     "9" * 400, "1" + ",000" * 100, "0x1F", "½", "1_000", "$$5", "five", "1.5k"],
)  # fmt: skip
def test_what_is_no_certain_number(text: str) -> None:
    with pytest.raises(Unreadable):
        read_number(text, NONE)


@pytest.mark.parametrize(
    ("text", "habits", "day"),
    [
        ("2026-03-02", NONE, date(2026, 3, 2)), ("2026-03-02T23:59:00Z", NONE, date(2026, 3, 2)),
        ("2026/3/2", NONE, date(2026, 3, 2)), ("20260302", NONE, date(2026, 3, 2)),
        ("15 Apr, 2021 00:03:00", NONE, date(2021, 4, 15)), ("April 15, 2021", NONE, date(2021, 4, 15)),
        ("5-Mar-2021", NONE, date(2021, 3, 5)), ("15.04.2021", NONE, date(2021, 4, 15)),
        ("03.04.2021", NONE, date(2021, 4, 3)), ("25/03/2021", NONE, date(2021, 3, 25)),
        ("03/25/2021", NONE, date(2021, 3, 25)), ("3/3/2021", NONE, date(2021, 3, 3)),
        ("03/04/2021", DAY, date(2021, 4, 3)), ("03/04/2021 10:30", MONTH, date(2021, 3, 4)),
    ],
)  # fmt: skip
def test_dates(text: str, habits: Habits, day: date) -> None:
    assert read_date(text, habits) == day


@pytest.mark.parametrize(
    "text",
    ["03/04/2021", "2021-02-30", "31 Feb 2021", "1/2", "45012", "soon", "", "2021-13-01", "0000-01-01",
     "2026-03-02" + "x" * 99, "99 Mar 2021", "3 Mars 21"],
)  # fmt: skip
def test_what_is_no_certain_date(text: str) -> None:
    with pytest.raises(Unreadable):
        read_date(text, NONE)


def test_a_habit_is_kept_to() -> None:
    with pytest.raises(Unreadable, match="calendar"):
        read_date("03/25/2021", DAY)
    with pytest.raises(Unreadable):
        read_number("1.234,50", POINT)


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("text", "plain", "plain"), ("flag", "Yes", True), ("flag", "0", False),
        ("date", "2 Mar 2026", "2026-03-02"),
        ("country", "gb", "GB"), ("country", "India", "IN"), ("zone", "europe/london", "Europe/London"),
        ("list", "a; b;a;", ("a", "b")), ("list", "a, b", ("a", "b")), ("choice", "CTO", "cto"),
        ("number", "5", 5.0),
    ],
)  # fmt: skip
def test_every_declared_type(type: str, text: str, value: Any) -> None:
    attribute = Attribute("x", type, values=("cto", "ceo") if type == "choice" else ())
    assert read_value(text, attribute, NONE) == value


@pytest.mark.parametrize(
    ("type", "text", "says"),
    [
        ("choice", "ctoo", 'did you mean "cto"'), ("country", "Narnia", "two letters"),
        ("zone", "London", "Europe/London"), ("flag", "maybe", "neither yes nor no"),
        ("text", "x" * 1001, "longer than 1000"), ("list", "a;" * 200, "100 items"),
    ],
)  # fmt: skip
def test_what_is_wrong_says_what_to_write(type: str, text: str, says: str) -> None:
    attribute = Attribute("x", type, values=("cto", "ceo") if type == "choice" else ())
    with pytest.raises(Unreadable, match=says):
        read_value(text, attribute, NONE)


TYPES = ("text", "number", "flag", "date", "choice", "list", "zone", "country")


def told(text: str, type: str, habits: Habits) -> Any:
    """A value, or None where the cell is sent back; anything else is a failure."""
    try:
        return read_value(text, Attribute("x", type), habits)
    except Unreadable:
        return None


@given(st.text(max_size=60), st.sampled_from(TYPES), st.sampled_from([NONE, POINT, COMMA, DAY, MONTH]))
def test_any_cell_is_read_or_sent_back(text: str, type: str, habits: Habits) -> None:
    value = told(text, type, habits)
    if type == "number" and value is not None:
        assert abs(value) <= 1e15


@given(
    st.dates(min_value=date(1970, 1, 1)), st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d", "%d %b %Y"])
)
def test_a_date_is_never_another_day(day: date, format: str) -> None:
    try:
        assert read_date(day.strftime(format), NONE) == day
    except Unreadable:
        assert "/" in format
        assert day.day <= 12


@given(st.integers(-(10**11), 10**11))
def test_a_number_is_never_another_number(cents: int) -> None:
    english = f"{cents / 100:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    for text in (english, german, f"{cents / 100:.2f}", f"€ {german}"):
        assert read_number(text, NONE) == cents / 100
    assert read_number(f"{cents:,}", POINT) == cents


@pytest.mark.parametrize("text", ["yes", "Y", "TRUE", "1"])
def test_yes(text: str) -> None:
    assert read_flag(text) is True


NAUGHTY = Path(__file__).parents[3] / "shared" / "data" / "edge" / "naughty_strings.json"


@pytest.mark.skipif(not NAUGHTY.is_file(), reason="needs ../shared/data beside the repository")
@pytest.mark.parametrize("type", TYPES)
def test_naughty_strings_are_read_or_sent_back(type: str) -> None:
    values = [told(text, type, NONE) for text in json.loads(NAUGHTY.read_text("utf-8"))]
    assert any(value is None for value in values) or type in ("text", "choice", "list")

"""The small words: what they mean, and what is said where they mean nothing."""

# ruff: noqa: E501

from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any

import pytest

from nurture.authoring import words
from nurture.authoring.problems import Unreadable
from nurture.core.conditions import Day

READ: list[tuple[Callable[[Any], Any], object, object]] = [
    (words.duration, "3 days", timedelta(days=3)),
    (words.duration, "1 day", timedelta(days=1)),
    (words.duration, " 90  minutes ", timedelta(minutes=90)),
    (words.duration, "72 hours", timedelta(hours=72)),
    (words.duration, "1 week", timedelta(weeks=1)),
    (words.duration, "0 days", timedelta()),
    (words.day, "today", Day()),
    (words.day, "90 days ago", Day(timedelta(days=-90))),
    (words.day, "in 30 days", Day(timedelta(days=30))),
    (words.day, "2026-03-02", Day(on=date(2026, 3, 2))),
    (words.weekdays, "mon-fri", frozenset(range(5))),
    (words.weekdays, "fri-mon", frozenset({4, 5, 6, 0})),
    (words.weekdays, "mon, wed-thu", frozenset({0, 2, 3})),
    (words.weekdays, "sun", frozenset({6})),
    (words.hours, "08:30-17:30", (time(8, 30), time(17, 30))),
    (words.hours, "00:00 - 23:59", (time(0), time(23, 59))),
    (words.cap, "2 per 7 days", (2, timedelta(days=7))),
    (words.again, "never", None),
    (words.again, "after 180 days", timedelta(days=180)),
    (words.zone, "Europe/London", "Europe/London"),
    (words.zone, "UTC", "UTC"),
    (words.zone_or_theirs, "prospect", "prospect"),
    (words.country, "GB", "GB"),
    (words.holiday, "2026-12-24", date(2026, 12, 24)),
]

REFUSED: list[tuple[Callable[[Any], Any], object, str]] = [
    (words.duration, "3 dayz", '"3 dayz" is not a duration; try "3 days"'),
    (words.duration, "3days", '"3days" is not a duration; try "3 days"'),
    (words.duration, "3 d", '"3 d" is not a duration; try "3 days"'),
    (words.duration, "1 dys", '"1 dys" is not a duration; try "1 day"'),
    (words.duration, "2 Hours", '"2 Hours" is not a duration; try "2 hours"'),
    (words.duration, "1.5 days", '"1.5 days" is not a duration; try "1 day"'),
    (words.duration, "3 months", '"3 months" is not a duration; try "90 days"'),
    (words.duration, "1 year", '"1 year" is not a duration; try "365 days"'),
    (words.duration, "-3 days", '"-3 days" is not a duration; try "3 days"'),
    (words.duration, "soon", '"soon" is not a duration; try "3 days"'),
    (words.duration, 3, '3 is not a duration; say of what, for example "3 days"'),
    (words.duration, None, 'nothing is not a duration; say of what, for example "3 days"'),
    (words.duration, "9999 weeks", '"9999 weeks" is longer than ten years; try "90 days"'),
    (words.duration, "999999999 days", '"999999999 days" is not a duration; try "999999 days"'),
    (words.duration, "٣ days", '"٣ days" is not a duration; try "3 days"'),
    (words.some_duration, "0 days", '"0 days" is no time at all; try "1 day"'),
    (words.business, "1 day", '"1 day" would run at night and at weekends; try "1 business day"'),
    (words.day, "yesterday", '"yesterday" is not a day; try "today", "90 days ago", "in 30 days" or "2026-03-02"'),
    (words.day, "2026-02-30", '"2026-02-30" is not in the calendar; try "2026-03-02"'),
    (words.day, "in 30 dayz", '"30 dayz" is not a duration; try "30 days"'),
    (words.fixed_day, "02/03/2026", '"02/03/2026" is not a date; write year-month-day, for example "2026-03-02"'),
    (words.weekdays, "mon-fry", '"mon-fry" are not weekdays; try "mon-fri" or "mon, wed, fri"'),
    (words.weekdays, ["mon"], 'a list are not weekdays; try "mon-fri" or "mon, wed, fri"'),
    (words.hours, "08:30-25:00", '"08:30-25:00" are not hours of a day; try "08:30-17:30"'),
    (words.hours, "17:30-17:30", '"17:30-17:30" closes before it opens; try "08:30-17:30"'),
    (words.cap, "0 per 7 days", '"0 per 7 days" is not a limit; try "2 per 7 days"'),
    (words.zone, "../etc/passwd", '"../etc/passwd" is not a time zone; try "Europe/London"'),
    (words.zone, "Europe", '"Europe" is not a time zone'),
    (words.zone, "a\0b", '"a?b" is not a time zone; try "Europe/London"'),
    (words.country, "gb", '"gb" is not a country; did you mean "GB"?'),
    (words.holiday, "prospect", '"prospect" is not a country; name the countries, for example [GB, US]'),
]  # fmt: skip


@pytest.mark.parametrize(("reader", "text", "meant"), READ)
def test_words_mean(reader: Callable[[Any], Any], text: object, meant: object) -> None:
    assert reader(text) == meant


@pytest.mark.parametrize(("reader", "text", "said"), REFUSED)
def test_words_that_mean_nothing(reader: Callable[[Any], Any], text: object, said: str) -> None:
    with pytest.raises(Unreadable) as refused:
        reader(text)
    assert str(refused.value).startswith(said)


def test_business_time_counts_the_hours_of_a_calendar() -> None:
    day = timedelta(hours=8, minutes=30)
    assert words.business("2 business days").of(day) == 2 * day
    assert words.business("1 business week").of(day) == 5 * day
    assert words.business("60 business minutes").of(day) == timedelta(hours=1)

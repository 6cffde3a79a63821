"""Every change of clocks of 2024 and 2025, in every zone: openings and waits around it."""

import csv
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from nurture.core.programme import Calendar
from nurture.core.timing import business_later, in_window, is_zone, later, next_opening
from tests.core.build import DAY, HOUR, SECOND, START, Person, programme

CHANGES = Path(__file__).parents[3] / "shared/data/timezones/transitions_2024_2025.csv"
NO_DAYS_OFF: frozenset[date] = frozenset()

pytestmark = pytest.mark.skipif(not CHANGES.exists(), reason=f"no list of clock changes at {CHANGES}")

DAYTIME = Calendar(frozenset(range(7)), time(8, 30), time(17, 30), "prospect")
WORKING = Calendar(frozenset(range(5)), time(8, 30), time(17, 30), "prospect", spread=timedelta(minutes=45))
NIGHT = Calendar(frozenset(range(7)), time(0, 15), time(4, 45), "prospect")
SMALL = Calendar(frozenset(range(7)), time(2), time(2, 40), "prospect", spread=timedelta(minutes=45))
CALENDARS = {"day": DAYTIME, "working day": WORKING, "night": NIGHT, "small": SMALL}


@cache
def changes() -> list[tuple[str, datetime, timedelta]]:
    """Zone, instant, and how far the wall clock moves on."""
    with CHANGES.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        (row["zone"], datetime.fromisoformat(row["utc"]), timedelta(minutes=float(row["delta_min"])))
        for row in rows
        if is_zone(row["zone"])
    ]


def openings(
    calendar: Calendar, zone: str, begin: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """All openings that begin in a time, found as a wake finds them: the next one after each."""
    found, now = [], begin
    while now < end:
        opening = next_opening(calendar, zone, NO_DAYS_OFF, 7, now)
        if opening.opens >= begin:
            found.append(opening)
        now = opening.closes
    return [one for one in found if one[0] < end]


def open_days(calendar: Calendar, zone: str, begin: datetime, end: datetime) -> list[date]:
    first, last = begin.astimezone(ZoneInfo(zone)).date(), end.astimezone(ZoneInfo(zone)).date()
    dates = (first + ahead * DAY for ahead in range((last - first).days))
    return [day for day in dates if day.weekday() in calendar.weekdays]


def test_there_is_something_to_sweep():
    assert len(changes()) > 700
    assert len({zone for zone, _, _ in changes()}) > 100


@pytest.mark.parametrize("name", CALENDARS)
def test_exactly_one_opening_on_each_open_day(name: str):
    calendar, days_seen = CALENDARS[name], 0
    for zone, change, _ in changes():
        middle = change.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, fold=0)
        begin, end = ((middle + n * DAY).astimezone(UTC) for n in (-3, 4))
        found = openings(calendar, zone, begin, end)
        dates = [opens.astimezone(ZoneInfo(zone)).date() for opens, _ in found]
        assert dates == open_days(calendar, zone, begin, end), (zone, change)
        assert all(before[1] <= after[0] for before, after in pairwise(found)), (zone, change)
        days_seen += len(dates)
    assert days_seen > 700 * 4


@pytest.mark.parametrize("name", ["day", "working day"])
def test_never_outside_hours(name: str):
    """Wall times at the edges and inside of each opening; daytime is never touched by a change."""
    calendar, touched = CALENDARS[name], 0
    for zone, change, _ in changes():
        local = change.astimezone(ZoneInfo(zone)).time()
        before = (change - SECOND).astimezone(ZoneInfo(zone)).time()
        if calendar.opens <= local <= calendar.closes or calendar.opens <= before <= calendar.closes:
            touched += 1
            continue
        for opens, closes in openings(calendar, zone, change - 3 * DAY, change + 3 * DAY):
            wall = [
                (opens + (closes - opens) * share / 8).astimezone(ZoneInfo(zone)).time() for share in range(8)
            ]
            assert min(wall) >= calendar.opens, (zone, change)
            assert max(wall) < calendar.closes, (zone, change)
            assert (closes - SECOND).astimezone(ZoneInfo(zone)).time() < calendar.closes
            assert opens.astimezone(ZoneInfo(zone)).time() < time(9, 15)
    assert touched < 30


@pytest.mark.parametrize("name", ["night", "small"])
def test_an_opening_with_a_change_inside_begins_in_its_hours_or_just_after_the_gap(name: str):
    """A wall time that does not exist moves forward by the gap, one that exists twice is the first."""
    calendar, moved = CALENDARS[name], 0
    for zone, change, gap in changes():
        for opens, closes in openings(calendar, zone, change - 2 * DAY, change + 2 * DAY):
            assert opens < closes
            local = opens.astimezone(ZoneInfo(zone))
            if not calendar.opens <= local.time() < calendar.closes:
                moved += 1
                assert change <= opens <= change + gap, (zone, change)
            assert local.fold == 0
    assert (moved > 50) is (name == "small")


def test_noon_stays_noon():
    for zone, change, _ in changes():
        here = ZoneInfo(zone)
        day = change.astimezone(here).date() - 2 * DAY
        noon = datetime.combine(day, time(12), here).astimezone(UTC)
        for ahead in range(1, 16):
            then = later(noon, ahead * DAY, zone).astimezone(here)
            assert (then.date(), then.time()) == (day + ahead * DAY, time(12)), (zone, change)


def test_hours_are_hours_of_the_clock():
    for zone, change, _ in changes():
        for wait in (HOUR, 30 * HOUR, 25.5 * HOUR):
            assert later(change - HOUR, wait, zone) - (change - HOUR) == wait


def test_business_time_never_counts_the_change():
    """Nine hours a day are nine hours, whatever the clocks did in the night."""
    for zone, change, _ in changes():
        here = ZoneInfo(zone)
        calendar = Calendar(frozenset(range(7)), time(8, 30), time(17, 30), zone)
        day = change.astimezone(here).date()
        if 6 <= change.astimezone(here).hour <= 18:
            continue
        begin = datetime.combine(day - 2 * DAY, time(8, 30), here).astimezone(UTC)
        ends = business_later(calendar, begin, timedelta(hours=9 * 4 + 1))
        assert ends == datetime.combine(day + 2 * DAY, time(9, 30), here).astimezone(UTC), (zone, change)


def test_the_window_says_until_when_it_stands():
    """Inside and outside, at each second around both edges, on the day of each change in a few zones."""
    for zone, change, _ in changes():
        if zone not in ("Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"):
            continue
        person = Person(programme()).enter({"zone": zone})
        now = change - DAY
        while now < change + 2 * DAY:
            answer = in_window(NIGHT, person.journey, person.plan, now)
            assert answer.until > now
            last = in_window(NIGHT, person.journey, person.plan, answer.until - SECOND)
            assert last.holds is answer.holds
            assert in_window(NIGHT, person.journey, person.plan, answer.until).holds is not answer.holds
            now = answer.until


def test_a_spread_longer_than_the_opening_still_leaves_everybody_an_opening():
    narrow = Calendar(frozenset(range(7)), time(9), time(9, 10), "UTC", spread=timedelta(minutes=45))
    for prospect in range(200):
        opening = next_opening(narrow, "UTC", NO_DAYS_OFF, prospect, START)
        assert timedelta() < opening.closes - opening.opens <= timedelta(minutes=10)
        assert opening.closes - START <= DAY + timedelta(minutes=10)

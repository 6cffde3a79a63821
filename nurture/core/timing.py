"""When we may write: windows of a calendar in the prospect's zone, gaps, rolling caps, cool-down.

Whole days are counted on the calendar of the prospect (noon stays noon across a change of clocks), other
times on the clock. A wall time that does not exist moves forward, one that exists twice is the first.
The same calendar gives the clock of business time that sales promised. Source: docs/timing.md.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple
from zlib import crc32
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nurture.core.answers import FOREVER, Answer, Reason
from nurture.core.evidence import Evidence, last_engaged
from nurture.core.journey import Journey
from nurture.core.programme import Calendar, Cap, Pace, Programme, Sequence

_DAY = timedelta(days=1)
_until = attrgetter("until")
_MOST_DAYS = 800
"""How far ahead an opening is looked for; the readings know two years of holidays."""


class Opening(NamedTuple):
    """A time in which we may write: opens <= now < closes. FOREVER: there is none."""

    opens: datetime
    closes: datetime


def zone_of(evidence: Evidence, programme: Programme) -> str:
    """The prospect's zone if it is known and real, else the sender's."""
    known = evidence.attributes.get("zone")
    return str(known.value) if known and is_zone(known.value) else programme.zone


def zone_for(calendar: Calendar, evidence: Evidence, programme: Programme) -> str:
    """The zone whose wall clock the calendar's hours are of."""
    return zone_of(evidence, programme) if calendar.zone == "prospect" else calendar.zone


@lru_cache(maxsize=1024)
def is_zone(name: object) -> bool:
    """Whether the zone database knows this name."""
    try:
        return isinstance(name, str) and bool(name) and ZoneInfo(name) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def opening(calendar: Calendar, journey: Journey, programme: Programme, now: datetime) -> Opening:
    """The opening that now is in, or the next one."""
    zone = zone_for(calendar, journey.evidence, programme)
    return next_opening(calendar, zone, days_off(calendar, journey, programme), journey.prospect, now)


def next_opening(
    calendar: Calendar, zone: str, off: frozenset[date], prospect: int, now: datetime
) -> Opening:
    """The same for a zone and days off that are known already."""
    window = _windows(calendar, zone, off)
    day = now.astimezone(ZoneInfo(zone)).date() - _DAY
    for ahead in range(_MOST_DAYS):
        found = window(day + ahead * _DAY)
        if found is not None and now < found.closes:
            return _later(found, calendar, prospect)
    return Opening(FOREVER, FOREVER)


def days_off(calendar: Calendar, journey: Journey, programme: Programme) -> frozenset[date]:
    """The calendar's own days off, and the public holidays where the prospect lives."""
    country = journey.evidence.attributes.get("country")
    if country is None or country.value not in calendar.countries:
        return calendar.days_off
    return _both(calendar.days_off, programme.holidays.get(str(country.value), frozenset()))


def later(moment: datetime, wait: timedelta, zone: str) -> datetime:
    """`moment` plus a wait: whole days on the calendar of the zone, everything else on the clock."""
    if wait % _DAY:
        return moment + wait
    local = moment.astimezone(ZoneInfo(zone))
    return (local + wait).replace(fold=0).astimezone(UTC)


def may_write(journey: Journey, sequence: Sequence, programme: Programme) -> Callable[[datetime], Answer]:
    """The question whether a moment is one at which this sequence may write to this prospect.

    Where it holds, `until` is when the calendar's opening closes: nothing else that holds ends by itself.
    """
    zone = zone_of(journey.evidence, programme)
    paces = _paces(journey, sequence, programme)
    pauses: list[Answer] = []  # each refuses until it is over
    if journey.pause_until is not None:
        pauses.append(_pause("pause", journey.pause_until))
    if journey.sent_at:
        pauses.append(_gap(journey, paces, zone))
    engaged = last_engaged(journey.evidence)
    if engaged is not None:
        cool_down = max(pace.cool_down for pace in paces)
        pauses.append(_pause("cool down", later(engaged, cool_down, zone), days=cool_down / _DAY))
    caps = {cap for pace in paces for cap in pace.caps} if journey.sent_at else ()
    calendar = sequence.calendar or programme.calendar
    hours = zone_for(calendar, journey.evidence, programme), days_off(calendar, journey, programme)

    def may(now: datetime) -> Answer:
        window = _inside(next_opening(calendar, *hours, journey.prospect, now), now)
        refusals = [pause for pause in pauses if now < pause.until]
        refusals += [full for cap in caps if (full := _full(cap, journey, now)) is not None]
        if not refusals:
            return window
        if not window.holds:
            refusals.append(window)
        return max(refusals, key=_until)  # the one that stands longest, the first one if equal

    return may


def crowded(journey: Journey, sequence: Sequence, programme: Programme, now: datetime) -> Answer | None:
    """What forbids a message on its way though it was free to go when it was chosen; None: nothing.

    A colleague has written meanwhile, or the person has asked for a longer gap. Time alone never does it.
    """
    if not journey.sent_at:
        return None
    paces = _paces(journey, sequence, programme)
    gap = _gap(journey, paces, zone_of(journey.evidence, programme))
    if now < gap.until:
        return gap
    full = (_full(cap, journey, now) for pace in paces for cap in pace.caps)
    return next((answer for answer in full if answer is not None), None)


def in_window(calendar: Calendar, journey: Journey, programme: Programme, now: datetime) -> Answer:
    """Is now inside an opening of the calendar?"""
    return _inside(opening(calendar, journey, programme, now), now)


def _inside(found: Opening, now: datetime) -> Answer:
    if found.opens <= now:
        return Answer(True, Reason("open", {"until": found.closes}), found.closes)
    return Answer(False, Reason("outside the window", {"until": found.opens}), found.opens)


def business_later(calendar: Calendar, start: datetime, time_of_business: timedelta) -> datetime:
    """When so much business time of the calendar has passed. The very instant of closing is outside."""
    left = time_of_business
    day = start.astimezone(ZoneInfo(calendar.zone)).date()
    window = _windows(calendar, calendar.zone, calendar.days_off)
    for ahead in range(_MOST_DAYS):
        found = window(day + ahead * _DAY)
        if found is None or found.closes <= start:
            continue
        begins = max(start, found.opens)
        if left <= found.closes - begins:
            return begins + left
        left -= found.closes - begins
    return FOREVER


def _pause(code: str, until: datetime, **figures: float) -> Answer:
    return Answer(False, Reason(code, {"until": until, **figures}), until)


def _gap(journey: Journey, paces: list[Pace], zone: str) -> Answer:
    """The tightest applies: of the programme, of the sequences, of what the person asked for."""
    gap, code = max(pace.gap for pace in paces), "gap"
    if journey.preferred is not None and journey.preferred.gap * _DAY > gap:
        gap, code = journey.preferred.gap * _DAY, "gap asked for"
    return _pause(code, later(journey.sent_at[-1], gap, zone), days=gap / _DAY)


def _full(cap: Cap, journey: Journey, now: datetime) -> Answer | None:
    """`most` messages in the rolling time: no more until the oldest of them is over. None: there is room."""
    since = now - cap.per
    recent = [sent for sent in journey.sent_at if sent > since]
    if len(recent) < cap.most:
        return None
    frees = recent[-cap.most] + cap.per
    return Answer(False, Reason("cap", {"most": cap.most, "days": cap.per / _DAY, "until": frees}), frees)


def _paces(journey: Journey, sequence: Sequence, programme: Programme) -> list[Pace]:
    """Pace belongs to the person: the programme's, and those of all sequences the person is in."""
    paces = [programme.pace]
    for other in programme.sequences:
        if other.pace is not None and (other.id in journey.enrolled or other is sequence):
            paces.append(other.pace)
    return paces


def _later(window: Opening, calendar: Calendar, prospect: int) -> Opening:
    """Each prospect's own opening: later by their fixed share of the spread, in whole seconds."""
    seconds = int(calendar.spread.total_seconds())
    if seconds <= 0:
        return window
    late = timedelta(seconds=crc32(str(prospect).encode()) % seconds)
    opens, closes = window  # a share longer than the opening wraps round
    return Opening(opens + late % (closes - opens), closes)


@lru_cache(maxsize=4096)
def _both(some: frozenset[date], others: frozenset[date]) -> frozenset[date]:
    """One value for all who live in one country: it is the key of a cache."""
    return some | others


@lru_cache(maxsize=1024)
def _windows(calendar: Calendar, zone: str, off: frozenset[date]) -> Callable[[date], Opening | None]:
    """The opening of a day, remembered: everybody of a zone and a country has the same ones."""
    return lru_cache(maxsize=1024)(lambda day: _window(calendar, zone, off, day))


def _window(calendar: Calendar, zone: str, off: frozenset[date], day: date) -> Opening | None:
    if day.weekday() not in calendar.weekdays or day in off:
        return None
    opens = _instant(day, calendar.opens, zone)
    closes = _instant(day, calendar.closes, zone)
    if opens >= closes:
        return None
    return Opening(opens, closes)


def _instant(day: date, wall: time, zone: str) -> datetime:
    """The instant of a wall time: one that does not exist moves forward, of two it is the first."""
    return datetime.combine(day, wall, ZoneInfo(zone)).astimezone(UTC)

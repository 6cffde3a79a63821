"""Behaviour cases that other engines' tests know, over fifty journeys, in the terms of this one.

The numbers in the names are those of the list of cases in the specification.
"""

import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from nurture.core import facts as f
from nurture.core.conditions import Day, Where
from nurture.core.decide import Settled, settle
from nurture.core.programme import Calendar, Cap, Pace, Piece
from nurture.core.timing import later, next_opening
from tests.core.build import (
    DAY,
    HOUR,
    MINUTE,
    OFFICE,
    SECOND,
    START,
    WEEKDAYS,
    Person,
    days,
    pieces,
    programme,
    sends,
    sequence,
)

FIFTY = range(1, 51)
ALWAYS = Calendar(frozenset(range(7)), time(0), time(23, 59, 59), "Europe/London")


def spread_out(**changes: object) -> list[Person]:
    """Fifty people who came in one second, under one programme."""
    plan = programme(**changes)
    return [Person(plan, prospect=number).enter() for number in FIFTY]


def test_1_all_wait_and_none_leaves_early_and_exactly_fifty_when_due():
    """Entered at nine, three days after a message that each of them had; the gap is three days."""
    people = spread_out(calendar=ALWAYS)
    for person in people:
        person.live(START + HOUR)
    due = START + 3 * DAY + MINUTE
    early = [sends(person.live(due - SECOND)) for person in people]
    assert sum(map(len, early)) == 0
    assert {person.wait.until for person in people} == {due}
    on_time = [sends(person.live(due)) for person in people]
    assert [len(done) for done in on_time] == [1] * 50
    assert {at for done in on_time for at, _ in done} == {due}
    assert [sends(person.live(due + HOUR)) for person in people] == [[]] * 50


def test_1_behind_a_window_each_leaves_at_an_opening_of_its_own():
    """Saturday night: nobody writes; on Monday all fifty have left within the spread, and no two spikes."""
    window = Calendar(WEEKDAYS, time(8, 30), time(17, 30), "prospect", spread=timedelta(minutes=45))
    people = [
        Person(programme(calendar=window), prospect=number, now=START - 2 * DAY).enter() for number in FIFTY
    ]
    opens = START - HOUR / 2
    assert [sends(person.live(opens - SECOND)) for person in people] == [[]] * 50
    left = [sends(person.live(opens + timedelta(minutes=45))) for person in people]
    assert [len(done) for done in left] == [1] * 50
    instants = [at for done in left for at, _ in done]
    assert opens <= min(instants) < max(instants) < opens + timedelta(minutes=45)
    assert len(set(instants)) > 40


def test_2_batches_and_order_do_not_matter():
    """Settling touches one prospect alone: five batches of ten, one of fifty, backwards, shuffled: equal."""
    rng = random.Random(2)

    def one_pass(order: list[int], batch: int) -> dict[int, Settled]:
        people = {person.journey.prospect: person for person in spread_out()}
        for number in FIFTY:
            if number % 3 == 0:
                people[number].hear(f.PageViewed("/pricing"))
            if number % 7 == 0:
                people[number].hear(f.Unsubscribed())
        settled = {}
        for start in range(0, 50, batch):
            for number in order[start : start + batch]:
                settled[number] = settle(people[number].journey, people[number].plan, START)
        return settled

    whole = one_pass(list(FIFTY), 50)
    assert len(whole) == 50
    assert one_pass(list(FIFTY), 10) == whole
    assert one_pass(list(FIFTY)[::-1], 10) == whole
    assert one_pass(rng.sample(list(FIFTY), 50), 7) == whole


FOLLOW_UP = Piece("follow", "early", "Follow", ("cost",), needs=("read-it",), url="/follow")
READ_IT = Piece("read-it", "early", "Page", (), url="/read-it")


def test_16_17_who_clicks_gets_what_follows_it_up_and_the_others_the_next():
    """All fifty are mailed; 25 click, each at an hour of their own. Nobody gets both."""
    plan_pieces = pieces(FOLLOW_UP, READ_IT)
    say = ("e1", "follow", "e2", "e3")
    people = spread_out(pieces=plan_pieces, sequences=(sequence(say=say),), calendar=ALWAYS)
    gap, cool_down = days(3), days(2)
    second: dict[int, tuple[datetime, str]] = {}
    clicked: dict[int, datetime] = {}
    for person in people:
        number = person.journey.prospect
        (first,) = sends(person.live(START + MINUTE))
        assert first == (START, "e1")
        if number <= 25:
            person.live(START + number * 2 * HOUR)
            clicked[number] = person.now
            person.hear(f.Clicked(2, "e1", 1, "https://x.example/read-it"))
        (second[number],) = sends(person.live(START + 4 * DAY + 5 * HOUR))

    sent = START + MINUTE
    for number, (at, piece) in second.items():
        if number in clicked:
            assert piece == "follow"
            assert at == max(clicked[number] + cool_down, sent + gap)
        else:
            assert (at, piece) == (sent + gap, "e2")
    assert sorted(piece for _, piece in second.values()) == ["e2"] * 25 + ["follow"] * 25
    assert len({at for number, (at, _) in second.items() if number > 13 and number in clicked}) == 12


def test_16_17_one_who_clicks_after_the_next_was_chosen_is_not_written_to_twice():
    say = ("e1", "follow", "e2")
    person = spread_out(pieces=pieces(FOLLOW_UP, READ_IT), sequences=(sequence(say=say),), calendar=ALWAYS)[0]
    person.live(START + MINUTE)
    person.outcome = None
    assert sends(person.live(START + 3 * DAY + HOUR)) == [(START + 3 * DAY + MINUTE, "e2")]
    person.hear(f.Clicked(2, "e1", 1, "https://x.example/read-it"))
    assert sends(person.live(START + 5 * DAY)) == []
    assert person.journey.live is not None
    person.hear(f.TouchEnded(person.journey.live.number, "sent"))
    assert [piece for _, piece in sends(person.live(START + 10 * DAY))] == ["follow"]


def at_hours(opens: time, closes: time, weekdays: frozenset[int] = frozenset(range(7))) -> Calendar:
    return Calendar(weekdays, opens, closes, "UTC")


@pytest.mark.parametrize(
    ("calendar", "due", "leaves"),
    [
        # 7: window 8 to 10 and due at exactly 10: the next day (the end is outside)
        (at_hours(time(8), time(10)), datetime(2026, 3, 4, 10), datetime(2026, 3, 5, 8)),
        # 7: due at 10 in a window of 10 to 11: stays
        (at_hours(time(10), time(11)), datetime(2026, 3, 4, 10), datetime(2026, 3, 4, 10)),
        (at_hours(time(8), time(10)), datetime(2026, 3, 4, 9, 59, 59), datetime(2026, 3, 4, 9, 59, 59)),
        # 8: window 8 to 10, Friday and Saturday only, due Saturday at noon: next Friday
        (at_hours(time(8), time(10), frozenset({4, 5})), datetime(2026, 3, 7, 12), datetime(2026, 3, 13, 8)),
    ],
)
def test_7_8_windows(calendar: Calendar, due: datetime, leaves: datetime):
    due, leaves = due.replace(tzinfo=UTC), leaves.replace(tzinfo=UTC)
    pace = Pace(days(3), (), days(0))
    person = Person(programme(calendar=calendar, pace=pace), now=due - 3 * DAY, outcome="sent").enter()
    person.journey = person.journey._replace(sent_at=(due - 3 * DAY,), last_touch=due - 3 * DAY)
    assert [at for at, _ in sends(person.live(leaves + HOUR))] == [leaves]


def test_9_zones_known_blank_and_wrong():
    """One opening at six in the morning: three instants; blank and wrong zones use the default."""
    zones = ("America/Los_Angeles", "America/North_Dakota/Center", "", "Mars/Olympus", None)
    six = Calendar(frozenset(range(7)), time(6), time(7), "prospect")
    midnight = datetime(2026, 3, 4, tzinfo=UTC)
    instants = {}
    for zone in zones:
        person = Person(programme(calendar=six), now=midnight).enter(
            {"zone": zone} if zone is not None else {}
        )
        ((instants[zone], _),) = sends(person.live(midnight + DAY - SECOND))
    expected = {
        zone: datetime(2026, 3, 4, 6, tzinfo=ZoneInfo(zone if zone in zones[:2] else "Europe/London"))
        for zone in zones
    }
    assert instants == expected
    assert len(set(instants.values())) == 3


def test_10_a_wait_across_the_autumn_change_keeps_noon():
    """Fifteen days from noon before the change to noon after it, in a window of 8 to 20."""
    london = ZoneInfo("Europe/London")
    noon = datetime(2026, 10, 17, 12, tzinfo=london).astimezone(UTC)
    window = Calendar(frozenset(range(7)), time(8), time(20), "prospect")
    plan = programme(calendar=window, pace=Pace(days(15), (), days(0)))
    person = Person(plan, now=noon).enter()
    person.outcome = None
    (first,) = sends(person.live(noon))
    assert person.journey.live is not None
    person.hear(f.TouchEnded(person.journey.live.number, "sent"))
    person.outcome = "sent"
    (second,) = sends(person.live(noon + 16 * DAY))
    assert first[0] == noon
    assert second[0].astimezone(london).replace(tzinfo=None) == datetime(2026, 11, 1, 12)
    assert second[0] - first[0] == 15 * DAY + HOUR


def test_12_the_weekday_is_that_of_the_prospects_zone():
    """Thursday at five for somebody in Tokyo is Wednesday evening in UTC."""
    thursday = Calendar(frozenset({3}), time(5), time(6), "prospect")
    wednesday = datetime(2026, 3, 4, 8, tzinfo=ZoneInfo("Asia/Tokyo"))
    opening = next_opening(thursday, "Asia/Tokyo", frozenset(), 1, wednesday.astimezone(UTC))
    assert opening.opens == datetime(2026, 3, 5, 5, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert opening.opens.weekday() == 2


def test_35_an_exit_and_a_message_due_at_the_same_instant_for_fifty():
    """Half of them qualify for the exit when the gap ends: those are not written to, the others are."""
    gap_ends = START + 3 * DAY + MINUTE
    plan = programme(calendar=ALWAYS, sequences=(sequence(leave_when=Where("ends", before=Day(days(30)))),))
    written, left = [], []
    for number in FIFTY:
        ends = gap_ends + 30 * DAY - (SECOND if number % 2 else -DAY)
        person = Person(plan, prospect=number).enter({"ends": ends.isoformat()})
        done = person.live(gap_ends)
        written += [number for at, _ in sends(done) if at == gap_ends]
        left += [number for at, body in done if isinstance(body, f.Left) and at == gap_ends]
    assert left == [number for number in FIFTY if number % 2]
    assert written == [number for number in FIFTY if not number % 2]


def test_45_a_full_cap_delays_and_drops_nothing():
    """One a day, and one went out today: the next is chosen when the day is over, not dropped."""
    pace = Pace(timedelta(), (Cap(1, DAY),), timedelta())
    person = Person(programme(calendar=ALWAYS, pace=pace)).enter()
    done = sends(person.live(START + 2 * DAY + HOUR))
    assert done == [(START, "e1"), (START + DAY + MINUTE, "e2"), (START + 2 * DAY + 2 * MINUTE, "e3")]


def test_45_the_wait_names_the_cap():
    pace = Pace(timedelta(), (Cap(1, DAY),), timedelta())
    person = Person(programme(calendar=ALWAYS, pace=pace)).enter()
    person.live(START + HOUR)
    assert person.reasons()[:2] == ["next", "cap"]
    assert person.wait.until == START + DAY + MINUTE


def test_holidays_of_the_country_and_of_the_calendar():
    good_friday, tuesday = date(2026, 4, 3), date(2026, 4, 7)
    calendar = Calendar(
        OFFICE.weekdays, OFFICE.opens, OFFICE.closes, "prospect", frozenset({"GB"}), frozenset({tuesday})
    )
    plan = programme(calendar=calendar, holidays={"GB": frozenset({good_friday, date(2026, 4, 6)})})
    evening = datetime(2026, 4, 2, 18, tzinfo=UTC)
    leaves = {}
    for country in ("GB", "FR"):
        person = Person(plan, now=evening).enter({"country": country})
        ((leaves[country], _), *_) = sends(person.live(evening + 7 * DAY))
    assert leaves["GB"].date() == date(2026, 4, 8)
    assert leaves["FR"].date() == date(2026, 4, 3)


def test_a_window_that_never_opens_waits_for_a_fact():
    closed = Calendar(frozenset({0}), time(9), time(9), "UTC")
    person = Person(programme(calendar=closed)).enter()
    person.wake()
    assert sends(person.live(START + 100 * DAY)) == []
    assert "outside the window" in person.reasons()


def test_later_counts_whole_days_on_the_calendar_and_hours_on_the_clock():
    saturday_noon = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert later(saturday_noon, DAY, "Europe/London") == datetime(2026, 3, 29, 11, tzinfo=UTC)
    assert later(saturday_noon, 23 * HOUR, "Europe/London") == datetime(2026, 3, 29, 11, tzinfo=UTC)
    assert later(saturday_noon, DAY + HOUR, "Europe/London") == datetime(2026, 3, 29, 13, tzinfo=UTC)

"""The worked examples of the specification, with their exact numbers (computed there by another hand)."""

from datetime import UTC, datetime, time, timedelta

import pytest

from nurture.core.conditions import Where
from nurture.core.evidence import (
    Evidence,
    Grain,
    Known,
    Measure,
    Reservoir,
    falls_to,
    level,
    pour,
    worth,
)
from nurture.core.fit import fit
from nurture.core.intent import contributions, falls_below, reaches, score
from nurture.core.journey import Journey
from nurture.core.programme import Calendar, Criterion, Line
from nurture.core.stages import where_to
from nurture.core.timing import business_later
from tests.core.build import DAY, WEEKDAYS, agreement, days, stages

ORIGIN = datetime(2025, 1, 1, tzinfo=UTC)


def on(day: float) -> datetime:
    return ORIGIN + days(day)


def poured(measure: Measure, *events: tuple[float, float]) -> list[Reservoir]:
    """The reservoir after each (day, points)."""
    reservoir, after = None, []
    for n, (day, points) in enumerate(events, start=1):
        reservoir = pour(reservoir, Grain(on(day), n, points), measure)
        after.append(reservoir)
    return after


def test_the_cap_applies_on_write_and_the_parts_sum_exactly():
    pricing = Measure(days(14), 40)
    after = poured(pricing, (0, 15), (1, 15), (1, 15), (3, 15), (10, 15))
    last = after[-1]

    assert [grain.kept for grain in last.grains] == pytest.approx(
        [15, 15, 10.724573, 3.771053, 11.715729], abs=1e-6
    )
    assert [one.value for one in after] == pytest.approx([15, 29.275427, 40, 40, 40], abs=1e-6)
    assert level(last, pricing, on(24)) == pytest.approx(20.0, abs=1e-9)
    assert sum(worth(grain, pricing, on(24)) for grain in last.grains) == pytest.approx(20.0, abs=1e-9)


LINES = {
    line.signal: line
    for line in (
        Line("webinar", 20, Measure(days(30))),
        Line("case_study", 8, Measure(days(21))),
        Line("click", 2, Measure(days(14))),
        Line("pricing", 15, Measure(days(14), 40)),
        Line("compare", 10, Measure(days(14))),
    )
}
HISTORY = (
    (0, "webinar"),
    (3, "case_study"),
    (5, "click"),
    (6, "pricing"),
    (7, "compare"),
    (8, "pricing"),
)


def five_signals(count: int = len(HISTORY)) -> Evidence:
    evidence = Evidence()
    for n, (day, name) in enumerate(HISTORY[:count], start=1):
        line = LINES[name]
        after = pour(evidence.signals.get(name), Grain(on(day), n, line.points), line.measure)
        evidence = evidence._replace(signals={**evidence.signals, name: after})
    return evidence


def test_five_signals_of_four_half_lives_add_up():
    totals = [20.000000, 26.660660, 27.306916, 41.560191, 50.110749, 63.234422]
    assert [score(five_signals(n), LINES, on(HISTORY[n - 1][0])) for n in range(1, 7)] == pytest.approx(
        totals, abs=1e-6
    )
    parts = {part.signal: part.points for part in contributions(five_signals(), LINES, on(8))}
    assert parts == pytest.approx(
        {
            "webinar": 16.624758,
            "case_study": 6.782912,
            "click": 1.723946,
            "pricing": 28.585855,
            "compare": 9.516952,
        },
        abs=1e-6,
    )
    assert [score(five_signals(), LINES, on(day)) for day in (10, 14, 20)] == pytest.approx(
        [58.295647, 49.628118, 39.149921], abs=1e-6
    )


@pytest.mark.parametrize(("floor", "day"), [(50, 13.813238), (35, 22.882328), (20, 37.793349)])
def test_when_five_signals_fall_below(floor: float, day: float):
    parts = [(part.points, part.measure.half_life) for part in contributions(five_signals(), LINES, on(8))]
    falls = falls_below(parts, floor)
    assert falls is not None
    assert falls / DAY + 8 == pytest.approx(day, abs=1e-6)

    answer = reaches(five_signals(), LINES, floor, on(8))
    assert answer.holds
    assert timedelta() <= answer.until - on(day) <= timedelta(seconds=1.1)
    assert not reaches(five_signals(), LINES, floor, answer.until).holds
    assert reaches(five_signals(), LINES, floor, answer.until - timedelta(seconds=1)).holds


def test_one_half_life_falls_in_closed_form():
    measure = Measure(days(14))
    reservoir = Reservoir(60.0, on(0), (Grain(on(0), 1, 60, 60),))
    assert (falls_to(reservoir, 40, measure) - on(0)) / DAY == pytest.approx(8.189475, abs=1e-6)


def test_three_half_lives_fall_between_the_brackets():
    then = [(40 * 2 ** (-0 / 14), 14), (20 * 2 ** (-5 / 30), 30), (12.5 * 2 ** (-1 / 21), 21)]
    total = sum(value for value, _ in then)
    assert total == pytest.approx(69.9121, abs=1e-4)
    falls = falls_below([(value, days(half_life)) for value, half_life in then], 40)
    assert falls is not None
    assert 21.277597 < 10 + falls / DAY < 34.166278
    assert 10 + falls / DAY == pytest.approx(24.335237, abs=1e-6)


def test_a_penalty_is_a_step_and_its_end_a_jump():
    lines = {
        "demo": Line("demo", 60, Measure(days(30))),
        "careers": Line("careers", -25, Measure(days(30)), lasts=days(10)),
    }
    evidence = Evidence(
        signals={"demo": Reservoir(60.0, on(0), (Grain(on(0), 1, 60, 60),))},
        penalties={"careers": (Grain(on(0), 2, -25, -25),)},
    )
    assert score(evidence, lines, on(0)) == pytest.approx(35)
    assert score(evidence, lines, on(9.999)) == pytest.approx(22.623, abs=5e-4)
    assert score(evidence, lines, on(10)) == pytest.approx(47.622, abs=5e-4)

    before = reaches(evidence, lines, 40, on(0))
    assert (before.holds, before.until) == (False, on(10))
    after = reaches(evidence, lines, 40, on(10))
    assert after.holds
    assert (after.until - on(0)) / DAY == pytest.approx(17.548875, abs=2e-5)


def test_once_per_day_counts_one_in_any_rolling_day():
    pricing = Measure(days(14), 40, DAY)
    last = poured(pricing, (0, 15), (0.5, 15), (0.999, 15), (1, 15), (1.5, 15), (2.01, 15))[-1]
    assert [grain.counted for grain in last.grains] == [True, False, False, True, False, True]
    assert [grain.kept for grain in last.grains if not grain.counted] == [0, 0, 0]


def test_the_cap_does_not_stay_pinned():
    """Ten views in one day: on read the level would stay at the cap for 26.70 days; on write it falls."""
    pricing = Measure(days(14), 40)
    last = poured(pricing, *((0.0, 15),) * 10)[-1]
    assert last.value == 40
    assert level(last, pricing, on(14)) == pytest.approx(20)


# Fit --------------------------------------------------------------------------------------------------

FIVE = (
    Criterion("industry", 30, Where("industry", one_of=("software", "fintech"))),
    Criterion("size", 25, Where("employees", at_least=50, at_most=2000)),
    Criterion("role", 25, Where("role", one_of=("vp", "director", "head"))),
    Criterion("region", 10, Where("country", one_of=("GB", "IE", "DE"))),
    Criterion("tech", 10, Where("tech", has="salesforce")),
)


def known(**values: object) -> Evidence:
    return Evidence(attributes={name: Known(value, ORIGIN, 1) for name, value in values.items()})


def test_an_unknown_that_changes_no_grade_asks_nothing():
    evidence = known(industry="software", employees=9, role="vp", country="GB")
    found = fit(evidence, agreement(criteria=FIVE), on(0))
    assert found[:5] == (pytest.approx(65), pytest.approx(75), "B", "B", None)


def test_an_unknown_that_could_change_the_grade_asks_the_heaviest():
    evidence = known(industry="software", role="vp", country="US")
    found = fit(evidence, agreement(criteria=FIVE), on(0))
    assert found[:5] == (pytest.approx(55), pytest.approx(90), "C", "A", "size")


# Stages -----------------------------------------------------------------------------------------------

STAGE_EVENTS = ((0, "early", 1), (2, "early", 1), (6, "mid", 2), (8, "mid", 2), (9, "late", 3))
UNCAPPED = stages(measure=Measure(days(21)))


def walked(until: float, stage: str = "early", since: float = 0) -> Journey:
    """The journey with all evidence up to a day, in a stage."""
    found: dict[str, Reservoir] = {}
    for n, (day, name, units) in enumerate(STAGE_EVENTS, start=1):
        if day <= until:
            found[name] = pour(found.get(name), Grain(on(day), n, units), UNCAPPED.measure)
    return Journey(1, stage=stage, stage_since=on(since), evidence=Evidence(stages=found))


def held(journey: Journey, stage: str, day: float) -> float:
    return level(journey.evidence.stages.get(stage), UNCAPPED.measure, on(day))


def test_stages_open_skip_and_are_left_as_their_evidence_fades():
    assert held(walked(6), "mid", 6) == pytest.approx(2.0)
    assert not where_to(walked(6), UNCAPPED, on(6)).answer.holds

    assert held(walked(8), "mid", 8) == pytest.approx(3.8722, abs=1e-4)
    to_mid = where_to(walked(8), UNCAPPED, on(8))
    assert (to_mid.answer.holds, to_mid.stage) == (True, "mid")

    assert held(walked(9), "late", 9) == pytest.approx(3.0)
    to_late = where_to(walked(9, "mid", 8), UNCAPPED, on(9))
    assert (to_late.answer.holds, to_late.stage) == (True, "late")

    in_late = walked(9, "late", 9)
    assert held(in_late, "late", 40) == pytest.approx(1.0783, abs=1e-4)
    stays = where_to(in_late, UNCAPPED, on(40))
    assert not stays.answer.holds
    assert (stays.answer.until - ORIGIN) / DAY == pytest.approx(42.284212, abs=2e-5)
    left = where_to(in_late, UNCAPPED, stays.answer.until)
    assert (left.answer.holds, left.stage) == (True, "mid")

    in_mid = walked(9, "mid", 42.284212)
    waits = where_to(in_mid, UNCAPPED, on(45))
    assert not waits.answer.holds
    assert (waits.answer.until - ORIGIN) / DAY == pytest.approx(49.017, abs=5e-4)
    assert where_to(in_mid, UNCAPPED, waits.answer.until).stage == "early"

    assert [held(in_mid, stage, 60) for stage in UNCAPPED.order] == pytest.approx(
        [0.2854, 0.6959, 0.5572], abs=1e-4
    )
    floor = where_to(walked(9, "early", 49.017), UNCAPPED, on(60))
    assert not floor.answer.holds


# Business time ----------------------------------------------------------------------------------------

LONDON = Calendar(WEEKDAYS, time(9), time(17, 30), "Europe/London")


def london(text: str) -> datetime:
    """A wall time in London as an instant (all of these have one)."""
    from zoneinfo import ZoneInfo

    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/London")).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2025-03-28 16:50", 60, "2025-03-31 09:20"),
        ("2025-03-29 11:00", 60, "2025-03-31 10:00"),
        ("2025-03-26 17:29", 1, "2025-03-26 17:30"),
        ("2025-03-26 09:00", 540, "2025-03-27 09:30"),
        ("2025-03-26 17:30", 1, "2025-03-27 09:01"),
        ("2025-03-26 08:00", 0, "2025-03-26 09:00"),
    ],
)
def test_business_minutes(start: str, minutes: int, end: str):
    assert business_later(LONDON, london(start), timedelta(minutes=minutes)) == london(end)


def test_business_time_crosses_the_change_of_clocks_in_utc():
    ends = business_later(LONDON, london("2025-03-28 16:50"), timedelta(minutes=60))
    assert ends == datetime(2025, 3, 31, 8, 20, tzinfo=UTC)


def test_business_time_skips_holidays():
    closed = Calendar(
        WEEKDAYS, time(9), time(17, 30), "Europe/London", days_off=frozenset({london("2025-03-27").date()})
    )
    assert business_later(closed, london("2025-03-26 17:00"), timedelta(hours=1)) == london(
        "2025-03-28 09:30"
    )

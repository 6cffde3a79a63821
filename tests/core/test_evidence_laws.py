"""Laws of the evidence: it folds the same whatever the order of arrival, and its parts sum exactly."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.core import facts as f
from nurture.core.evidence import LOOKBACK, MOST_GRAINS, Evidence, Measure, level, worth
from nurture.core.intent import contributions, fresh, penalty_ends, score
from nurture.core.programme import Line, Programme, Signal
from nurture.core.weighing import CONSUMPTION, NOTED, evolve, refold, weigh
from tests.core.build import (
    DAY,
    HOUR,
    MINUTE,
    START,
    Person,
    agreement,
    days,
    page,
    programme,
    signals,
    snapshot,
    stages,
)


def rich_programme() -> Programme:
    """Every way a fact can weigh: caps, once per time, penalties, consumption, stages, topics, noted."""
    more = (
        Signal("read", "consumed"),
        Signal("read_mid", "consumed", equals="mid"),
        Signal("any_page", "page"),
    )
    lines = (*agreement().intent, Line("read", 3, Measure(days(10), 9, 6 * HOUR)))
    evidence = {
        "any_page": {"late": 0.5},
        "pricing": {"late": 2, "mid": 1},
        "compare": {"mid": 2},
        "read": {"late": 1},
    }
    return programme(
        signals=(*signals(), *more),
        agreement=agreement(intent=lines),
        stages=stages(evidence=evidence),
    )


PLAN = rich_programme()
BODIES: tuple[f.Body, ...] = (
    page("/pricing"),
    page("/vs/them"),
    page("/careers"),
    page("/e1"),
    page("/m1/?from=mail"),
    page("/nowhere"),
    f.Clicked(1, "e1", 1, "https://x.example/m1"),
    f.Clicked(2, "m2", 1, "https://elsewhere.example/x"),
    f.Consumed("m1"),
    f.Consumed("unheard of"),
    f.Happened("webinar_attended"),
    f.FormSent("demo"),
    f.Replied(1),
    f.Entered("ads-fit", "content", "spring"),
    f.Entered("webinar-cost", "content"),
    f.Learned({"role": "vp", "employees": 5}),
    f.Learned({"role": None, "zone": "Asia/Tokyo"}, ("first_name",)),
    f.Answered(1, "recycled", stage="mid"),
)

spans = st.sampled_from((2 * HOUR, 2 * DAY, 30 * DAY, 500 * DAY))


@st.composite
def histories(draw: st.DrawFn, most: int = 40) -> list[f.Fact]:
    """Facts numbered in the order they were heard, at any time before that."""
    span = draw(spans)
    chosen = draw(
        st.lists(
            st.tuples(st.sampled_from(BODIES), st.integers(0, span // MINUTE)), min_size=1, max_size=most
        )
    )
    return facts_of([(START + minute * MINUTE, body) for body, minute in chosen])


def facts_of(heard: Sequence[tuple[datetime, f.Body]]) -> list[f.Fact]:
    return [f.Fact(1, n, at, START + 999 * DAY, "p1", body) for n, (at, body) in enumerate(heard, start=1)]


def weighed(facts: Sequence[f.Fact], plan: Programme = PLAN) -> Evidence:
    evidence = Evidence()
    for fact in facts:
        evidence = weigh(evidence, fact, plan.weights)
    return evidence


def in_order(facts: Sequence[f.Fact]) -> list[f.Fact]:
    return sorted(facts, key=lambda fact: (fact.at, fact.n))


# Order of arrival -------------------------------------------------------------------------------------


@settings(max_examples=250, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(facts: list[f.Fact], rng: random.Random):
    shuffled = rng.sample(facts, len(facts))
    assert weighed(shuffled) == weighed(in_order(facts))


@pytest.mark.parametrize("kind", ["many in a month", "years", "two at a time"])
def test_the_order_of_arrival_does_not_matter_where_grains_are_dropped(kind: str):
    """At both limits: the newest 64 grains, and 12 half-lives before the newest."""
    rng = random.Random(kind)
    dropped = 0
    for _ in range(12):
        facts = facts_of(_crowded(rng, kind))
        ordered = weighed(in_order(facts))
        for _ in range(3):
            assert weighed(rng.sample(facts, len(facts))) == ordered
        dropped += kind == "years" or any(
            len(one.grains) == MOST_GRAINS for one in (*ordered.signals.values(), *ordered.stages.values())
        )
    assert dropped > 6


def _crowded(rng: random.Random, kind: str) -> list[tuple[datetime, f.Body]]:
    bodies = (
        page("/pricing"),
        page("/vs/them"),
        f.Clicked(1, "e1", 1, "https://x.example/m1"),
        f.Clicked(1, "e1", 1, "https://o.example/"),
        page("/careers"),
        f.Answered(1, "recycled", stage="mid"),
    )
    if kind == "years":
        return [(START + rng.randrange(2000) * DAY, rng.choice(BODIES)) for _ in range(120)]
    if kind == "two at a time":  # of the same instant, so that only n tells them apart
        return [(START + rng.randrange(60) * HOUR, rng.choice(bodies)) for _ in range(300)]
    return [(START + rng.randrange(30 * 24 * 60) * MINUTE, rng.choice(bodies)) for _ in range(250)]


def test_a_late_fact_may_make_a_later_one_not_count():
    """Once per day: the view of noon counted, until that of nine in the morning is heard of."""
    noon, nine = START + 3 * HOUR, START
    first, late = facts_of([(noon, page("/pricing")), (nine, page("/pricing"))])
    evidence = weighed([first, late])
    assert [(g.n, g.counted) for g in evidence.signals["pricing"].grains] == [(2, True), (1, False)]
    assert [g.n for g in evidence.stages["late"].grains if g.points == 2] == [2]
    assert [g.n for g in evidence.topics["cost"].grains] == [2]


# Sums -------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(histories(), st.integers(0, 600))
def test_rows_sum_to_signals_and_signals_to_the_score(facts: list[f.Fact], day: int):
    evidence, lines = weighed(facts), PLAN.agreement.lines
    now = max(fact.at for fact in facts) + day * DAY
    parts = contributions(evidence, lines, now)
    for part in parts:
        if part.until is None:
            rows = [worth(grain, part.measure, now) for grain in part.grains]
            assert sum(rows) == pytest.approx(part.points, abs=1e-9)
            assert min(rows) >= 0
            assert part.points <= part.measure.cap + 1e-9
    assert sum(part.points for part in parts) == pytest.approx(score(evidence, lines, now), abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(histories(), st.integers(0, 100))
def test_every_reservoir_is_the_sum_of_its_grains(facts: list[f.Fact], day: int):
    evidence = weighed(facts)
    now = max(fact.at for fact in facts) + day * DAY
    for measure, table in (
        (PLAN.stages.measure, evidence.stages),
        (PLAN.topics.measure, evidence.topics),
        (CONSUMPTION, evidence.consumed),
    ):
        for reservoir in table.values():
            rows = sum(worth(grain, measure, now) for grain in reservoir.grains)
            assert rows == pytest.approx(level(reservoir, measure, now), abs=1e-9)


def test_fresh_points_are_those_earned_since():
    person = Person(PLAN).enter()
    person.hear(page("/pricing"))
    came_back = person.after(DAY).now
    person.after(DAY).hear(f.Happened("webinar_attended"))
    points = sum(value for value, _ in fresh(person.evidence, PLAN.agreement.lines, came_back, person.now))
    assert points == pytest.approx(20)


# Penalties --------------------------------------------------------------------------------------------


def test_a_penalty_stands_for_its_time_and_a_repeat_restarts_it():
    line = PLAN.agreement.lines["careers"]
    once = weighed(facts_of([(START, page("/careers"))]))
    assert score(once, PLAN.agreement.lines, START + 89 * DAY) == -10
    assert score(once, PLAN.agreement.lines, START + 90 * DAY) == 0

    twice = weighed(facts_of([(START, page("/careers")), (START + 30 * DAY, page("/careers"))]))
    assert score(twice, PLAN.agreement.lines, START + 30 * DAY) == -10
    assert penalty_ends(twice, line) == START + 120 * DAY


def test_a_moment_before_the_newest_grain_reads_as_that_moment():
    evidence, lines = weighed(facts_of([(START, page("/pricing"))])), PLAN.agreement.lines
    assert score(evidence, lines, START - DAY) == score(evidence, lines, START) == 15


def test_the_score_may_be_negative_and_is_not_cut_off():
    evidence = weighed(
        facts_of([(START, page("/careers")), (START, f.Clicked(1, "e1", 1, "https://o.example"))])
    )
    assert score(evidence, PLAN.agreement.lines, START) == -8


# Retraction -------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(histories(), st.data())
def test_a_retracted_fact_was_never_heard(facts: list[f.Fact], data: st.DataObject):
    """Within 0.01 points of any level, read afterwards; exactly, in what counts and what does not."""
    wrong = data.draw(
        st.sampled_from([fact for fact in facts if not isinstance(fact.body, f.Learned)])
        if any(not isinstance(fact.body, f.Learned | f.Entered) for fact in facts)
        else st.sampled_from(facts)
    )
    if isinstance(wrong.body, f.Learned | f.Entered):
        return
    now = max(fact.at for fact in facts)
    retraction = f.Fact(1, len(facts) + 1, now, now, "p1", f.Retracted(wrong.n))
    evidence = weighed([*facts, retraction])
    never = weighed([fact for fact in facts if fact is not wrong])

    assert evidence.engaged == never.engaged
    assert evidence.penalties == never.penalties
    assert evidence.attributes == never.attributes
    assert set(evidence.consumed) == set(never.consumed)
    lines = PLAN.agreement.lines
    for then in (now, now + 10 * DAY):
        assert score(evidence, lines, then) == pytest.approx(score(never, lines, then), abs=0.01)
        for one, other, measure in (
            (evidence.stages, never.stages, PLAN.stages.measure),
            (evidence.topics, never.topics, PLAN.topics.measure),
        ):
            for name in {*one, *other}:
                assert level(one.get(name), measure, then) == pytest.approx(
                    level(other.get(name), measure, then), abs=0.01
                )


def test_a_retraction_of_nothing_known_changes_nothing():
    facts = facts_of([(START, page("/pricing"))])
    retraction = f.Fact(1, 2, START, START, "p1", f.Retracted(77))
    assert weighed([*facts, retraction]) == weighed(facts)


def test_a_retracted_first_reading_makes_the_second_count():
    facts = facts_of([(START, page("/m1")), (START + HOUR, page("/m1")), (START + HOUR, f.Retracted(1))])
    assert [grain.n for grain in weighed(facts).stages["mid"].grains] == [2]


# Both folds -------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(histories(), st.data())
def test_refolding_equals_folding_step_by_step_and_from_any_snapshot(
    facts: list[f.Fact], data: st.DataObject
):
    cut = data.draw(st.integers(0, len(facts)))
    halfway = snapshot(refold(1, facts[:cut], PLAN))
    for fact in facts[cut:]:
        halfway = evolve(halfway, fact, PLAN)
    assert halfway == refold(1, facts, PLAN)


def test_a_new_subject_line_changes_no_weight():
    assert programme().weights.mark == programme(hash="other", calendar=PLAN.calendar).weights.mark
    assert programme().weights.mark != PLAN.weights.mark


# Limits -----------------------------------------------------------------------------------------------


def test_memory_is_bounded():
    heard = [(START + n * MINUTE, BODIES[n % len(BODIES)]) for n in range(3000)]
    evidence = weighed(facts_of(heard))
    tables = (evidence.signals, evidence.stages, evidence.topics, evidence.consumed)
    longest = max(len(one.grains) for table in tables for one in table.values())
    assert longest == MOST_GRAINS
    assert len(evidence.engaged) == MOST_GRAINS
    assert all(len(grains) <= MOST_GRAINS for grains in evidence.penalties.values())


def test_what_is_dropped_is_worth_less_than_a_hundredth():
    assert 40 * 2.0**-LOOKBACK < 0.01
    old, new = START, START + NOTED.half_life * LOOKBACK + timedelta(seconds=1)
    evidence = weighed(facts_of([(old, f.Replied()), (new, f.Replied())]))
    assert [grain.n for grain in evidence.signals["reply"].grains] == [2]


# Reading ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (f.Consumed("m1"), True),
        (page("/m1"), True),
        (page("/m1/"), True),
        (page("/m1?utm=x#top"), True),
        (f.PageViewed("/m1"), True),
        (f.Clicked(4, "e1", 2, "https://x.example/m1"), True),
        (page("/m1/more"), False),
        (page("/m"), False),
        (f.Clicked(4, "m1", 2, "https://x.example/else"), False),
        (f.FormSent("m1"), False),
    ],
)
def test_what_shows_that_a_piece_was_read(body: f.Body, read: bool):
    evidence = weighed(facts_of([(START, body)]))
    assert ("m1" in evidence.consumed) is read
    assert ("mid" in evidence.stages) is read


def test_reading_counts_once_in_a_day():
    facts = facts_of(
        [(START, page("/m1")), (START + 23 * HOUR, page("/m1")), (START + 24 * HOUR, page("/m1"))]
    )
    assert [grain.n for grain in weighed(facts).stages["mid"].grains] == [1, 3]


def test_a_click_that_reads_nothing_still_tells_the_topics_of_its_piece():
    evidence = weighed(facts_of([(START, f.Clicked(1, "e3", 1, "https://elsewhere.example/x"))]))
    assert set(evidence.topics) == {"cost", "risk"}
    assert evidence.stages == {}


def test_the_first_source_stays_whatever_comes_first():
    facts = facts_of(
        [(START + DAY, f.Entered("ads-fit", "content")), (START, f.Entered("friend", "referral"))]
    )
    for order in (facts, facts[::-1]):
        attributes = weighed(order).attributes
        assert (attributes["source"].value, attributes["source_kind"].value) == ("friend", "referral")


def test_the_latest_value_stays_and_unknown_is_a_value():
    facts = facts_of([(START + DAY, f.Learned({"role": None})), (START, f.Learned({"role": "vp"}))])
    for order in (facts, facts[::-1]):
        assert weighed(order).attributes["role"].value is None


def test_personal_values_are_not_kept():
    evidence = weighed(facts_of([(START, f.Learned({}, ("first_name",)))]))
    assert evidence.attributes["first_name"].value is True


@pytest.mark.parametrize(
    "body",
    [
        f.Away(1, START + DAY),
        f.Contacted("Tom"),
        f.Preferred(("cost",), 9, START + DAY),
        f.Declined(),
        f.Reconsidered(),
        f.Unsubscribed("main"),
        f.Bounced(1, "soft"),
    ],
    ids=lambda body: type(body).__name__,
)
def test_what_is_no_sign_of_interest_weighs_nothing(body: f.Body):
    person = Person(PLAN).enter()
    person.hear(page("/pricing"))
    before = person.evidence
    person.hear(body)
    assert person.evidence is before

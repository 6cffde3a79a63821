"""The lifecycle table walked whole: every fact in every state."""

from itertools import product

import pytest

from nurture.core import facts as f
from nurture.core.evidence import Evidence
from nurture.core.journey import (
    ANSWERS,
    DECLINES,
    LEGAL,
    STATES,
    Journey,
    Touch,
)
from nurture.core.recording import IllegalFact, record
from nurture.core.weighing import evolve
from tests.core.build import DAY, HOUR, START, Person, demo, page, programme

DECIDED: tuple[f.Decided, ...] = (
    f.Enrolled(8, "main"),
    f.Chosen(8, "e2", 1, "main", START, START + HOUR, START + DAY, "UTC"),
    f.Cancelled(8, 7),
    f.Moved(8, "early", "mid"),
    f.Promoted(8, "score", "A", (1, 2)),
    f.Withdrawn(8),
    f.Recalled(8),
    f.Left(8, "main", "resting", START + DAY),
    f.Left(8, "main", "closed"),
    f.Left(8, "main", "other"),
    f.Left(8, "", "closed"),
)

OBSERVED: tuple[f.Observed, ...] = (
    f.Entered("ads", "content", "spring", "consent"),
    f.Learned({"role": "vp"}, ("first_name",), "form"),
    f.Clicked(7, "e1", 1, "https://x.example/e1"),
    page("/pricing"),
    demo(),
    f.Consumed("m1"),
    f.Happened("webinar_attended"),
    f.Replied(7),
    *(
        f.TouchEnded(touch, outcome)
        for touch in (7, 6, 99)
        for outcome in ("sent", "failed", "suppressed", "cancelled", "expired", "in_doubt")
    ),
    f.Resent(6),
    f.Resent(99),
    *(f.Bounced(7, kind) for kind in ("hard", "soft", "block", "content", "unknown")),
    *(f.Away(7, until) for until in (None, START + 9 * DAY)),
    f.Contacted("Tom"),
    f.Complained(7),
    f.Consented("consent", "all", START + DAY),
    f.Unsubscribed(),
    f.Unsubscribed("main"),
    f.Consented("consent", "main"),
    f.Preferred(),
    f.Preferred(("cost",), 9, START + DAY),
    f.Declined(),
    f.Declined(START + 9 * DAY),
    f.Reconsidered(),
    f.Held(START + DAY),
    f.Held(),
    f.Released(),
    *(
        f.Answered(4, answer, "why", "Tom", stage, rest, closes)
        for answer in (*ANSWERS, "something new")
        for stage in (None, "mid")
        for rest in (None, START + DAY)
        for closes in (False, True)
    ),
    f.DealChanged("d1", "won"),
    f.Retracted(1),
    f.Retracted(99),
    f.Erased(),
)


def in_state(state: str) -> Journey:
    """A journey in a state, with a past and a message on its way."""
    person = Person(outcome=None).enter()
    person.hear(page("/pricing"))
    return person.journey._replace(
        lifecycle=state,
        enrolled={"main": START},
        live=Touch(7, "e1", "main", START),
        doubtful=(Touch(6, "e3", "main", START),),
        rested_on=(1, 2),
        promoted_at=START,
        handoff=4,
        decisions=7,
    )


def fact(journey: Journey, body: f.Body) -> f.Fact:
    return f.Fact(1, journey.n + 1, START + HOUR, START + HOUR, "p1", body)


@pytest.mark.parametrize(("body", "state"), list(product(DECIDED, STATES)), ids=str)
def test_decided_facts_are_legal_or_change_nothing(body: f.Decided, state: str):
    journey, plan = in_state(state), programme()
    if state in LEGAL[type(body)]:
        after = evolve(journey, fact(journey, body), plan)
        assert (after.n, after.decisions) == (journey.n + 1, 8)
        return
    before = in_state(state)
    with pytest.raises(IllegalFact, match=f"{type(body).__name__} in state {state}"):
        evolve(journey, fact(journey, body), plan)
    assert journey == before


def test_every_decided_kind_is_in_the_table():
    assert set(LEGAL) == f.DECIDED == {type(body) for body in DECIDED}


@pytest.mark.parametrize(
    ("kind", "states"),
    [
        (f.Enrolled, {"new", "resting", "nurturing"}),
        (f.Chosen, {"nurturing"}),
        (f.Cancelled, set(STATES) - {"gone"}),
        (f.Moved, {"new", "nurturing", "resting"}),
        (f.Promoted, {"new", "nurturing", "resting", "closed"}),
        (f.Withdrawn, {"promoted"}),
        (f.Recalled, {"promoted"}),
        (f.Left, {"new", "nurturing", "resting"}),
    ],
)
def test_the_table_is_the_designs(kind: type, states: set[str]):
    assert set(LEGAL[kind]) == states


@pytest.mark.parametrize(
    ("body", "state", "after"),
    [
        (DECIDED[0], "new", "nurturing"),
        (DECIDED[0], "resting", "nurturing"),
        (DECIDED[3], "resting", "resting"),
        (DECIDED[4], "new", "promoted"),
        (DECIDED[4], "nurturing", "promoted"),
        (DECIDED[4], "resting", "promoted"),
        (DECIDED[4], "closed", "promoted"),
        (DECIDED[5], "promoted", "nurturing"),
        (DECIDED[6], "promoted", "nurturing"),
        (DECIDED[7], "nurturing", "resting"),
        (DECIDED[8], "nurturing", "closed"),
        (DECIDED[9], "nurturing", "nurturing"),
        (DECIDED[10], "resting", "closed"),
    ],
    ids=str,
)
def test_where_decisions_lead(body: f.Decided, state: str, after: str):
    journey = in_state(state)
    assert record(journey, fact(journey, body)).lifecycle == after


@pytest.mark.parametrize("state", STATES)
def test_observed_facts_are_never_illegal(state: str):
    for body in OBSERVED:
        journey = in_state(state)
        after = evolve(journey, fact(journey, body), programme())
        assert after.n == journey.n + 1
        if not isinstance(body, f.Answered | f.Declined | f.Erased):
            assert after.lifecycle == state


def test_every_observed_kind_was_tried():
    assert {type(body) for body in OBSERVED} == set(f.Observed.__args__)


ANSWERED = {
    ("accepted", "promoted"): "accepted",
    ("rejected", "promoted"): "nurturing",
    ("recycled", "accepted"): "resting",
    ("recycled", "opportunity"): "resting",
    ("recycled", "lost"): "resting",
    ("opportunity", "accepted"): "opportunity",
    ("won", "accepted"): "won",
    ("won", "opportunity"): "won",
    ("lost", "accepted"): "lost",
    ("lost", "opportunity"): "lost",
}


@pytest.mark.parametrize(("answer", "state"), list(product((*ANSWERS, "something new"), STATES)))
def test_what_sales_answers_do(answer: str, state: str):
    """What is not in the table is noted: it counts as a fact, and nothing else changes."""
    journey = in_state(state)
    after = record(journey, fact(journey, f.Answered(4, answer)))
    if (answer, state) in ANSWERED:
        assert after.lifecycle == ANSWERED[answer, state]
    else:
        assert after == journey._replace(n=journey.n + 1)


SAID = {
    ("not for us", "new"): "closed",
    ("not for us", "nurturing"): "closed",
    ("not for us", "resting"): "closed",
    ("not before", "new"): "resting",
    ("not before", "nurturing"): "resting",
    ("not before", "resting"): "resting",
}


@pytest.mark.parametrize(("word", "state"), list(product(DECLINES, STATES)))
def test_what_declining_does_and_reconsidering_takes_back(word: str, state: str):
    journey = in_state(state)
    until = START + 9 * DAY if word == "not before" else None
    after = record(journey, fact(journey, f.Declined(until)))
    if (word, state) not in SAID:
        assert after.lifecycle == state
        if state != "promoted":
            assert after == journey._replace(n=journey.n + 1)
        return
    assert after.lifecycle == SAID[word, state]
    back = record(after, fact(after, f.Reconsidered()))
    assert back == journey._replace(n=journey.n + 2)


def test_a_rejection_closes_rests_or_returns_as_its_reason_says():
    journey = in_state("promoted")
    closed = record(journey, fact(journey, f.Answered(4, "rejected", closes=True)))
    assert closed.lifecycle == "closed"
    rest = record(journey, fact(journey, f.Answered(4, "rejected", stage="mid", rest_until=START + DAY)))
    assert (rest.lifecycle, rest.rest_until, rest.rest_fixed, rest.stage) == (
        "resting",
        START + DAY,
        True,
        "mid",
    )
    back = record(journey, fact(journey, f.Answered(4, "rejected")))
    assert (back.lifecycle, back.came_back, back.stage) == ("nurturing", START + HOUR, "early")


def test_a_recycled_lead_rests_until_the_date_and_returns_at_the_stage():
    journey = in_state("opportunity")
    after = record(journey, fact(journey, f.Answered(4, "recycled", stage="mid", rest_until=START + DAY)))
    assert (after.lifecycle, after.rest_until, after.rest_fixed) == ("resting", START + DAY, True)
    assert (after.stage, after.stage_since, after.came_back) == ("mid", START + HOUR, START + HOUR)


def test_facts_come_without_a_gap():
    journey = in_state("nurturing")
    for n in (journey.n, journey.n + 2):
        with pytest.raises(IllegalFact, match=f"fact {n} after {journey.n}"):
            record(journey, f.Fact(1, n, START, START, "p1", demo()))


def test_erased_is_the_end():
    person = Person().enter({"role": "vp"})
    person.hear(page("/pricing"))
    person.wake()
    person.hear(f.Erased())
    assert (person.state, person.evidence, person.journey.live) == ("gone", Evidence(), None)
    person.hear(demo())
    person.hear(f.Learned({"role": "vp"}))
    person.hear(f.Entered("ads", "content", "", "consent"))
    assert (person.state, person.evidence) == ("gone", Evidence())
    assert person.wake() == []
    assert person.reasons() == ["gone"]


def test_disqualification_leaves_every_sequence():
    person = Person().enter()
    person.wake()
    person.hear(f.Enrolled(person.journey.decisions + 1, "second"))
    person.hear(f.Learned({"role": "student"}))
    left, cancelled = person.wake()
    assert isinstance(left, f.Left)
    assert isinstance(cancelled, f.Cancelled)
    assert (left.sequence, left.then) == ("", "closed")
    assert person.journey.enrolled == {}
    assert set(person.journey.left) == {"main", "second"}


def test_an_answer_about_another_handoff_is_noted():
    """A late answer to a lead that was taken back says nothing about the one that sales has now."""
    journey = in_state("promoted")
    assert record(journey, fact(journey, f.Answered(3, "accepted"))) == journey._replace(n=journey.n + 1)


def test_a_suppressed_message_silences_until_released():
    """The list says no; choosing again every hour would only ask it again."""
    journey = in_state("nurturing")
    silent = record(journey, fact(journey, f.TouchEnded(7, "suppressed")))
    assert silent.permission.silence == "suppressed"
    assert record(silent, fact(silent, f.Released())).permission.silence == ""

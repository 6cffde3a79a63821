"""Who goes to sales, who does not, and who goes again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from nurture.core import facts as f
from nurture.core.answers import FOREVER
from nurture.core.conditions import Day, Did, Where
from nurture.core.evidence import Measure
from nurture.core.fit import fit
from nurture.core.intent import score
from nurture.core.programme import Criterion, HandRaise, Line
from tests.core.build import (
    DAY,
    GOOD,
    HOUR,
    MINUTE,
    SECOND,
    START,
    Person,
    agreement,
    days,
    demo,
    kinds,
    page,
    programme,
    sequence,
)

WEBINAR = f.Happened("webinar_attended")


def quiet(**terms: object) -> Person:
    """Somebody good, nobody writes to: so that only sales matters."""
    return Person(programme(agreement=agreement(**terms))).enter(GOOD, basis="none")


def hot(person: Person) -> Person:
    """45 points in three facts."""
    for body in (page("/pricing"), page("/vs/them"), WEBINAR):
        person.hear(body)
    return person


def promoted(person: Person) -> f.Promoted:
    (body,) = (body for body in person.wake() if isinstance(body, f.Promoted))
    return body


# The predicate, in its order ------------------------------------------------------------------------------


def test_a_good_fit_with_intent_and_time_is_a_lead():
    body = promoted(hot(quiet()))
    assert (body.lane, body.grade, body.rested_on) == ("score", "A", (3, 4, 5))
    assert {reason.code for reason in body.because} == {"grade", "intent", "timing"}


def test_a_threshold_reached_exactly_counts():
    person = quiet(promote={"A": 45})
    assert kinds(hot(person).wake()) == ["Promoted"]


def test_intent_below_the_threshold_of_the_grade():
    person = hot(quiet(promote={"A": 46}))
    assert "Promoted" not in kinds(person.wake())
    reason = next(reason for reason in person.wait.because if reason.code == "intent below")
    assert (reason.figures["points"], reason.figures["needs"]) == (pytest.approx(45), 46)


def test_each_grade_has_its_threshold():
    middling = Person(programme()).enter({**GOOD, "role": "clerk"}, basis="none")
    hot(middling)
    assert "Promoted" not in kinds(middling.wake())
    middling.after(HOUR).hear(WEBINAR)
    body = promoted(middling)
    assert body.grade == "B"


def test_a_grade_not_named_is_never_a_lead():
    person = Person(programme()).enter({"employees": 3, "role": "clerk", "industry": "farming"}, basis="none")
    for _ in range(3):
        hot(person.after(DAY))
    assert "Promoted" not in kinds(person.wake())
    assert "fit below" in person.reasons()


def test_without_timing_there_is_no_lead():
    rules = {"soon": Where("contract_end", after=Day(days(30)), before=Day(days(180)))}
    person = hot(quiet(timing=rules))
    assert "Promoted" not in kinds(person.wake())
    assert "not yet" in person.reasons()
    person.hear(f.Learned({"contract_end": "2026-06-01"}))
    assert promoted(person).lane == "score"


def test_a_date_that_comes_near_makes_it_time():
    """Promoted by the calendar alone, at the very second, while intent still stands."""
    rules = {"soon": Where("contract_end", before=Day(days(180)))}
    person = quiet(timing=rules, promote={"A": 30})
    person.hear(f.Learned({"contract_end": "2026-09-02"}))
    hot(person)
    done = person.live(START + 30 * DAY)
    ((at, _),) = [(at, body) for at, body in done if isinstance(body, f.Promoted)]
    assert at == START + 3 * DAY + 15 * HOUR + SECOND  # 180 days before midnight of that day, and past it


def test_a_disqualified_prospect_is_closed_whatever_the_score():
    person = hot(quiet())
    person.hear(f.Learned({"role": "student"}))
    assert kinds(person.wake()) == ["Left"]
    assert person.state == "closed"
    person.hear(demo())
    assert person.wake() == []


def test_an_unknown_disqualifier_does_not_disqualify():
    person = Person(programme()).enter({"employees": 500, "industry": "software"}, basis="none")
    hot(person)
    person.wake()
    assert person.state != "closed"


def test_a_penalty_holds_a_lead_back_and_its_end_does_not_promote_the_cold():
    person = quiet()
    person.hear(page("/careers"))
    hot(person)
    assert "Promoted" not in kinds(person.wake())
    done = person.live(START + 200 * DAY)
    assert "Promoted" not in kinds(body for _, body in done)


def test_the_end_of_a_penalty_promotes_who_is_still_warm():
    lines = (Line("webinar", 60, Measure(days(365))), Line("careers", -30, Measure(days(14)), lasts=days(10)))
    person = quiet(intent=lines, timing={"ever": Did(("webinar",))})
    person.hear(page("/careers"))
    person.hear(WEBINAR)
    done = person.live(START + 30 * DAY)
    assert [at for at, body in done if isinstance(body, f.Promoted)] == [START + 10 * DAY]


# Fit is an interval -------------------------------------------------------------------------------------


def test_unknown_fit_widens_the_interval_and_does_not_admit():
    person = Person(programme()).enter({"employees": 500}, basis="none")
    hot(person)
    assert "Promoted" not in kinds(person.wake())
    found = fit(person.evidence, person.plan.agreement, person.now)
    assert (found.low, found.high, found.grade, found.best, found.ask) == (40, 100, "C", "A", "role")
    person.hear(f.Learned({"role": "vp", "industry": "software"}))
    assert promoted(person).grade == "A"


def test_the_grade_counts_at_the_moment_of_deciding():
    """A criterion that time turns: the fit is asked again when its promise ends."""
    lines = (Criterion("contract", 1, Where("contract_end", before=Day(days(30)))),)
    person = Person(programme(agreement=agreement(criteria=lines, promote={"A": 10}))).enter(basis="none")
    person.hear(f.Learned({"contract_end": "2026-04-06"}))
    hot(person)
    done = person.live(START + 20 * DAY)
    ((at, _),) = [(at, body) for at, body in done if isinstance(body, f.Promoted)]
    assert at == START + 4 * DAY + 15 * HOUR + SECOND


def test_a_better_grade_that_time_brings_has_a_lower_threshold():
    """Grade C needs 70 points for good; on the fifth day the date makes it an A, which needs 40."""
    lines = (
        Criterion("role", 40, Where("role", one_of=("vp",))),
        Criterion("contract", 60, Where("contract_end", before=Day(days(30)))),
    )
    terms = agreement(criteria=lines, intent=(Line("webinar", 45, Measure(days(365))),))
    terms = replace(terms, timing={"ever": Did(("webinar",))})
    person = Person(programme(agreement=terms)).enter(
        {"role": "vp", "contract_end": "2026-04-06"}, basis="none"
    )
    person.hear(WEBINAR)
    done = person.live(START + 20 * DAY)
    assert [at for at, body in done if isinstance(body, f.Promoted)] == [START + 4 * DAY + 15 * HOUR + SECOND]


# Hand-raises --------------------------------------------------------------------------------------------


def test_asking_for_sales_needs_no_points():
    person = quiet()
    person.hear(demo())
    body = promoted(person)
    assert (body.lane, body.rested_on) == ("hand_raise", (3,))


def test_a_hand_raise_of_a_poor_fit_waits_for_a_better_grade_as_long_as_it_lasts():
    for waited, lane in ((29 * DAY, ["Promoted"]), (30 * DAY, [])):
        person = Person(programme()).enter(basis="none")
        person.hear(demo())
        assert kinds(person.wake()) == []
        assert "fit below" in person.reasons()
        person.after(waited).hear(f.Learned(GOOD))
        assert kinds(person.wake()) == lane


def test_the_grade_a_hand_raise_needs():
    rules = (HandRaise("demo", "A", days(30)),)
    person = Person(programme(agreement=agreement(hand_raise=rules))).enter(
        {**GOOD, "role": "clerk"}, basis="none"
    )
    person.hear(demo())
    assert kinds(person.wake()) == []


def test_a_hand_raise_is_spent_once():
    person = quiet()
    person.hear(demo())
    first = promoted(person)
    person.hear(f.Answered(first.number, "rejected"))
    assert kinds(person.wake()) == []
    assert kinds(body for _, body in person.live(person.now + 60 * DAY)) == []
    person.hear(demo())
    assert promoted(person).lane == "hand_raise"


def test_a_hand_raise_promotes_from_every_open_state_and_reopens_the_closed():
    for state in ("new", "resting", "nurturing", "closed"):
        person = quiet()
        person.journey = person.journey._replace(lifecycle=state)
        person.hear(demo())
        assert kinds(person.wake()) == ["Promoted"], state


def test_who_is_closed_comes_back_by_nothing_else():
    person = quiet()
    person.journey = person.journey._replace(lifecycle="closed")
    hot(person)
    assert person.wake() == []
    assert person.wait.until == FOREVER
    assert person.reasons()[0] == "closed"


# No promotion on old evidence ---------------------------------------------------------------------------


def rejected(person: Person, body: f.Promoted) -> None:
    person.hear(f.Answered(body.number, "rejected"))


def recalled(person: Person, body: f.Promoted) -> None:
    person.now = person.wait.until
    assert kinds(person.wake()) == ["Recalled"]


def withdrawn(person: Person, body: f.Promoted) -> None:
    person.hear(f.Unsubscribed())
    assert kinds(person.wake())[0] == "Withdrawn"


def recycled(person: Person, body: f.Promoted) -> None:
    person.hear(f.Answered(body.number, "accepted"))
    assert person.wake() == []
    person.hear(f.Answered(body.number, "recycled"))


RETURNS = pytest.mark.parametrize("back", [rejected, recalled, withdrawn, recycled])
Back = Callable[[Person, f.Promoted], None]


def slow(person: Person) -> Person:
    """Points that hardly fade, so that they would still do after three business days."""
    for _ in range(3):
        person.hear(WEBINAR)
    return person


def patient() -> Person:
    lines = (Line("webinar", 20, Measure(days(365), 60)), Line("pricing", 15, Measure(days(365))))
    return quiet(intent=lines, timing={"ever": Did(("webinar",))})


@RETURNS
def test_a_lead_that_came_back_is_not_promoted_again_on_the_same_evidence(back: Back):
    person = slow(patient())
    back(person, promoted(person))
    assert "Promoted" not in kinds(person.wake())
    assert "not fresh" in person.reasons()
    assert score(person.evidence, person.plan.agreement.lines, person.now) > 58
    assert "Promoted" not in kinds(body for _, body in person.live(person.now + 30 * DAY))


@RETURNS
def test_fresh_points_promote_a_lead_again(back: Back):
    person = slow(patient())
    back(person, promoted(person))
    person.wake()
    person.after(HOUR).hear(page("/pricing"))
    assert "Promoted" not in kinds(person.wake())  # 15 fresh ones of 20
    person.after(MINUTE).hear(page("/pricing"))
    assert promoted(person).lane == "score"


@RETURNS
def test_facts_of_before_are_not_fresh_however_late_they_are_heard_of(back: Back):
    person = slow(patient())
    body = promoted(person)
    before = person.now
    person.after(HOUR)
    back(person, body)
    for _ in range(3):
        person.after(MINUTE).hear(page("/pricing"), at=before)
    assert "Promoted" not in kinds(person.wake())


@RETURNS
def test_a_new_hand_raise_promotes_a_lead_again_at_once(back: Back):
    person = slow(patient())
    back(person, promoted(person))
    person.wake()
    person.after(SECOND).hear(demo())
    assert promoted(person).lane == "hand_raise"


def test_an_old_hand_raise_heard_of_late_promotes_nobody_again():
    person = slow(patient())
    body = promoted(person)
    person.after(DAY)
    rejected(person, body)
    person.hear(demo(), at=START + HOUR)
    assert kinds(person.wake()) == []


def test_freshness_has_an_end_and_unknown_timing_makes_no_busy_wait():
    """Enough fresh points, but nothing says that it is time: the wait must end after it began."""
    person = quiet(timing={"soon": Where("contract_end", before=Day(days(30)))})
    person.journey = person.journey._replace(came_back=START)
    person.after(HOUR)
    hot(person)
    assert "Promoted" not in kinds(person.wake())
    assert person.wait.until > person.now + DAY


# With sales ---------------------------------------------------------------------------------------------


def test_sales_has_its_business_time_and_then_the_lead_is_recalled():
    """25.5 business hours are three business days of nine to half past five."""
    person = hot(quiet())
    promoted(person)
    ends = START + 2 * DAY + timedelta(hours=8.5)
    assert person.wait.until == ends
    assert person.live(ends - SECOND) == []
    assert kinds(body for _, body in person.live(ends))[0] == "Recalled"
    assert person.state == "nurturing"


def test_an_answer_in_time_stops_the_clock():
    person = hot(quiet())
    body = promoted(person)
    person.after(DAY).hear(f.Answered(body.number, "accepted"))
    assert person.live(START + 60 * DAY) == []
    assert (person.state, person.wait.until) == ("accepted", FOREVER)


def test_cooling_off_withdraws_nobody():
    lines = (Line("webinar", 40, Measure(HOUR)),)
    person = quiet(intent=lines)
    person.hear(WEBINAR)
    promoted(person)
    assert person.live(START + 2 * DAY) == []


def test_a_retracted_hand_raise_withdraws_the_lead():
    person = quiet()
    raised = person.hear(demo())
    promoted(person)
    person.after(HOUR).hear(f.Retracted(raised.n))
    assert kinds(person.wake())[0] == "Withdrawn"
    assert person.state == "nurturing"


def test_one_of_two_hand_raises_retracted_leaves_the_other():
    person = quiet()
    raised = person.hear(demo())
    person.after(MINUTE).hear(demo())
    promoted(person)
    person.hear(f.Retracted(raised.n))
    assert person.wake() == []


def test_a_retracted_click_of_two_points_leaves_a_lead_of_sixty():
    person = hot(quiet())
    person.after(HOUR).hear(WEBINAR)
    click = person.hear(f.Clicked(1, "e1", 1, "https://o.example/"))
    assert click.n in promoted(person).rested_on
    person.hear(f.Retracted(click.n))
    assert person.wake() == []
    assert person.state == "promoted"


def test_a_retraction_that_takes_the_lead_below_the_threshold_withdraws_it():
    person = quiet()
    person.hear(page("/vs/them"))
    person.hear(page("/pricing"))
    webinar = person.hear(WEBINAR)
    promoted(person)
    person.after(DAY).hear(f.Retracted(webinar.n))
    assert kinds(person.wake())[0] == "Withdrawn"


def test_a_retraction_is_judged_as_of_the_promotion():
    """Neither what faded nor a penalty that came afterwards makes the promotion wrong."""
    person = hot(quiet())
    click = person.hear(f.Clicked(1, "e1", 1, "https://o.example/"))
    promoted(person)
    person.after(DAY).hear(page("/careers"))
    person.hear(f.Retracted(click.n))
    assert person.wake() == []


def test_points_earned_after_the_promotion_do_not_make_it_right():
    person = quiet()
    person.hear(page("/vs/them"))
    person.hear(page("/pricing"))
    webinar = person.hear(WEBINAR)
    promoted(person)
    person.after(DAY).hear(WEBINAR)
    person.hear(f.Retracted(webinar.n))
    assert kinds(person.wake())[0] == "Withdrawn"


def test_a_retraction_of_what_made_it_time_withdraws_the_lead():
    lines = (Line("webinar", 60, Measure(days(365))), Line("pricing", 0.1, Measure(days(14))))
    person = quiet(intent=lines, timing={"recent": Did(("pricing",), days(14))})
    person.hear(WEBINAR)
    pricing = person.hear(page("/pricing"))
    promoted(person)
    person.hear(f.Retracted(pricing.n))
    assert kinds(person.wake())[0] == "Withdrawn"


def test_a_retraction_of_something_else_leaves_the_lead():
    person = hot(quiet())
    promoted(person)
    later = person.after(HOUR).hear(page("/blog"))
    person.hear(f.Retracted(later.n))
    assert person.wake() == []


def test_an_accepted_lead_is_not_withdrawn():
    person = quiet()
    raised = person.hear(demo())
    body = promoted(person)
    person.hear(f.Answered(body.number, "accepted"))
    person.hear(f.Retracted(raised.n))
    person.hear(f.Unsubscribed())
    assert person.wake() == []
    assert person.state == "accepted"


@pytest.mark.parametrize("body", [f.Unsubscribed(), f.Complained(), f.Bounced(1, "hard")], ids=str)
def test_somebody_silenced_while_with_sales_is_withdrawn(body: f.Observed):
    person = hot(quiet())
    promoted(person)
    person.after(HOUR).hear(body)
    assert kinds(person.wake()) == ["Withdrawn"]


def test_a_soft_bounce_withdraws_nobody():
    person = hot(quiet())
    promoted(person)
    person.hear(f.Bounced(1, "soft"))
    assert person.wake() == []


def test_a_retraction_does_not_forget_the_unsubscription_before_it():
    person = hot(quiet())
    click = person.hear(f.Clicked(1, "e1", 1, "https://o.example/"))
    promoted(person)
    person.hear(f.Unsubscribed())
    person.hear(f.Retracted(click.n))
    assert kinds(person.wake()) == ["Withdrawn"]


def test_a_lead_that_turns_out_disqualified_is_withdrawn_and_closed():
    person = hot(quiet())
    promoted(person)
    person.hear(f.Learned({"role": "student"}))
    assert kinds(person.wake()) == ["Withdrawn", "Left"]
    assert person.state == "closed"


# Permission is not lifecycle ------------------------------------------------------------------------------


@pytest.mark.parametrize("silence", [f.Unsubscribed(), f.Complained(), f.Bounced(1, "hard")], ids=str)
def test_who_unsubscribed_and_asks_for_a_demo_reaches_sales(silence: f.Observed):
    person = Person().enter(GOOD)
    person.hear(silence)
    assert person.wake() == []
    person.after(DAY).hear(demo())
    assert kinds(person.wake()) == ["Promoted"]


def test_who_is_silent_is_still_scored():
    person = Person().enter(GOOD)
    person.hear(f.Unsubscribed())
    assert promoted(hot(person)).lane == "score"


def test_who_never_gave_consent_is_scored_and_never_written_to():
    person = Person().enter(GOOD, basis="none")
    assert person.live(START + 30 * DAY) == []
    assert "no consent" in person.reasons()
    assert promoted(hot(person)).lane == "score"


# Going on -----------------------------------------------------------------------------------------------


def test_promoted_cancels_the_message_on_its_way_and_silences_nurture():
    person = Person(outcome=None).enter(GOOD)
    assert kinds(person.wake()) == ["Enrolled", "Chosen"]
    person.hear(demo())
    first, second = person.wake()
    assert isinstance(first, f.Promoted)
    assert isinstance(second, f.Cancelled)
    assert person.journey.live is not None
    assert second.touch == person.journey.live.number
    person.hear(f.TouchEnded(second.touch, "cancelled"))
    assert person.live(START + 2 * DAY) == []


def test_a_recalled_lead_goes_on_where_it_was():
    person = Person().enter(GOOD)
    person.live(START + HOUR)
    person.hear(demo())
    person.live(START + 4 * DAY)
    assert person.state == "nurturing"
    assert set(person.journey.enrolled) == {"main"}
    done = person.live(START + 14 * DAY)
    assert kinds(body for _, body in done)[0] == "Chosen"


def test_a_recalled_lead_nobody_had_taken_in_is_taken_in():
    person = Person().enter(GOOD)
    person.hear(demo())
    assert kinds(person.wake()) == ["Promoted"]
    done = person.live(START + 4 * DAY)
    assert kinds(body for _, body in done)[:2] == ["Recalled", "Enrolled"]


def test_a_recycled_lead_rests_and_returns_to_the_old_sequence_at_the_answers_stage():
    plan = programme(
        sequences=(sequence("first", audience=Where("nobody", one_of=("x",))), sequence("other"))
    )
    person = Person(plan).enter(GOOD)
    person.wake()
    person.journey = person.journey._replace(enrolled={"first": START})
    person.hear(demo())
    body = promoted(person)
    if person.journey.live is not None:
        person.hear(f.TouchEnded(person.journey.live.number, "cancelled"))
    person.hear(f.Answered(body.number, "accepted"))
    until = person.now + 30 * DAY
    person.hear(f.Answered(body.number, "recycled", "not_now", "Tom", "mid", until))
    person.after(DAY).hear(page("/blog"))  # sales set the date: no engagement ends the rest earlier
    assert person.wake() == []
    done = person.live(until)
    assert [(at, body.sequence) for at, body in done if isinstance(body, f.Enrolled)] == [(until, "first")]
    assert person.journey.stage == "mid"


def test_a_stage_that_sales_named_stands_until_something_new_opens_another():
    person = quiet()
    for path in ("/pricing", "/l1"):
        person.hear(page(path))
    person.hear(demo())
    body = promoted(person)
    person.hear(f.Answered(body.number, "accepted"))
    person.after(HOUR).hear(f.Answered(body.number, "recycled", stage="mid"))
    assert "Moved" not in kinds(person.wake())
    assert person.journey.stage == "mid"
    person.after(2 * DAY).hear(page("/l1"))
    assert [body.stage for body in person.wake() if isinstance(body, f.Moved)] == ["late"]


def test_the_programme_of_the_moment_decides():
    """The same journey under a stricter agreement: what counts is the agreement in force."""
    person = hot(quiet())
    person.plan = programme(agreement=replace(agreement(), promote={"A": 400}))
    assert "Promoted" not in kinds(person.wake())


def test_a_wait_never_ends_before_it_began():
    person = hot(quiet(promote={"A": 45.000001}))
    for step in (timedelta(microseconds=1), SECOND, HOUR, DAY):
        person.after(step).wake()

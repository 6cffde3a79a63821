"""What is said next, by which sequence, how often, and what happens when nothing is left to say."""

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from nurture.core import facts as f
from nurture.core.answers import FOREVER
from nurture.core.conditions import Condition, Day, Did, Not, Where
from nurture.core.evidence import Measure
from nurture.core.programme import Calendar, Cap, Ending, Pace, Piece, Programme
from tests.core.build import (
    DAY,
    HOUR,
    MINUTE,
    OFFICE,
    SECOND,
    START,
    Person,
    days,
    demo,
    kinds,
    page,
    pieces,
    programme,
    sends,
    sequence,
    stages,
)

SOME_DAY = Where("never asked", one_of=("x",))
"""Nobody's condition."""


def only(*more: Piece, say: tuple[str, ...] = (), **changes: object) -> Programme:
    """One sequence that says just these pieces."""
    names = say or tuple(piece.id for piece in more)
    return programme(pieces=pieces(*more), sequences=(sequence(say=names),), **changes)


def chosen(person: Person) -> f.Chosen:
    (body,) = (body for body in person.wake() if isinstance(body, f.Chosen))
    return body


# One message at a time ------------------------------------------------------------------------------------


def test_one_message_at_a_time():
    person = Person(outcome=None).enter()
    assert kinds(person.wake()) == ["Enrolled", "Chosen"]
    assert person.live(START + 30 * DAY) == []
    assert person.reasons()[0] == "on its way"
    person.hear(f.TouchEnded(2, "sent"))
    assert sends(person.live(START + 40 * DAY))[0][1] == "e2"


def test_a_message_carries_its_limits():
    body = chosen(Person(outcome=None).enter())
    assert (body.piece, body.occurrence, body.sequence) == ("e1", 1, "main")
    assert (body.opens, body.closes) == (START, START + timedelta(hours=8.5))
    assert (body.expires, body.zone) == (START + 72 * HOUR, "Europe/London")


def test_a_message_of_a_calendar_with_a_zone_of_its_own_carries_that_zone():
    tokyo = Calendar(frozenset(range(7)), time(0), time(23, 59), "Asia/Tokyo")
    person = Person(programme(calendar=tokyo)).enter({"zone": "America/New_York"})
    assert chosen(person).zone == "Asia/Tokyo"
    person = Person(programme(calendar=replace(tokyo, zone="prospect"))).enter({"zone": "America/New_York"})
    assert chosen(person).zone == "America/New_York"


@pytest.mark.parametrize(
    "outcome",
    [
        "expired",
        "cancelled",
    ],
)
def test_what_did_not_leave_pauses_an_hour_and_may_be_chosen_again(outcome: str):
    person = Person(outcome=None).enter()
    first = chosen(person)
    person.after(MINUTE).hear(f.TouchEnded(first.number, outcome))
    ended = person.now
    done = person.live(ended + HOUR)
    (again,) = (body for _, body in done if isinstance(body, f.Chosen))
    assert sends(done) == [(ended + HOUR, first.piece)]
    assert again.occurrence == 2
    assert person.journey.sent_at == ()


def test_what_failed_is_out():
    person = Person(outcome=None).enter()
    first = chosen(person)
    person.hear(f.TouchEnded(first.number, "failed"))
    done = person.live(START + HOUR)
    assert sends(done) == [(START + HOUR, "e2")]
    (body,) = (body for _, body in done if isinstance(body, f.Chosen))
    assert ("e1", "failed") in {(piece, reason.code) for piece, reason in body.passed_over}


def test_three_failures_in_a_row_quarantine_until_released():
    person = Person(outcome="failed").enter()
    assert [piece for _, piece in sends(person.live(START + 30 * DAY))] == ["e1", "e2", "e3"]
    assert person.reasons()[0] == "quarantined"
    person.hear(f.Released())
    person.wake()
    assert "quarantined" not in person.reasons()


def test_a_message_that_leaves_ends_the_row_of_failures():
    person = Person(outcome=None).enter()
    for outcome in ("failed", "failed", "sent"):
        person.hear(f.TouchEnded(chosen(person).number, outcome))
        person.after(HOUR)
    assert (person.journey.failures, person.journey.failed) == (0, ("e1", "e2"))


def test_in_doubt_counts_as_sent():
    person = Person(outcome="in_doubt").enter()
    assert sends(person.live(START + 3 * DAY + HOUR)) == [(START, "e1"), (START + 3 * DAY + MINUTE, "e2")]


def test_in_doubt_then_failed_is_out_and_counted_still():
    person = Person(outcome=None).enter()
    first = chosen(person)
    person.hear(f.TouchEnded(first.number, "in_doubt"))
    person.after(HOUR).hear(f.TouchEnded(first.number, "failed"))
    assert (person.journey.doubtful, person.journey.failed) == ((), ("e1",))
    assert person.journey.sent_at == (START,)
    person.hear(f.TouchEnded(first.number, "sent"))  # only once
    assert person.journey.sent_at == (START,)


# Pace -----------------------------------------------------------------------------------------------------


def test_gap_and_caps_count_every_message():
    """Monday and Thursday, then two in seven days are full until Monday."""
    person = Person().enter()
    instants = [at for at, _ in sends(person.live(START + 12 * DAY))]
    assert instants == [START, START + 3 * DAY + MINUTE, START + 7 * DAY + MINUTE]


def test_a_cap_that_became_tighter_waits_until_enough_messages_are_old():
    person = Person(programme(pace=Pace(HOUR, (Cap(2, days(7)),), days(0)))).enter()
    sent = tuple(START - days(ago) for ago in (5, 4, 3))
    person.journey = person.journey._replace(sent_at=sent, last_touch=sent[-1])
    person.wake()
    assert person.wait.until == START + 3 * DAY


def test_a_person_who_reads_is_left_to_read():
    person = Person().enter()
    person.live(START + 2 * DAY)
    person.now = START + 2 * DAY + 5 * HOUR
    person.hear(page("/blog"))
    assert sends(person.live(START + 5 * DAY)) == [(START + 4 * DAY + 5 * HOUR, "e2")]


def test_the_tightest_pace_of_all_sequences_applies():
    slow = Pace(days(6), (Cap(1, days(7)),), days(2))
    plan = programme(sequences=(sequence("first", ("e1", "e2")), sequence("slow", ("e3",), pace=slow)))
    person = Person(plan).enter()
    person.wake()
    person.hear(f.Enrolled(person.journey.decisions + 1, "slow"))
    done = person.live(START + 15 * DAY)
    assert [at for at, _ in sends(done)] == [START + 7 * DAY + MINUTE, START + 14 * DAY + 2 * MINUTE]


def test_the_first_sequence_by_priority_that_has_something_to_say_speaks():
    plan = programme(sequences=(sequence("first", ("m1", "e1")), sequence("second", ("e2", "m2"))))
    person = Person(plan).enter()
    person.wake()
    person.hear(f.Enrolled(person.journey.decisions + 1, "second"))
    assert person.journey.live is not None
    assert person.journey.live.piece == "e1"
    assert [piece for _, piece in sends(person.live(START + 5 * DAY))] == ["e2"]


def test_a_sequence_whose_calendar_is_closed_leaves_the_word_to_the_next():
    weekend = replace(OFFICE, weekdays=frozenset({5, 6}))
    plan = programme(
        sequences=(sequence("first", ("e1",), calendar=weekend), sequence("second", ("e2",))),
    )
    person = Person(plan).enter()
    person.wake()
    person.hear(f.Enrolled(person.journey.decisions + 1, "second"))
    done = sends(person.live(START + 7 * DAY))
    assert [piece for _, piece in done] == ["e2", "e1"]
    assert [at.weekday() for at, _ in done] == [0, 5]


@pytest.mark.parametrize(
    ("fact", "code", "until"),
    [
        (f.Unsubscribed(), "silent", FOREVER),
        (f.Complained(), "silent", FOREVER),
        (f.Bounced(1, "hard"), "silent", FOREVER),
        (f.Held(), "held", FOREVER),
        (f.Held(START + 5 * DAY), "held", START + 5 * DAY),
        (f.Consented("consent", until=START), "consent over", FOREVER),
    ],
    ids=str,
)
def test_what_silences_us(fact: f.Observed, code: str, until: object):
    person = Person().enter()
    person.hear(fact)
    assert person.wake() == []
    assert (person.reasons()[0], person.wait.until) == (code, until)


@pytest.mark.parametrize("fact", [f.Unsubscribed(), f.Held(), f.Complained()], ids=str)
def test_what_silences_us_cancels_the_message_on_its_way(fact: f.Observed):
    person = Person(outcome=None).enter()
    person.wake()
    person.hear(fact)
    assert kinds(person.wake()) == ["Cancelled"]
    assert person.wake() == []


def test_consent_that_ends_under_a_message_cancels_it_at_that_instant():
    person = Person(outcome=None).enter()
    person.hear(f.Consented("consent", until=START + 5 * HOUR))
    person.wake()
    assert person.wait.until == START + 5 * HOUR
    person.now = person.wait.until
    assert kinds(person.wake()) == ["Cancelled"]


def test_a_hold_that_ends_lets_us_speak():
    person = Person().enter()
    person.hear(f.Held(START + 5 * DAY + HOUR))
    done = person.live(START + 9 * DAY)
    assert sends(done)[0][0] == START + 7 * DAY - HOUR / 2  # it ends on a Saturday


def test_consent_given_again_lets_us_speak():
    person = Person().enter()
    person.hear(f.Unsubscribed())
    person.wake()
    person.hear(f.Consented("consent"))
    assert kinds(person.wake()) == ["Enrolled", "Chosen"]


def test_a_retraction_cancels_the_message_on_its_way():
    person = Person(outcome=None).enter()
    read = person.hear(page("/blog"), at=START - 10 * DAY)
    person.wake()
    person.hear(f.Retracted(read.n))
    assert kinds(person.wake()) == ["Cancelled"]


# What to say ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "read",
    [page("/e1?from=search"), f.Clicked(9, "e2", 1, "https://x.example/e1"), f.Consumed("e1")],
    ids=str,
)
@pytest.mark.parametrize("before", [0, 40])
def test_what_was_read_is_never_sent(read: f.Observed, before: int):
    person = Person()
    person.hear(read, at=START - before * DAY)
    person.enter()
    done = person.live(START + 30 * DAY)
    assert sends(done)
    assert "e1" not in [piece for _, piece in sends(done)]


def test_nothing_is_sent_twice():
    person = Person().enter()
    said = [piece for _, piece in sends(person.live(START + 200 * DAY))]
    assert said == ["e1", "e2", "e3"]


@pytest.mark.parametrize(
    ("piece", "code", "until"),
    [
        (Piece("x", "mid", "X"), "other stage", FOREVER),
        (Piece("x", "early", "X", needs=("m1",)), "needs", FOREVER),
        (Piece("x", "early", "X", uses=("first_name",)), "not known", FOREVER),
        (Piece("x", "early", "X", when=Where("role", one_of=("vp",))), "not for them", FOREVER),
        (Piece("x", "early", "X", when=Where("size", at_least=5)), "not for them", FOREVER),
        (Piece("x", "early", "X", expires_on=date(2026, 3, 2)), "out of date", FOREVER),
        (Piece("x", "early", "X", publish_on=date(2026, 3, 9)), "not yet published", START + 6.625 * DAY),
        (
            Piece("x", "early", "X", when=Not(Did(("pricing",), days(14)))),
            "not for them",
            START + 14 * DAY - HOUR,
        ),
    ],
    ids=["stage", "needs", "uses", "when", "when unknown", "expired", "unpublished", "when not yet"],
)
def test_why_a_piece_is_not_for_them(piece: Piece, code: str, until: object):
    person = Person(only(piece)).enter({"role": "clerk"})
    person.hear(page("/pricing"), at=START - HOUR)
    person.wake()
    assert person.passed_over() == {"x": code}
    if until != FOREVER:
        assert person.wait.until == until


@pytest.mark.parametrize(
    ("piece", "heard"),
    [
        (Piece("x", "early", "X", needs=("m1",)), f.Consumed("m1")),
        (Piece("x", "early", "X", uses=("first_name",)), f.Learned({}, ("first_name",))),
        (Piece("x", "early", "X", when=Where("role", one_of=("vp",))), f.Learned({"role": "vp"})),
    ],
    ids=["needs", "uses", "when"],
)
def test_what_makes_it_theirs(piece: Piece, heard: f.Observed):
    person = Person(only(piece)).enter({"role": "clerk"})
    person.hear(heard)
    assert [piece for _, piece in sends(person.live(START + 7 * DAY))] == ["x"]


def test_a_piece_sent_meets_a_need_too():
    plan = only(Piece("x", "early", "X", needs=("e3",)), say=("x", "e3"))
    assert [piece for _, piece in sends(Person(plan).enter().live(START + 9 * DAY))] == ["e3", "x"]


def test_a_piece_leaves_on_the_day_it_is_published():
    plan = only(Piece("x", "early", "X", publish_on=date(2026, 3, 11)))
    done = sends(Person(plan).enter().live(START + 20 * DAY))
    assert done == [(START + 9 * DAY - HOUR / 2, "x")]


def test_every_piece_passed_over_has_its_reason():
    person = Person().enter()
    body = chosen(person)
    assert {piece for piece, _ in body.passed_over} == set(pieces()) - {body.piece}
    assert {reason.code for _, reason in body.passed_over} == {"other stage", "ranks lower"}
    person.hear(f.TouchEnded(body.number, "sent"))
    person.wake()
    assert set(person.passed_over()) == set(pieces()) - {"e2"}
    assert person.passed_over()["e1"] == "sent"


def test_the_authors_order_without_interests():
    assert chosen(Person().enter()).piece == "e1"


def test_topics_of_interest_come_before_the_authors_order():
    person = Person().enter(source="ads-fit")
    body = chosen(person)
    assert body.piece == "e2"
    assert body.because[0].figures["topic"] == "fit"
    assert body.because[0].figures["origin"] == "source"


def test_interests_are_shares_of_what_was_read():
    """Two of three readings were about risk: e3 (cost and risk) is all of it, e1 a third."""
    risky = (Piece(name, "late", name, ("risk",), url=f"/{name}") for name in ("r1", "r2"))
    person = Person(only(*risky, say=("e1", "e3"))).enter()
    for path in ("/r1", "/r2"):
        person.hear(page(path), at=START - 20 * DAY)
    person.hear(page("/m1"), at=START - 20 * DAY)
    body = chosen(person)
    assert body.piece == "e3"
    assert body.because[0].figures["affinity"] == pytest.approx(1.0)
    assert dict(body.passed_over)["e1"].figures["affinity"] == pytest.approx(1 / 3, abs=1e-6)


def test_the_ranking_does_not_change_by_time_alone():
    person = Person(outcome=None).enter(source="ads-fit")
    person.hear(page("/pricing"), at=START - 30 * DAY)
    choices = set()
    for wait in range(0, 120, 7):
        person.now = START + wait * DAY
        fresh = Person(prospect=1, now=person.now)
        fresh.journey = person.journey
        choices.add(chosen(fresh).piece)
    assert len(choices) == 1


# Stages ---------------------------------------------------------------------------------------------------


def test_a_stage_is_skipped_when_the_evidence_is_there():
    person = Person().enter()
    person.hear(page("/pricing"))
    person.hear(page("/l1"))
    moves = [body for body in person.wake() if isinstance(body, f.Moved)]
    assert [(move.before, move.stage) for move in moves] == [("early", "late")]


def test_of_two_open_stages_the_highest_is_entered():
    person = Person().enter()
    for path in ("/pricing", "/l1", "/vs/them", "/m1"):
        person.hear(page(path))
    moves = [body for body in person.wake() if isinstance(body, f.Moved)]
    assert [(move.before, move.stage) for move in moves] == [("early", "late")]


def test_what_is_sent_is_no_evidence():
    person = Person().enter()
    person.live(START + 100 * DAY)
    assert person.journey.stage == "early"
    assert person.evidence.stages == {}


def test_a_stage_fades_one_step_at_a_time():
    """Late: 3 units halve twice in 42 days... and mid never had any, so it is left after its dwell."""
    person = Person(programme(stages=stages(exit=1.5))).enter(basis="none")
    person.hear(page("/pricing"))
    person.hear(page("/l1"))
    done = person.live(START + 60 * DAY)
    moves = [((at - START) / DAY, body.stage) for at, body in done if isinstance(body, f.Moved)]
    assert moves == [
        (0, "late"),
        (pytest.approx(21, abs=1e-4), "mid"),
        (pytest.approx(23, abs=1e-4), "early"),
    ]


def test_nobody_is_moved_back_before_the_dwell():
    person = Person(programme(stages=stages(measure=Measure(HOUR), dwell=days(2)))).enter(basis="none")
    person.hear(page("/pricing"))
    person.hear(page("/l1"))
    done = person.live(START + 5 * DAY)
    assert [(at - START, body.stage) for at, body in done if isinstance(body, f.Moved)] == [
        (timedelta(), "late"),
        (2 * DAY, "mid"),
        (4 * DAY, "early"),
    ]


def test_a_prior_by_source_opens_a_stage_and_fades_by_itself():
    person = Person().enter(source="webinar-cost", basis="none")
    assert kinds(person.wake()) == ["Moved"]
    assert person.journey.stage == "mid"
    done = person.live(START + 60 * DAY)
    ((at, _),) = [(at, body) for at, body in done if isinstance(body, f.Moved)]
    assert (at - START) / DAY == pytest.approx(21 * 1.5849625, abs=1e-4)  # log2(3): from three units to one


def test_a_move_brings_the_pieces_of_its_stage():
    person = Person().enter()
    person.live(START + HOUR)
    person.hear(page("/vs/them"))
    person.hear(page("/vs/us"), at=person.now - 2 * DAY)
    assert [piece for _, piece in sends(person.live(START + 5 * DAY))] == ["m1"]


# Leaving --------------------------------------------------------------------------------------------------


def spent(then: str, **changes: object) -> Person:
    """Somebody who is told everything there is to say, which is one piece, within a minute."""
    first = sequence("first", ("e1",), ending=Ending(days(14), then, days(30)), **changes)
    person = Person(programme(sequences=(first, sequence("second", ("e2",), audience=SOME_DAY)))).enter()
    person.live(START + HOUR)
    return person


def left(person: Person, until: object) -> list[tuple[object, str]]:
    return [(at, body.then) for at, body in person.live(until) if isinstance(body, f.Left)]


def test_nothing_left_waits_from_the_last_message():
    assert left(spent("rest"), START + 20 * DAY) == [(START + 14 * DAY + MINUTE, "resting")]


def test_or_from_the_last_sign_of_life_if_that_is_later():
    person = spent("rest")
    person.now = START + 9 * DAY
    person.hear(page("/blog"))
    assert left(person, START + 30 * DAY) == [(START + 23 * DAY, "resting")]


def test_a_sign_of_life_before_the_message_does_not_shorten_the_wait():
    person = spent("rest")
    person.hear(page("/blog"), at=START - 9 * DAY)
    assert left(person, START + 30 * DAY) == [(START + 14 * DAY + MINUTE, "resting")]


def test_who_leaves_one_of_two_sequences_goes_on_in_the_other():
    first = sequence("first", ("e1",), ending=Ending(days(7), "close"))
    person = Person(programme(sequences=(first, sequence("second", ("e2", "e3"))))).enter()
    person.wake()
    person.hear(f.Enrolled(person.journey.decisions + 1, "second"))
    assert left(person, START + 16 * DAY) == [(START + 14 * DAY + 2 * MINUTE, "closed")]
    assert (person.state, set(person.journey.enrolled)) == ("nurturing", {"second"})


def test_then_close():
    person = spent("close")
    assert left(person, START + 20 * DAY) == [(START + 14 * DAY + MINUTE, "closed")]
    assert (person.state, person.wait.until) == ("closed", FOREVER)


def test_then_another_sequence_at_once():
    person = spent("second")
    person.plan = replace(person.plan, sequences=(person.plan.sequences[0], sequence("second", ("e2",))))
    done = person.live(START + 15 * DAY)
    assert kinds(body for _, body in done) == ["Left", "Enrolled", "Chosen"]
    assert person.state == "nurturing"
    assert set(person.journey.enrolled) == {"second"}


def test_a_piece_that_time_will_bring_keeps_the_sequence_going():
    plan = only(pieces()["e1"], Piece("x", "early", "X", publish_on=date(2026, 4, 20)))
    done = Person(plan).enter().live(START + 60 * DAY)
    assert [piece for _, piece in sends(done)] == ["e1", "x"]
    assert "Left" not in kinds(body for at, body in done if at < START + 49 * DAY)


def test_a_piece_that_expires_while_we_may_not_write_ends_the_wait_for_it():
    """The gap lasts 30 days, the last piece expires on the 20th, nothing was left for 14 days by then."""
    plan = only(
        pieces()["e1"],
        Piece("x", "early", "X", expires_on=date(2026, 3, 20)),
        pace=Pace(days(30), (), days(0)),
    )
    assert left(Person(plan).enter(), START + 40 * DAY) == [(START + 17.625 * DAY, "resting")]


def test_a_condition_that_time_will_never_meet_keeps_nobody():
    """It changes its answer's reason on the way, but never comes true."""
    never: Condition = Where("ends", after=Day(days(60)), before=Day(days(10)))
    plan = only(pieces()["e1"], Piece("x", "early", "X", when=never))
    assert left(Person(plan).enter({"ends": "2026-05-20"}), START + 20 * DAY) == [
        (START + 14 * DAY + MINUTE, "resting")
    ]


def test_rest_ends_at_its_date_and_the_sequence_may_not_be_had_again():
    person = spent("rest")
    done = person.live(START + 300 * DAY)
    assert kinds(body for _, body in done) == ["Left"]
    assert person.state == "resting"


def test_again_lets_them_in_after_its_time():
    """Rested at day 44; may be had again 40 days after leaving; by then everything was said."""
    person = spent("rest", again=days(40))
    done = person.live(START + 60 * DAY)
    assert [at for at, body in done if isinstance(body, f.Enrolled)] == [START + 54 * DAY + MINUTE]


def test_rest_ends_early_with_a_sign_of_life():
    person = spent("rest", again=days(1))
    person.live(START + 20 * DAY)
    assert person.state == "resting"
    person.hear(page("/blog"))
    assert kinds(person.wake())[0] == "Enrolled"


def test_a_sign_of_life_of_before_ends_no_rest():
    person = spent("rest", again=days(1))
    person.live(START + 20 * DAY)
    person.hear(page("/blog"), at=START + 10 * DAY)
    assert person.wake() == []


def test_rest_does_not_end_early_where_sales_set_the_date():
    person = spent("rest", again=days(1))
    until = START + 40 * DAY
    person.hear(demo())
    person.journey = person.journey._replace(
        lifecycle="resting",
        rest_until=until,
        rest_fixed=True,
        resting_since=person.now,
        spent=person.journey.n,
    )
    person.after(DAY).hear(page("/blog"))
    assert person.wake() == []
    assert person.wait.until <= until


def test_somebody_no_audience_wants_waits_for_a_fact():
    plan = programme(sequences=(sequence(audience=Where("role", one_of=("vp",))),))
    person = Person(plan).enter()
    assert person.wake() == []
    assert (person.state, person.wait.until) == ("new", FOREVER)
    assert "not the audience" in person.reasons()
    person.hear(f.Learned({"role": "vp"}))
    assert kinds(person.wake()) == ["Enrolled", "Chosen"]


def test_a_date_lets_them_in_by_itself():
    plan = programme(sequences=(sequence(audience=Where("ends", before=Day(days(30)))),))
    person = Person(plan).enter({"ends": "2026-04-06"})
    done = person.live(START + 10 * DAY)
    assert [at for at, body in done if isinstance(body, f.Enrolled)] == [START + 4 * DAY + 15 * HOUR + SECOND]


def test_the_first_audience_by_priority():
    plan = programme(
        sequences=(
            sequence("vips", audience=Where("role", one_of=("vp",))),
            sequence("all"),
        )
    )
    for role, name in (("vp", "vips"), ("clerk", "all")):
        person = Person(plan).enter({"role": role})
        person.wake()
        assert set(person.journey.enrolled) == {name}


# Exits ----------------------------------------------------------------------------------------------------


def leaving(then: str = "rest") -> Programme:
    ends = Ending(days(14), then, days(30))
    return programme(sequences=(sequence(leave_when=Did(("webinar",)), ending=ends),))


def test_an_exit_ends_the_sequence_whatever_is_left():
    person = Person(leaving()).enter()
    person.live(START + DAY)
    person.hear(f.Happened("webinar_attended"))
    assert kinds(person.wake()) == ["Left"]
    assert person.state == "resting"


def test_an_exit_cancels_the_message_on_its_way():
    person = Person(leaving(), outcome=None).enter()
    person.wake()
    person.hear(f.Happened("webinar_attended"))
    assert kinds(person.wake()) == ["Left", "Cancelled"]


def test_an_exit_and_a_message_due_at_the_same_instant_the_exit_wins():
    """The gap ends at the very second at which the date comes within 30 days."""
    gap_ends = START + 3 * DAY + MINUTE
    ends = (gap_ends + 30 * DAY - SECOND).isoformat()
    ending = Ending(days(14), "close", days(30))
    exits = sequence(leave_when=Where("ends", before=Day(days(30))), ending=ending)
    done = Person(programme(sequences=(exits,))).enter({"ends": ends}).live(START + 10 * DAY)
    assert [(at, type(body).__name__) for at, body in done] == [
        (START, "Enrolled"),
        (START, "Chosen"),
        (gap_ends, "Left"),
    ]
    without = Person().enter({"ends": ends}).live(START + 10 * DAY)
    assert (gap_ends, "e2") in sends(without)

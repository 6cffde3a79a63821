"""What people, machines and colleagues say back, and what follows: each rule with its exact moments."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nurture.core import facts as f
from nurture.core.answers import FOREVER
from nurture.core.permission import Permission, may_we_write
from nurture.core.policy import ELSEWHERE, POLICIES, months_later, policy_of, views_need_consent
from nurture.core.programme import Ending, HandRaise, Pace, Programme
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
    pieces,
    programme,
    sends,
    sequence,
)

OPENS = 8.5 * HOUR  # of the office's day, in London
MIDNIGHT = START - 9 * HOUR


def opening(day: int) -> datetime:
    """When the office opens on that day after START's."""
    return MIDNIGHT + day * DAY + OPENS


def written_to(plan: Programme | None = None, **given: str) -> Person:
    """Somebody who got the first message a minute ago."""
    person = Person(plan).enter(**given)  # type: ignore[arg-type]
    person.live(START + MINUTE)
    assert list(person.journey.sent) == ["e1"]
    return person


def on_its_way(plan: Programme | None = None) -> Person:
    """Somebody whose first message has been chosen, and has not left."""
    person = Person(plan, outcome=None).enter()
    assert kinds(person.wake()) == ["Enrolled", "Chosen"]
    return person.after(HOUR)


def cancelled(person: Person) -> str:
    """The code of the reason for which the message on its way is cancelled now."""
    (body,) = (body for body in person.wake() if isinstance(body, f.Cancelled))
    return body.because[0].code


# Preferences ----------------------------------------------------------------------------------------------


def test_a_piece_is_passed_over_if_any_of_its_topics_is_unwanted():
    """e3 is about cost and risk: nothing about risk is enough."""
    person = Person().enter()
    person.hear(f.Preferred(without=("risk",)))
    assert [piece for _, piece in sends(person.live(START + 10 * DAY))] == ["e1", "e2"]
    assert person.passed_over()["e3"] == "unwanted topic"


def test_the_last_preference_counts():
    person = Person().enter()
    person.hear(f.Preferred(("cost",), 30, START + 9 * DAY))
    person.hear(f.Preferred())
    assert sends(person.live(START + 3 * DAY + MINUTE)) == [(START, "e1"), (START + 3 * DAY + MINUTE, "e2")]
    assert (person.journey.preferred, person.journey.permission.quiet) == (None, ())


@pytest.mark.parametrize(
    ("asked", "of_sequence", "applies"), [(10, 3, 10), (1, 3, 3), (5, 12, 12), (0, 3, 3), (-4, 3, 3)]
)
def test_the_tightest_gap_applies(asked: int, of_sequence: int, applies: int):
    slow = sequence(pace=Pace(days(of_sequence), (), days(0)))
    person = written_to(programme(sequences=(slow,), pace=Pace(days(1), (), days(0))))
    person.hear(f.Preferred(gap=asked))
    second = START + MINUTE + applies * DAY
    if second.weekday() > 4:
        second = opening((second - START).days + 7 - second.weekday())
    assert sends(person.live(second)) == [(second, "e2")]


def test_a_gap_that_nobody_can_wait_for_is_a_year():
    person = written_to()
    person.hear(f.Preferred(gap=10**9))
    person.wake()
    assert person.wait.because[0].code == "next"
    assert person.wait.because[1].code == "gap asked for"
    assert person.wait.because[1].figures["until"] == datetime(2027, 3, 2, 9, 1, tzinfo=UTC)


def test_a_pause_is_quiet_until_its_end_and_scoring_goes_on():
    person = written_to()
    person.hear(f.Preferred(paused_until=START + 21 * DAY))
    assert sends(person.live(START + 10 * DAY)) == []
    assert person.reasons()[0] == "paused"
    person.hear(page("/m1"))
    person.hear(page("/vs/them"))
    assert kinds(person.wake()) == ["Moved"]
    assert sends(person.live(START + 21 * DAY)) == [(START + 21 * DAY, "m2")]


def test_who_is_paused_may_ask_for_sales():
    person = written_to()
    person.hear(f.Learned(GOOD))
    person.hear(f.Preferred(paused_until=START + 20 * DAY))
    person.hear(demo())
    assert kinds(person.wake()) == ["Promoted"]


@pytest.mark.parametrize(
    ("preferred", "why"),
    [
        (f.Preferred(without=("cost",)), "unwanted topic"),
        (f.Preferred(paused_until=START + 2 * DAY), "paused"),
    ],
)
def test_a_message_on_its_way_is_stopped_by_what_they_ask_now(preferred: f.Preferred, why: str):
    person = on_its_way()
    person.hear(preferred)
    assert cancelled(person) == why


def test_a_message_on_its_way_is_stopped_by_a_longer_gap():
    person = written_to()
    person.outcome = None
    assert sends(person.live(START + 3 * DAY + MINUTE)) == [(START + 3 * DAY + MINUTE, "e2")]
    person.hear(f.Preferred(gap=3))
    assert kinds(person.wake()) == []
    person.hear(f.Preferred(gap=4))
    assert cancelled(person) == "gap asked for"


def test_a_message_of_something_else_goes_on():
    person = on_its_way()
    person.hear(f.Preferred(without=("fit",), gap=300))
    assert person.wake() == []


# Not for us, not yet --------------------------------------------------------------------------------------


def test_not_for_us_closes_until_they_ask_for_sales():
    person = on_its_way()
    person.hear(f.Learned(GOOD))
    person.hear(f.Declined())
    assert cancelled(person) == "declined"
    person.hear(f.TouchEnded(2, "cancelled"))
    person.hear(page("/pricing"))
    assert person.wake() == []
    assert (person.state, person.reasons()[0], person.wait.until) == ("closed", "declined", FOREVER)
    person.hear(demo())
    assert kinds(person.wake()) == ["Promoted"]


def test_not_before_a_date_rests_until_then_whatever_they_read():
    person = written_to()
    person.hear(f.Declined(START + 30 * DAY + 3 * HOUR))
    assert person.live(START + 10 * DAY) == []
    person.hear(page("/m1"))
    assert person.live(START + 20 * DAY) == []
    assert (person.state, person.reasons()[0]) == ("resting", "not before")
    done = person.live(START + 30 * DAY + 3 * HOUR)
    assert [(at, type(body).__name__) for at, body in done] == [
        (START + 30 * DAY + 3 * HOUR, "Enrolled"),
        (START + 30 * DAY + 3 * HOUR, "Chosen"),
    ]


def test_not_before_stops_what_is_on_its_way():
    person = on_its_way()
    person.hear(f.Declined(START + 30 * DAY))
    assert cancelled(person) == "not before"


def test_a_later_date_of_sales_stands():
    person = Person().enter()
    person.hear(f.Learned(GOOD))
    person.hear(demo())
    (promoted,) = person.wake()
    person.hear(f.Answered(promoted.number, "accepted"))
    person.hear(f.Answered(promoted.number, "recycled", rest_until=START + 60 * DAY))
    person.hear(f.Declined(START + 30 * DAY))
    assert person.journey.rest_until == START + 60 * DAY
    person.hear(f.Declined(START + 90 * DAY))
    assert person.journey.rest_until == START + 90 * DAY


def test_taking_it_back_is_as_if_it_had_not_been():
    person = written_to()
    before = person.journey
    person.hear(f.Declined())
    person.wake()
    assert person.journey.enrolled == {}
    person.hear(f.Reconsidered())
    assert person.journey == before._replace(n=person.journey.n)
    assert sends(person.live(START + 3 * DAY + MINUTE)) == [(START + 3 * DAY + MINUTE, "e2")]


def test_taking_back_the_second_word_leaves_the_first():
    person = written_to()
    person.hear(f.Declined(START + 30 * DAY))
    person.hear(f.Declined())
    person.hear(f.Reconsidered())
    assert (person.state, person.journey.rest_until) == ("resting", START + 30 * DAY)


def test_there_is_no_way_back_from_what_came_after():
    person = written_to()
    person.hear(f.Learned(GOOD))
    person.hear(f.Declined())
    person.hear(demo())
    (promoted,) = person.wake()
    person.hear(f.Answered(promoted.number, "rejected", closes=True))
    person.hear(f.Reconsidered())
    assert person.state == "closed"
    person = written_to()
    person.hear(f.Reconsidered())
    assert person.state == "nurturing"


@pytest.mark.parametrize(("until", "state"), [(None, "closed"), (START + 30 * DAY, "resting")])
def test_a_lead_that_nobody_answered_is_withdrawn_and_then_declined(until: datetime | None, state: str):
    person = Person().enter(GOOD)
    person.hear(demo())
    person.wake()
    person.hear(f.Declined(until))
    (withdrawn,) = person.wake()
    assert isinstance(withdrawn, f.Withdrawn)
    assert withdrawn.because[0].figures["why"] == "declined"
    assert (person.state, person.journey.rest_until) == (state, until)
    person.hear(f.Reconsidered())
    assert person.state == "nurturing"


def test_sales_was_faster():
    """Rejected before the withdrawal: their word stands. Accepted: it is noted, and sales has them."""
    for answer, state in (("rejected", "closed"), ("accepted", "accepted")):
        person = Person().enter(GOOD)
        person.hear(demo())
        (promoted,) = person.wake()
        person.hear(f.Declined())
        person.hear(f.Answered(promoted.number, answer))
        assert person.wake() == []
        assert person.state == state


def test_taken_back_before_the_withdrawal_the_lead_stands():
    person = Person().enter(GOOD)
    person.hear(demo())
    person.wake()
    person.hear(f.Declined())
    person.hear(f.Reconsidered())
    assert person.wake() == []
    assert person.state == "promoted"


# Unsubscribed ---------------------------------------------------------------------------------------------


def two_sequences() -> Programme:
    first = sequence("news", say=("e1", "e2"), ending=Ending(days(14), "close", days(20)), again=days(1))
    return programme(sequences=(first, sequence("main", say=("e3",))))


def test_one_sequence_is_left_for_good_and_another_takes_them_after_the_rest():
    person = Person(two_sequences(), outcome=None).enter()
    person.wake()
    person.after(HOUR).hear(f.Unsubscribed("news"))
    left, stopped = person.wake()
    assert isinstance(left, f.Left)
    assert isinstance(stopped, f.Cancelled)
    assert (left.sequence, left.then, left.rest_until) == ("news", "resting", person.now + 20 * DAY)
    person.hear(f.TouchEnded(stopped.touch, "cancelled"))
    done = person.live(person.now + 20 * DAY)
    assert [body.sequence for _, body in done if isinstance(body, f.Enrolled)] == ["main"]


def test_other_sequences_go_on():
    person = Person(two_sequences()).enter()
    person.wake()
    person.hear(f.TouchEnded(2, "sent"))
    person.hear(f.Enrolled(person.journey.decisions + 1, "main"))
    person.hear(f.Unsubscribed("news"))
    assert kinds(person.wake()) == ["Left"]
    assert (person.state, set(person.journey.enrolled)) == ("nurturing", {"main"})
    assert sends(person.live(START + 3 * DAY)) == [(START + 3 * DAY, "e3")]


def test_consent_to_the_sequence_takes_it_back_and_to_all_does_not():
    person = Person(programme(sequences=(sequence(again=days(1)),))).enter()
    person.hear(f.Unsubscribed("main"))
    assert person.wake() == []
    assert person.reasons()[0] == "unsubscribed from"
    person.hear(f.Consented("consent"))
    assert person.wake() == []
    person.hear(f.Consented("consent", "main"))
    assert kinds(person.wake()) == ["Enrolled", "Chosen"]


def test_consent_to_one_sequence_lifts_no_silence():
    person = written_to()
    person.hear(f.Unsubscribed())
    person.hear(f.Consented("consent", "main"))
    assert person.journey.permission.silence == "unsubscribed"


def test_leaving_one_sequence_does_not_shake_a_promotion():
    person = Person().enter(GOOD)
    person.hear(demo())
    person.wake()
    person.hear(f.Unsubscribed("main"))
    assert person.wake() == []


# Away, contacted, replied ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "goes_on"),
    [
        (START + 10 * DAY, START + 10 * DAY),
        (None, START + MINUTE + 3 * DAY),
        (START + 400 * DAY, MIDNIGHT + 91 * DAY + OPENS - HOUR),  # 90 days on: Sunday 31 May, and summer time
        (START - DAY, START + MINUTE + 3 * DAY),  # over: only the gap is left
    ],
)
def test_out_of_office(until: datetime | None, goes_on: datetime):
    person = written_to()
    person.hear(f.Away(1, until))
    assert person.live(goes_on - SECOND) == []
    assert person.journey.evidence.engaged == ()
    assert sends(person.live(goes_on)) == [(goes_on, "e2")]


def test_an_absence_without_a_date_does_not_shorten_one_with_a_date():
    person = written_to()
    person.hear(f.Away(1, START + 10 * DAY))
    person.hear(f.Away(1))
    assert person.journey.permission.quiet[0].until == START + 10 * DAY
    person.hear(f.Away(1, START + 5 * DAY))
    assert person.journey.permission.quiet[0].until == START + 5 * DAY


def test_a_colleagues_mail_counts_like_one_of_ours():
    person = written_to()
    person.after(2 * DAY).hear(f.Contacted("Tom"))
    third = START + MINUTE + 7 * DAY  # two in seven days: room when the first is over
    assert sends(person.live(third)) == [(third, "e2")]
    assert person.journey.sent_at[1] == person.journey.last_touch == START + MINUTE + 2 * DAY


def test_news_of_a_colleagues_mail_may_come_late():
    person = written_to()
    person.after(2 * DAY).hear(f.Contacted("Tom"), at=START - 2 * DAY)
    assert person.journey.sent_at == (START - 2 * DAY, START + MINUTE)
    assert person.journey.last_touch == START + MINUTE


@pytest.mark.parametrize("pace", [Pace(days(3), (), days(0)), replace(programme().pace, gap=days(0))])
def test_a_colleagues_mail_stops_what_would_follow_too_soon(pace: Pace):
    person = on_its_way(programme(pace=pace))
    person.hear(f.Contacted("Tom"))
    person.hear(f.Contacted("Tom"), at=START - MINUTE)  # before it was chosen, and heard of now
    assert cancelled(person) == ("gap" if pace.gap else "cap")


def test_a_colleagues_mail_of_last_week_stops_nothing():
    person = on_its_way()
    person.hear(f.Contacted("Tom"), at=START - 8 * DAY)
    assert person.wake() == []


def test_a_message_sent_again_is_not_stopped_by_its_own_first_sending():
    person = on_its_way()
    person.hear(f.TouchEnded(2, "in_doubt"))
    person.hear(f.Preferred(gap=9))
    person.after(HOUR).hear(f.Resent(2))
    assert person.wake() == []
    assert person.journey.live is not None


def test_a_reply_stops_the_sequence_for_thirty_days():
    person = on_its_way()
    person.hear(f.Replied(2))
    assert cancelled(person) == "replied"
    person.hear(f.TouchEnded(2, "cancelled"))
    assert person.live(START + HOUR + 30 * DAY - SECOND) == []
    assert person.reasons()[0] == "replied"
    person.outcome = "sent"
    assert sends(person.live(START + HOUR + 30 * DAY)) == [(START + HOUR + 30 * DAY, "e1")]


def test_a_colleague_lets_it_go_on():
    person = written_to()
    person.after(5 * DAY - 10 * HOUR).hear(f.Replied(1))
    assert person.live(START + 8 * DAY) == []
    person.hear(f.Released())
    assert sends(person.live(START + 8 * DAY)) == [(START + 8 * DAY, "e2")]


def test_what_they_asked_is_nothing_a_colleague_releases():
    person = written_to()
    for body in (f.Preferred(paused_until=START + 9 * DAY), f.Away(1), f.Replied(1), f.Held(), f.Released()):
        person.hear(body)
    assert [quiet.why for quiet in person.journey.permission.quiet] == ["paused"]
    assert not person.journey.permission.held


def test_a_reply_that_was_a_machines_holds_nothing_up():
    person = written_to()
    reply = person.hear(f.Replied(1))
    person.hear(f.Retracted(reply.n))
    assert sends(person.live(START + 3 * DAY + MINUTE)) == [(START + 3 * DAY + MINUTE, "e2")]


def test_a_reply_may_be_a_raised_hand():
    raising = agreement(hand_raise=(HandRaise("reply", "C", days(30)),))
    person = written_to(programme(agreement=raising))
    person.hear(f.Learned(GOOD))
    person.hear(f.Replied(1))
    (promoted,) = person.wake()
    assert isinstance(promoted, f.Promoted)
    assert promoted.lane == "hand_raise"


# Bounces --------------------------------------------------------------------------------------------------


def bounced(*on: float, kind: str = "soft", last: float = 0) -> Person:
    """Somebody whose messages of these days came back the same day, each."""
    person = Person().enter()
    for number, day in enumerate(on, 1):
        person.now = START + days(day)
        journey = person.journey
        live = f.Chosen(
            journey.decisions + 1, f"x{number}", 1, "main", person.now, person.now, person.now, "UTC"
        )
        if not journey.enrolled:
            person.hear(f.Enrolled(journey.decisions + 1, "main"))
            live = replace(live, number=live.number + 1)
        person.hear(live)
        person.hear(f.TouchEnded(live.number, "sent"))
        person.hear(f.Bounced(live.number, kind))
    return person


def quiet(person: Person) -> list[tuple[str, datetime]]:
    return [(one.why, one.until) for one in person.journey.permission.quiet]


def test_five_soft_bounces_over_a_week_are_silence_for_ninety_days():
    person = bounced(0, 2, 4, 6, 7)
    assert quiet(person) == [("soft bounces", START + 97 * DAY)]
    person.wake()
    assert person.wait.because[0].figures == {"until": START + 97 * DAY, "count": 5, "since": START}
    assert person.wait.until == START + 97 * DAY


@pytest.mark.parametrize("on", [(0, 2, 4, 7), (0, 1, 2, 3, 6.9), (0, 2, 4, 6)])
def test_fewer_or_faster_ones_are_not(on: tuple[float, ...]):
    assert quiet(bounced(*on)) == []


@pytest.mark.parametrize("kind", ["block", "content", "unknown"])
def test_what_is_not_the_addresss_fault_silences_nobody(kind: str):
    person = bounced(0, 2, 4, 6, 8, 10, 12, kind=kind)
    assert quiet(person) == []
    assert person.journey.permission.silence == ""


def test_a_sign_of_life_between_counts_them_anew():
    person = bounced(0, 2, 4, 6)
    person.hear(page("/pricing"))
    person.after(2 * DAY).hear(f.Bounced(0, "soft"))
    assert quiet(person) == []


@pytest.mark.parametrize(("later", "silent"), [(days(3) - SECOND, True), (days(3), False)])
def test_a_message_that_did_not_come_back_in_three_days_was_delivered(later: object, silent: bool):
    person = bounced(0, 2, 4, 6)
    person.after(DAY).hear(
        f.Chosen(person.journey.decisions + 1, "e1", 1, "main", person.now, person.now, person.now, "UTC")
    )
    person.hear(f.TouchEnded(person.journey.decisions, "sent"))
    person.after(later).hear(f.Bounced(99, "soft"))  # type: ignore[arg-type]  # of an old message
    assert bool(quiet(person)) is silent


def test_a_bounce_that_names_no_message_is_of_the_last_one():
    person = bounced(0, 2, 4, 6)
    person.after(DAY).hear(
        f.Chosen(person.journey.decisions + 1, "e1", 1, "main", person.now, person.now, person.now, "UTC")
    )
    person.hear(f.TouchEnded(person.journey.decisions, "sent"))
    person.after(4 * DAY).hear(f.Bounced(0, "soft"))
    assert quiet(person) == [("soft bounces", START + 101 * DAY)]


def test_a_message_that_comes_back_from_two_servers_counts_once():
    person = bounced(0, 2, 4, 6)
    for _ in range(3):
        person.after(DAY).hear(f.Bounced(7, "soft"))
    assert len(person.journey.permission.soft) == 5
    person = bounced(0, 2, 4)
    for _ in range(3):
        person.after(2 * DAY).hear(f.Bounced(7, "soft"))
    assert (len(person.journey.permission.soft), quiet(person)) == (4, [])


@pytest.mark.parametrize("which", [0, 4], ids=["the first", "the last"])
def test_a_soft_bounce_that_was_none_counts_no_more(which: int):
    person = bounced(0, 2, 4, 6, 8)
    assert quiet(person) != []
    person.hear(f.Retracted(person.journey.permission.soft[which].n, "read wrongly"))
    assert (len(person.journey.permission.soft), quiet(person)) == (4, [])
    person.after(2 * DAY).hear(f.Bounced(0, "soft"))
    assert quiet(person) != []


def test_a_silence_of_a_bounce_ends_when_the_name_is_taken_off_the_list():
    person = bounced(0)
    person.hear(f.Bounced(0, "hard"))
    assert person.journey.permission.silence == "bounced"
    person.hear(f.Released())
    assert person.journey.permission.silence == ""


def test_a_colleague_may_end_the_silence_of_soft_bounces():
    person = bounced(0, 2, 4, 6, 8)
    person.hear(f.Released())
    assert (quiet(person), person.journey.permission.soft) == ([], ())


# Grounds that end -----------------------------------------------------------------------------------------


def ground(basis: str, given: datetime, country: str | None, now: datetime) -> tuple[bool | None, datetime]:
    answer = may_we_write(Permission(basis, given=given), country, now)
    return answer.holds, answer.until


GIVEN = datetime(2025, 8, 31, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("basis", "country", "ends"),
    [
        ("soft_opt_in", "CA", datetime(2026, 2, 28, 10, tzinfo=UTC)),
        ("customer", "CA", datetime(2027, 8, 31, 10, tzinfo=UTC)),
        ("customer", "GB", datetime(2028, 8, 31, 10, tzinfo=UTC)),
        ("legitimate_interest", None, datetime(2028, 8, 31, 10, tzinfo=UTC)),
        ("soft_opt_in", "US", FOREVER),
        ("consent", "CA", FOREVER),
        ("consent", None, FOREVER),
    ],
)
def test_when_a_ground_ends(basis: str, country: str | None, ends: datetime):
    assert ground(basis, GIVEN, country, GIVEN) == (True, ends)
    if ends != FOREVER:
        assert ground(basis, GIVEN, country, ends - SECOND) == (True, ends)
        assert ground(basis, GIVEN, country, ends) == (False, FOREVER)


def test_a_ground_counts_from_the_day_it_was_given():
    person = Person(outcome=None)
    person.hear(f.Entered("ads", "content", "", "soft_opt_in", START - days(180)))  # 3 September
    person.hear(f.Learned({"country": "CA"}))
    assert kinds(person.wake()) == ["Enrolled", "Chosen"]
    ends = datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert person.live(ends - SECOND) == []
    assert person.wait.until == ends
    ((at, stopped),) = person.live(ends)
    assert isinstance(stopped, f.Cancelled)
    assert (at, stopped.because[0].code) == (ends, "consent over")
    assert stopped.because[0].figures == {
        "at": ends,
        "basis": "soft_opt_in",
        "given": START - days(180),
        "months": 6,
    }


def test_a_stronger_ground_takes_the_place_of_a_weaker_and_a_newer_of_an_older():
    person = Person()
    for body, expected in (
        (f.Entered("a", "content", "", "soft_opt_in", START - 9 * DAY), ("soft_opt_in", START - 9 * DAY)),
        (f.Entered("a", "content", "", "soft_opt_in", START - 20 * DAY), ("soft_opt_in", START - 9 * DAY)),
        (f.Entered("a", "content", "", "soft_opt_in", START - 2 * DAY), ("soft_opt_in", START - 2 * DAY)),
        (f.Entered("a", "content", "", "legitimate_interest"), ("soft_opt_in", START - 2 * DAY)),
        (f.Entered("a", "content", "", "customer", START - 3 * DAY), ("customer", START - 3 * DAY)),
        (f.Entered("a", "content", "", "none"), ("customer", START - 3 * DAY)),
        (f.Consented("consent"), ("consent", START)),
        (f.Entered("a", "content", "", "customer"), ("consent", START)),
        (f.Consented("customer"), ("customer", START)),
        (f.Consented("customer", given=START - 3 * DAY), ("customer", START - 3 * DAY)),
    ):
        person.hear(body)
        permission = person.journey.permission
        assert (permission.basis, permission.given) == expected


def test_no_entry_lifts_a_silence():
    person = written_to()
    for body in (f.Unsubscribed(), f.Entered("list", "outbound", "", "consent", START + DAY)):
        person.hear(body)
    assert person.journey.permission.silence == "unsubscribed"


@pytest.mark.parametrize(
    ("moment", "months", "later"),
    [
        (datetime(2024, 2, 29, tzinfo=UTC), 12, datetime(2025, 2, 28, tzinfo=UTC)),
        (datetime(2025, 12, 31, 23, tzinfo=UTC), 2, datetime(2026, 2, 28, 23, tzinfo=UTC)),
        (datetime(2025, 12, 1, tzinfo=UTC), 1, datetime(2026, 1, 1, tzinfo=UTC)),
        (datetime(9999, 1, 1, tzinfo=UTC), 36, FOREVER),
    ],
)
def test_months_are_of_the_calendar(moment: datetime, months: int, later: datetime):
    assert months_later(moment, months) == later


def test_page_views_need_consent_where_the_table_says_so_and_where_nobody_knows():
    assert [views_need_consent(one) for one in ("GB", "FR", "CA", "XX", "", None)] == [True] * 6
    assert [views_need_consent(one) for one in ("US", "AU", "NZ")] == [False] * 3
    assert policy_of(("GB",)) is ELSEWHERE
    assert all(len(code) == 2 and code.isupper() for code in POLICIES)


def test_every_topic_of_the_small_programme_may_be_unwanted():
    """Nobody is written to who wants nothing about anything we have."""
    topics = tuple({topic for piece in pieces().values() for topic in piece.topics})
    person = Person().enter()
    person.hear(f.Preferred(without=topics))
    assert sends(person.live(START + 30 * DAY)) == []
    assert person.state == "resting"

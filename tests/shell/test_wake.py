"""Waking: who is due is settled as the core says, and one bad row or one who got news spoils nobody."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from nurture.core import facts as f
from nurture.core.answers import FOREVER
from nurture.core.decide import settle
from nurture.core.journey import NURTURING, PROMOTED
from nurture.core.programme import Programme
from nurture.core.timing import business_later
from nurture.core.weighing import refold
from nurture.drafting import Draft, Due, draft_all, mark_of
from nurture.drafting.codec import encode_journey
from nurture.engine.outgoing import wake_due
from nurture.engine.shelf import Shelf
from nurture.engine.verifying import verify
from nurture.engine.wake import MOST_ERRORS, QUARANTINED, look, record, wake
from nurture.store import Store
from nurture.store.tables import ENROLLMENTS, FACTS, HANDOFFS, PROSPECTS, TOUCHES
from tests.shell.engine_world import DAY, HOUR, MINUTE, START, World, edited, shipped


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def test_only_who_is_due_is_looked_at(world: World) -> None:
    now, later = world.enter("now"), world.enter("later", at=START + MINUTE)
    assert world.wake(START).prospects == 1
    assert world.told(now) == ["Entered", "Learned", "Enrolled", "Chosen"]
    assert world.told(later) == ["Entered", "Learned"]
    assert world.row(later).snapshot is None
    assert world.wake(START).prospects == 0
    assert world.wake(START + MINUTE).prospects == 1
    assert world.told(later) == ["Entered", "Learned", "Enrolled", "Chosen"]


def test_batches_end_with_nobody_due(world: World) -> None:
    people = [world.enter(f"p{i}") for i in range(7)]
    assert [world.wake(START, limit=3).prospects for _ in range(4)] == [3, 3, 1, 0]
    assert {tuple(world.told(id)) for id in people} == {("Entered", "Learned", "Enrolled", "Chosen")}


def test_what_a_wake_writes_about_a_message(world: World) -> None:
    ada = world.enter("ada")
    world.wake(START)
    (touch,), row, journey = world.touches(ada), world.row(ada), world.journey(ada)
    chosen = world.facts(ada)[-1].body
    assert isinstance(chosen, f.Chosen)
    assert (touch.state, touch.piece, touch.stage, touch.sequence) == (
        "queued", "exception-arithmetic", "early", "new-leads",
    )  # fmt: skip
    assert (touch.opens, touch.closes, touch.expires) == (chosen.opens, chosen.closes, chosen.expires)
    assert touch.due_at == chosen.opens == START
    assert touch.expires == START + timedelta(hours=72)
    assert touch.programme == shipped().hash
    assert (row.n, row.folded, row.lifecycle, row.stage) == (4, 4, NURTURING, "early")
    assert row.mark == mark_of(shipped().programme)
    assert journey == refold(ada, world.facts(ada), shipped().programme)
    assert [(one.prospect, one.sequence) for one in world.rows(ENROLLMENTS)] == [(ada, "new-leads")]


def test_a_wake_writes_what_the_core_settles(world: World) -> None:
    """Random lives of 12 people in 40 steps: the store's facts, waits and columns are the core's own."""
    random, programme = Random(20261005), world.programme
    people = [world.enter(f"p{i}", employees=random.choice([5.0, 80.0, 400.0])) for i in range(12)]
    decided = 0
    for step in range(40):
        now = START + step * 17 * HOUR
        for prospect in random.sample(people, 4):
            live = world.row(prospect).snapshot and world.journey(prospect).live
            if live and random.random() < 0.7:
                world.sent(prospect, now)
            else:
                world.hear(
                    prospect, random_body(random), at=now - random.choice([0, 1, 30]) * HOUR, known=now
                )
        before = {id: world.facts(id) for id in people if (at := world.row(id).wake_at) and at <= now}
        assert world.wake(now).errors == ()
        for id, known in before.items():
            expected = settle(refold(id, known, programme), programme, now)
            written = world.facts(id)[len(known) :]
            decided += len(expected.facts)
            assert written[: len(expected.facts)] == expected.facts
            row, ended = world.row(id), written[len(expected.facts) :]
            assert (row.lifecycle, row.stage) == (expected.journey.lifecycle, expected.journey.stage)
            assert row.wake_reason
            if ended:  # what was queued and is cancelled ends in the same transaction, and wakes again
                assert [fact.body for fact in ended] == [f.TouchEnded(ended[0].body.touch, "cancelled")]
                assert row.wake_at == now
            else:
                assert (row.wake_at or FOREVER) == expected.wait.until
    assert decided > 40


def random_body(random: Random) -> f.Body:
    return random.choice(
        [
            f.PageViewed("/pricing"), f.PageViewed("/vs/spreadsheets"), f.PageViewed("/careers"),
            f.PageViewed("/security"), f.FormSent("demo"), f.Consumed("four-ways"), f.Replied(),
            f.PageViewed("/customers"), f.Released(), f.Released(), f.Consented("consent"),
            f.Consented("consent"), f.Learned({"role": "controller", "timeframe": "this-year"}),
            f.Learned({"role": "controller", "timeframe": "this-quarter"}), f.Retracted(3),
            random.choice([f.Held(START + 20 * DAY), f.Unsubscribed(), f.Learned({"role": "student"}),
                           f.Learned({"timeframe": "not-planned"})]),
        ]
    )  # fmt: skip


def test_one_whose_snapshot_is_damaged_spoils_nobody_and_is_left_alone_after_five_tries(
    world: World,
) -> None:
    good, bad = world.enter("good"), world.enter("bad")
    world.wake(START)
    world.change(PROSPECTS, PROSPECTS.c.id == bad, snapshot=b"\xc1damaged", wake_at=START)
    world.hear(good, f.PageViewed("/pricing"), at=START)
    now, pauses = START, []
    for attempt in range(1, MOST_ERRORS + 1):
        woken = world.wake(now)
        assert woken.prospects == (2 if attempt == 1 else 1)
        assert [error.partition(":")[0] for error in woken.errors] == [f"prospect {bad}"]
        row = world.row(bad)
        assert row.errors == attempt
        assert row.n == row.folded == 4
        if attempt < MOST_ERRORS:
            pauses.append(row.wake_at - now)
            assert world.wake(row.wake_at - MINUTE).prospects == 0
            now = row.wake_at
    assert pauses == sorted(set(pauses)), "each pause is longer than the one before"
    assert row.wake_at is None
    assert row.wake_reason.startswith(QUARANTINED)
    assert world.row(good).folded == 5
    assert world.row(good).errors == 0
    assert world.wake(now + 365 * DAY).errors == ()


def test_one_whose_facts_are_damaged_recovers_when_they_are_whole_again(world: World) -> None:
    bad, good = world.enter("bad"), world.enter("good")
    world.hear(bad, f.PageViewed("/pricing"), at=START)
    one = (FACTS.c.prospect == bad) & (FACTS.c.n == 3)
    body = world.read(lambda c: c.scalar(select(FACTS.c.body).where(one)))
    world.change(FACTS, one, body=b"\x81\xa3")
    assert len(world.wake(START).errors) == 1
    assert (world.row(bad).errors, world.row(good).folded) == (1, 4)
    world.change(FACTS, one, body=body)
    assert world.wake(START + HOUR).errors == ()
    assert world.row(bad).errors == 0
    assert world.told(bad)[-1] == "Enrolled"


def test_one_that_the_database_refuses_spoils_nobody(world: World) -> None:
    """A message of that prospect is on its way that its journey knows nothing of: no second one."""
    bad, good = world.enter("bad"), world.enter("good")
    world.wake(START)
    for id in (bad, good):
        world.sent(id, START)
    touch = (TOUCHES.c.prospect == bad) & (TOUCHES.c.decision == 2)
    world.change(TOUCHES, touch, state="queued", outcome=None, ended_at=None)
    now = START + 3 * DAY
    woken = world.wake(now)
    assert [error.partition(":")[0] for error in woken.errors] == [f"prospect {bad}"]
    assert len(world.touches(good)) == 2
    assert len(world.touches(bad)) == 1
    assert world.row(bad).errors == 1


def test_one_that_the_database_cannot_take_spoils_nobody(world: World) -> None:
    """PostgreSQL takes no NUL in a packet; the neighbour is promoted all the same."""
    bad, good = (
        world.enter("bad", f.FormSent("demo"), company="Ac\0me"),
        world.enter("good", f.FormSent("demo")),
    )
    woken = world.wake(START)
    assert woken.prospects == 2
    assert [one.state for one in world.handoffs(good)] == ["open"]
    refused = [error.partition(":")[0] for error in woken.errors]
    assert refused == ([f"prospect {bad}"] if world.store.database is None else [])
    assert "\n" not in "".join(woken.errors)


def test_an_error_nobody_thought_of_spoils_nobody(world: World) -> None:
    """An agreement's clock can be asked for no instant beyond the calendar: arithmetic, not a value."""
    bad, good = world.enter("bad"), world.enter("good")
    world.wake(START)
    far = world.journey(bad)._replace(promoted_at=datetime.max.replace(tzinfo=UTC), lifecycle=PROMOTED)
    world.change(PROSPECTS, PROSPECTS.c.id == bad, snapshot=encode_journey(far), wake_at=START)
    world.hear(good, f.PageViewed("/pricing"), at=START)
    assert [error.split(": ")[:2] for error in world.wake(START).errors] == [
        [f"prospect {bad}", "OverflowError"]
    ]
    assert world.row(good).folded == 5


def test_an_agreement_with_other_points_refolds_everybody(world: World) -> None:
    ada = world.enter("ada")
    world.wake(START)
    world.hear(ada, f.PageViewed("/pricing"), at=START + HOUR)
    world.wake(START + HOUR)
    before = world.journey(ada).evidence.signals["pricing"].value
    dearer = edited("agreement.yaml", "pricing:    {points: 12", "pricing:    {points: 25")
    assert world.apply(dearer, START + 2 * HOUR)
    world.wake_all(START + 2 * HOUR)
    row, journey = world.row(ada), world.journey(ada)
    assert row.mark == mark_of(dearer.programme) != mark_of(shipped().programme)
    assert journey == refold(ada, world.facts(ada), dearer.programme)
    assert (before, journey.evidence.signals["pricing"].value) == (12.0, 25.0)


def test_a_new_subject_line_refolds_nobody(world: World) -> None:
    """Old facts are not even read: damaged ones are not noticed. Under another mark they are."""
    ada = world.enter("ada")
    world.wake(START)
    world.change(FACTS, FACTS.c.n == 1, body=b"\xc1")
    file = "templates/early/accrual-gap.md"
    reworded = edited(file, "subject: How far off", "subject: By how much")
    assert world.apply(reworded, START + HOUR)
    assert world.wake_all(START + HOUR) == []
    assert world.row(ada).mark == mark_of(shipped().programme) == mark_of(reworded.programme)
    assert world.row(ada).wake_reason == "on its way"
    assert world.apply(
        edited("agreement.yaml", "click:      {points: 2", "click:      {points: 3"), START + DAY
    )
    assert len(world.wake(START + DAY).errors) == 1


def test_apply_looks_at_everybody_again(world: World) -> None:
    """Two leads of 35.9 points; a grade A needed 40 and needs 30 now."""
    views = [f.PageViewed(url) for url in ("/pricing", "/vs/spreadsheets", "/security")]
    people = [world.enter(name, *views) for name in ("ada", "bo")]
    world.wake_all(START)
    assert {world.row(id).lifecycle for id in people} == {NURTURING}
    softer = edited("agreement.yaml", "promote: {A: 40", "promote: {A: 30")
    world.apply(softer, START + MINUTE)
    world.wake_all(START + MINUTE)
    assert {world.row(id).lifecycle for id in people} == {PROMOTED}
    assert {one.programme for one in world.rows(HANDOFFS)} == {softer.hash}


def test_a_hold_ends_a_queued_message_with_its_fact(world: World) -> None:
    ada = world.enter("ada")
    world.wake(START)
    world.hear(ada, f.Held(), at=START + MINUTE)
    world.wake_all(START + MINUTE)
    assert world.told(ada)[-3:] == ["Held", "Cancelled", "TouchEnded"]
    assert world.facts(ada)[-1].body == f.TouchEnded(2, "cancelled")
    (touch,) = world.touches(ada)
    assert (touch.state, touch.outcome, touch.ended_at) == ("ended", "cancelled", START + MINUTE)
    assert world.journey(ada).live is None
    row = world.row(ada)
    assert (row.n, row.folded, row.wake_at) == (7, 7, None)


def test_a_hold_does_not_end_a_message_that_somebody_is_sending(world: World) -> None:
    ada = world.enter("ada")
    world.wake(START)
    world.change(TOUCHES, TOUCHES.c.prospect == ada, state="claimed", owner="another", epoch=1)
    world.hear(ada, f.Held(), at=START + MINUTE)
    world.wake_all(START + MINUTE)
    (touch,) = world.touches(ada)
    assert (touch.state, touch.cancelled) == ("claimed", True)
    assert world.told(ada)[-1] == "Cancelled"


def test_a_promotion_hands_over_and_stops_what_is_on_its_way(world: World) -> None:
    ada = world.enter("ada")
    world.wake(START)
    now = START + HOUR
    world.hear(ada, f.FormSent("demo"), at=now)
    woken = world.wake(now)
    assert (woken.promoted, woken.errors) == (1, ())
    world.wake_all(now)
    assert world.told(ada)[4:] == ["FormSent", "Promoted", "Cancelled", "TouchEnded"]
    assert [one.outcome for one in world.touches(ada)] == ["cancelled"]
    promoted = world.facts(ada)[5]
    (handoff,), clock = world.handoffs(ada), shipped().programme.agreement.clock
    assert (handoff.state, handoff.lane, handoff.grade, handoff.decision) == (
        "open", "hand_raise", "A", promoted.body.number,
    )  # fmt: skip
    assert (handoff.promoted_at, handoff.mail_due_at, handoff.mailed_at) == (now, now, None)
    assert handoff.due_at == business_later(clock.hours, now, clock.answer) == now + DAY
    assert handoff.agreement == 3
    assert handoff.packet["lane"] == "hand_raise"
    assert world.row(ada).wake_at == business_later(clock.hours, now, clock.recall)


@pytest.mark.parametrize(
    ("body", "after", "fact", "state"),
    [
        (f.Unsubscribed(), HOUR, "Withdrawn", "withdrawn"),
        (f.Learned({"role": "student"}), HOUR, "Withdrawn", "withdrawn"),
        (None, 3 * DAY, "Recalled", "recalled"),
    ],
)
def test_what_falls_or_is_not_answered_closes_the_handoff(
    world: World, body: f.Body | None, after: timedelta, fact: str, state: str
) -> None:
    ada, bo = (world.enter(name, f.FormSent("demo")) for name in ("ada", "bo"))
    world.wake_all(START)
    if body is not None:
        world.hear(ada, body, at=START + after)
    else:
        world.hear(bo, f.Answered(world.handoffs(bo)[0].decision, "accepted"), at=START + HOUR)
        world.wake_all(START + HOUR)
    world.wake_all(START + after)
    assert fact in world.told(ada)
    (handoff,) = world.handoffs(ada)
    assert (handoff.state, handoff.answered_at) == (state, START + after)
    assert [one.state for one in world.handoffs(bo)] == ["open"], "somebody else's stays as it was"


def test_a_handoff_after_a_recall_is_another_one(world: World) -> None:
    ada = world.enter("ada", f.FormSent("demo"))
    world.wake_all(START)
    recalled = START + 3 * DAY
    world.wake_all(recalled)
    world.hear(ada, f.FormSent("demo"), at=recalled + HOUR)
    world.wake_all(recalled + HOUR)
    assert [one.state for one in world.handoffs(ada)] == ["recalled", "open"]


def test_two_wakes_at_once_do_everything_once(world: World, database: str) -> None:
    people = [world.enter(f"p{i}") for i in range(60)]
    counts: list[int] = []
    errors: list[str] = []

    def go() -> None:
        shelf = Shelf(START.date)
        shelf.put(shipped())
        with Store(database) as store:
            idle = 0
            while idle < 3:
                woken = store.write_now(lambda c: wake(c, shelf, START, 7))
                idle = 0 if woken.prospects else idle + 1
                counts.append(woken.prospects)
                errors.extend(woken.errors)

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sum(counts) == 60
    assert {tuple(world.told(id)) for id in people} == {("Entered", "Learned", "Enrolled", "Chosen")}
    assert len(world.rows(TOUCHES)) == 60


def test_a_wake_beside_one_who_reports_loses_nothing(world: World, database: str) -> None:
    """One thread hears page views of everybody, two wake: every fact is numbered and folded in the end."""
    people = [world.enter(f"p{i}") for i in range(12)]
    stop = threading.Event()

    def report() -> None:
        for i in range(8):
            for id in people:
                world.hear(id, f.PageViewed(f"/customers/{i}"), at=START)
        stop.set()

    def go() -> None:
        shelf = Shelf(START.date)
        shelf.put(shipped())
        with Store(database) as store:
            while not stop.is_set():
                store.write_now(lambda c: wake(c, shelf, START, 5))

    threads = [threading.Thread(target=target) for target in (report, go, go)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.wake_all(START) == []
    for id in people:
        facts, row = world.facts(id), world.row(id)
        assert [fact.n for fact in facts] == list(range(1, row.n + 1))
        assert row.folded == row.n
        assert world.told(id).count("PageViewed") == 8
        assert world.journey(id) == refold(id, facts, shipped().programme)


def test_who_gets_news_between_look_and_record_is_left_out_and_comes_again(world: World) -> None:
    ada, bo, cy = (world.enter(name) for name in ("ada", "bo", "cy"))
    world.change(
        PROSPECTS, PROSPECTS.c.id == cy, snapshot=b"\xc1damaged", folded=2, mark=mark_of(world.programme)
    )
    seen = world.store.write_now(lambda c: look(c, world.shelf, START))
    drafts = draft_all(seen.due, seen.programme, START)
    later = START + MINUTE
    for id in (bo, cy):
        world.hear(id, f.Released(), at=later)
    woken = world.store.write_now(lambda c: record(c, seen, drafts, START))
    assert (woken.prospects, woken.chosen, woken.errors) == (3, 1, ())
    assert world.told(ada) == ["Entered", "Learned", "Enrolled", "Chosen"]
    assert world.told(bo) == ["Entered", "Learned", "Released"]
    assert (world.row(bo).wake_at, world.row(bo).folded) == (later, 0)
    assert world.row(cy).errors == 0, "what was wrong may be right now"
    assert len(world.wake_all(later)) == 1
    assert world.told(bo) == ["Entered", "Learned", "Released", "Enrolled", "Chosen"]
    assert world.journey(bo) == refold(bo, world.facts(bo), world.programme)


def test_what_was_settled_under_a_programme_that_is_no_longer_active_is_not_written(world: World) -> None:
    ada = world.enter("ada")
    seen = world.store.write_now(lambda c: look(c, world.shelf, START))
    reworded = edited("templates/early/accrual-gap.md", "subject: How far off", "subject: By how much")
    world.apply(reworded, START)
    drafts = draft_all(seen.due, seen.programme, START)
    woken = world.store.write_now(lambda c: record(c, seen, drafts, START))
    assert (woken.prospects, woken.chosen) == (1, 0)
    assert world.told(ada) == ["Entered", "Learned"]
    assert world.wake_all(START) == []
    assert {one.programme for one in world.touches(ada)} == {reworded.hash}


def test_a_fact_that_comes_while_a_duty_settles_is_not_lost(world: World, tmp_path: Path) -> None:
    """On SQLite whoever notes it does not wait for the settling; on PostgreSQL for its transaction."""
    people = [world.enter(f"p{i}") for i in range(5)]
    noting = threading.Thread(target=lambda: world.hear(people[2], f.Released(), at=START))

    def drafting(due: Sequence[Due], programme: Programme, now: datetime) -> list[Draft]:
        if not world.told(people[2])[2:] and noting.ident is None:
            noting.start()
            if world.store.database is not None:
                noting.join(10)
                assert not noting.is_alive()
        return draft_all(due, programme, now)

    engine = world.engine(tmp_path)
    engine.drafting = drafting
    assert asyncio.run(wake_due(engine, START)) == 5
    noting.join(10)
    assert asyncio.run(wake_due(engine, START)) == 1
    assert asyncio.run(wake_due(engine, START)) == 0
    assert sorted(world.told(people[2])) == ["Chosen", "Enrolled", "Entered", "Learned", "Released"]
    assert len(world.rows(TOUCHES)) == 5
    assert world.read(lambda c: verify(c, world.shelf)).differences == ()


def test_nobody_is_settled_while_being_written(sqlite_database: str, tmp_path: Path) -> None:
    """A batch is settled while the one before it is written: every prospect comes once, all in one go."""
    with Store(sqlite_database) as store:
        world, settled = World(store), list[list[int]]()
        people = [world.enter(f"p{i}") for i in range(450)]

        def drafting(due: Sequence[Due], programme: Programme, now: datetime) -> list[Draft]:
            settled.append([one.id for one in due])
            return draft_all(due, programme, now)

        engine = world.engine(tmp_path)
        engine.drafting = drafting
        assert asyncio.run(wake_due(engine, START)) == 450
        assert [len(ids) for ids in settled] == [200, 200, 50]
        assert sorted(id for ids in settled for id in ids) == people
        assert {tuple(world.told(id)) for id in people} == {("Entered", "Learned", "Enrolled", "Chosen")}
        assert world.read(lambda c: verify(c, world.shelf)).differences == ()


def test_two_daemons_wake_nobody_twice(postgres_database: str, tmp_path: Path) -> None:
    """What one has looked at stays locked while it settles."""
    with Store(postgres_database) as store:
        world = World(store)
        people = [world.enter(f"p{i}") for i in range(500)]
        both, counts = threading.Barrier(2, timeout=20), list[int]()

        def drafting(due: Sequence[Due], programme: Programme, now: datetime) -> list[Draft]:
            if not counts and due:
                both.wait()  # both are about to settle at the same time
            return draft_all(due, programme, now)

        def go() -> None:
            with Store(postgres_database) as own:
                engine = world.engine(tmp_path, own)
                engine.drafting = drafting
                counts.append(asyncio.run(wake_due(engine, START)))
                while woken := asyncio.run(wake_due(engine, START)):
                    counts.append(woken)

        threads = [threading.Thread(target=go) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(counts) == 500
        assert {tuple(world.told(id)) for id in people} == {("Entered", "Learned", "Enrolled", "Chosen")}
        assert world.read(lambda c: verify(c, world.shelf)).differences == ()

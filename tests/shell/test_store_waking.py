"""What a wake claims and writes: each due prospect once, all of it or nothing, in bulk."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from nurture.core.answers import Reason
from nurture.core.facts import Cancelled, Chosen, Enrolled, Fact, Happened, Left, Recalled, TouchEnded
from nurture.core.journey import Journey
from nurture.drafting import codec
from nurture.drafting.rows import NEW_TOUCH, Due, Settled, as_fact, as_row
from nurture.store import Store, history, note
from nurture.store.tables import ENROLLMENTS, FACTS, HANDOFFS, PROSPECTS, TOUCHES, touch_id
from nurture.store.waking import (
    Changed,
    cancel_touches,
    claim,
    claim_due,
    count_error,
    next_wake,
    unchanged,
    write_settled,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATER = NOW + timedelta(days=3)
WHY = (Reason("gap", {"until": LATER}),)


def enter(store: Store, *wake_at: datetime | None) -> list[int]:
    """One prospect for each instant, with one fact that is known."""

    def work(connection: Connection) -> list[int]:
        rows = [
            {"address": f"p{i}@d.example", "entered_at": NOW, "wake_at": NOW} for i, _ in enumerate(wake_at)
        ]
        connection.execute(insert(PROSPECTS), rows)
        ids = list(connection.scalars(select(PROSPECTS.c.id).order_by(PROSPECTS.c.id)))
        note(connection, {id: [(Happened("came"), NOW)] for id in ids}, known=NOW, programme="p1")
        for id, moment in zip(ids, wake_at, strict=True):
            row = update(PROSPECTS).where(PROSPECTS.c.id == id)
            connection.execute(row.values(wake_at=moment, wake_reason="closed" if moment is None else ""))
        return ids

    return store.write_now(work)


def settled(due: Due, *bodies: Any, **more: Any) -> Settled:
    """So many decided facts after what is there, and a snapshot that says so."""
    facts = tuple(Fact(due.id, due.n + i, NOW, NOW, "p1", body) for i, body in enumerate(bodies, 1))
    journey = Journey(
        due.id, n=due.n + len(facts), lifecycle="nurturing", stage="early", decisions=len(facts)
    )
    return Settled(
        due.id, due.n, journey.n, journey.lifecycle, journey.stage, codec.encode_journey(journey), "1:w",
        more.pop("wake_at", LATER), "gap", [as_row(fact) for fact in facts], **more,
    )  # fmt: skip


def chosen(prospect: int, number: int, piece: str = "early/a") -> tuple[Chosen, tuple[Any, ...]]:
    body = Chosen(number, piece, 1, "s", NOW, NOW + MINUTE, LATER, "UTC", WHY, (("early/b", Reason("seen")),))
    row = {
        "id": touch_id(prospect, number), "prospect": prospect, "decision": number, "piece": piece,
        "sequence": "s", "stage": "early", "programme": "p1", "chosen_at": NOW, "opens": NOW,
        "closes": NOW + MINUTE, "expires": LATER, "zone": "UTC", "due_at": NOW, "occurrence": 1,
    }  # fmt: skip
    return body, tuple(row[name] for name in NEW_TOUCH)


def row_of(store: Store, table: Any, **where: Any) -> Any:
    query = select(table).where(*(table.c[name] == value for name, value in where.items()))
    return store.read(lambda c: c.execute(query).one())


def test_the_longest_waiting_are_claimed_first_and_nobody_too_early(store: Store) -> None:
    late, later, due, asleep, earliest = enter(store, NOW, NOW + MINUTE, NOW - MINUTE, None, NOW - 5 * MINUTE)
    claimed = store.write_now(lambda c: claim_due(c, NOW, 10))
    assert [each.id for each in claimed] == [earliest, due, late]
    assert [each.id for each in store.write_now(lambda c: claim_due(c, NOW, 2))] == [earliest, due]
    assert [each.id for each in store.write_now(lambda c: claim(c, [asleep, later]))] == [later, asleep]
    without = store.write_now(lambda c: claim_due(c, NOW, 2, without=[earliest]))
    assert [each.id for each in without] == [due, late]
    assert store.read(next_wake) == NOW - 5 * MINUTE


def test_a_claim_brings_the_snapshot_and_only_what_is_new(store: Store) -> None:
    (one,) = enter(store, NOW)
    (first,) = store.write_now(lambda c: claim_due(c, NOW, 10))
    assert (first.n, first.folded, first.journey(), first.mark, first.lifecycle) == (1, 0, None, "", "new")
    assert [fact.body for fact in first.news()] == [Happened("came")]
    done = settled(first, Enrolled(1, "s", WHY))
    store.write_now(lambda c: write_settled(c, [done], now=NOW, programme="p1"))
    assert store.write_now(lambda c: claim_due(c, LATER - MINUTE, 10)) == []
    store.write_now(lambda c: note(c, {one: [(Happened("again"), NOW)]}, known=NOW + MINUTE, programme="p1"))
    (second,) = store.write_now(lambda c: claim_due(c, NOW + MINUTE, 10))
    assert (second.n, second.folded, second.snapshot, second.mark) == (3, 2, done.snapshot, "1:w")
    assert [(fact.n, fact.body) for fact in second.news()] == [(3, Happened("again"))]
    assert store.read(lambda c: history(c, one))[1] == as_fact(done.facts[0])


def test_a_settled_batch_is_written_whole(store: Store) -> None:
    one, two = enter(store, NOW, NOW)

    def wake(connection: Connection) -> None:
        first, second = claim_due(connection, NOW, 10)
        body, row = chosen(one, 2)
        handoff = {
            "prospect": two, "decision": 1, "lane": "score", "grade": "A", "intent": 52.4, "programme": "p1",
            "agreement": 3, "promoted_at": NOW, "due_at": LATER, "mail_due_at": NOW, "packet": {"a": [1]},
        }  # fmt: skip
        write_settled(
            connection,
            [
                settled(first, Enrolled(1, "s", WHY), body, touches=[row]),
                settled(second, wake_at=None, handoffs=[handoff]),
            ],
            now=NOW,
            programme="p1",
        )

    store.write_now(wake)
    prospect = row_of(store, PROSPECTS, id=one)
    assert (prospect.n, prospect.folded, prospect.lifecycle, prospect.stage) == (3, 3, "nurturing", "early")
    assert (prospect.wake_at, prospect.wake_reason, prospect.mark) == (LATER, "gap", "1:w")
    assert codec.decode_journey(prospect.snapshot).decisions == 2
    other = row_of(store, PROSPECTS, id=two)
    assert (other.n, other.wake_at, other.wake_reason) == (1, None, "gap")
    touch = row_of(store, TOUCHES, prospect=one)
    assert (touch.state, touch.occurrence, touch.attempts, touch.outcome) == ("queued", 1, 0, None)
    assert row_of(store, HANDOFFS, prospect=two).packet == {"a": [1]}


def test_two_wakes_share_the_work_on_postgres(postgres_database: str) -> None:
    """The second one neither waits for the first nor claims what it has."""
    both = threading.Barrier(2, timeout=10)

    def work(connection: Connection) -> list[int]:
        both.wait()
        ids = [each.id for each in claim_due(connection, NOW, 6)]
        both.wait()
        return ids

    with Store(postgres_database) as store:
        everybody = enter(store, *[NOW] * 10)
        found: list[list[int]] = []
        threads = [threading.Thread(target=lambda: found.append(store.write_now(work))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found[0] + found[1]) == everybody
    assert sorted(map(len, found)) == [4, 6]


@pytest.mark.parametrize("wrong", ["gap", "again", "other prospect", "not folded", "row moved on"])
def test_a_wrong_number_writes_nothing(store: Store, wrong: str) -> None:
    one, _ = enter(store, NOW, None)

    def wake(connection: Connection) -> None:
        (due,) = claim_due(connection, NOW, 10)
        done = settled(due, Enrolled(1, "s"), Left(2, "s", "closed"))
        first, second = done.facts
        if wrong == "gap":
            done = done._replace(facts=(first, (one, 4, *second[2:])))
        elif wrong == "again":
            done = done._replace(facts=(first, first))
        elif wrong == "other prospect":
            done = done._replace(facts=(first, (one + 1, *second[1:])))
        elif wrong == "not folded":
            done = done._replace(n=due.n)
        else:
            note(connection, {one: [(Happened("between"), NOW)]}, known=NOW, programme="p1")
        write_settled(connection, [done], now=NOW, programme="p1")

    with pytest.raises((Changed, IntegrityError)):
        store.write_now(wake)
    assert len(store.read(lambda c: history(c, one))) == 1
    assert row_of(store, PROSPECTS, id=one).folded == 0


def test_one_that_is_refused_can_be_told_from_its_neighbours(store: Store) -> None:
    good, bad = enter(store, NOW, NOW)

    def wake(connection: Connection) -> list[str]:
        first, second = claim_due(connection, NOW, 10)
        done = [settled(first, Enrolled(1, "s")), settled(second, wake_at=None)._replace(wake_reason="")]
        outcomes = []
        for batch in (done, done[:1], done[1:]):
            try:
                with connection.begin_nested():
                    write_settled(connection, batch, now=NOW, programme="p1")
                outcomes.append("written")
            except IntegrityError:
                outcomes.append("refused")
        count_error(connection, bad, NOW + MINUTE, "internal error")
        return outcomes

    assert store.write_now(wake) == ["refused", "written", "refused"]
    assert row_of(store, PROSPECTS, id=good).n == 2
    refused = row_of(store, PROSPECTS, id=bad)
    assert (refused.n, refused.errors, refused.wake_at) == (1, 1, NOW + MINUTE)
    (due,) = store.write_now(lambda c: claim(c, [bad]))
    store.write_now(lambda c: write_settled(c, [settled(due)], now=NOW, programme="p1"))
    assert row_of(store, PROSPECTS, id=bad).errors == 0


@pytest.mark.parametrize("state", ["queued", "deferred", "claimed", "fenced"])
def test_a_cancelled_touch_ends_if_nobody_has_it_and_is_refused_later_if_somebody_has(
    store: Store, state: str
) -> None:
    (one,) = enter(store, NOW)
    body, row = chosen(one, 1)

    def choose(connection: Connection) -> None:
        (due,) = claim_due(connection, NOW, 10)
        write_settled(connection, [settled(due, body, touches=[row])], now=NOW, programme="p1")
        connection.execute(update(TOUCHES).values(state=state))

    def cancel(connection: Connection) -> tuple[int, ...]:
        (due,) = claim(connection, [one])
        return write_settled(
            connection,
            [settled(due, Cancelled(2, 1), cancelled=[1])],
            now=NOW + MINUTE,
            programme="p1",
        )

    store.write_now(choose)
    ended = store.write_now(cancel)
    touch, prospect = row_of(store, TOUCHES, prospect=one), row_of(store, PROSPECTS, id=one)
    assert touch.cancelled
    if state in ("queued", "deferred"):
        assert ended == (touch_id(one, 1),)
        assert (touch.state, touch.outcome, touch.ended_at) == ("ended", "cancelled", NOW + MINUTE)
        last = store.read(lambda c: history(c, one))[-1]
        assert last == Fact(one, 4, NOW + MINUTE, NOW + MINUTE, "p1", TouchEnded(1, "cancelled"))
        assert (prospect.n, prospect.folded, prospect.wake_at) == (4, 3, NOW + MINUTE)
    else:
        assert ended == ()
        assert (touch.state, touch.outcome) == (state, None)
        assert (prospect.n, prospect.folded, prospect.wake_at) == (3, 3, LATER)
    assert store.write_now(lambda c: cancel_touches(c, [touch_id(one, 1)], now=NOW, programme="p1")) == ()


def test_a_recalled_handoff_is_closed_and_a_new_one_opens(store: Store) -> None:
    one, two = enter(store, NOW, NOW)
    handoff = {
        "prospect": one, "decision": 1, "lane": "score", "grade": "A", "intent": 52.4, "programme": "p1",
        "agreement": 3, "promoted_at": NOW, "due_at": LATER, "mail_due_at": NOW,
    }  # fmt: skip
    rows = [handoff, handoff | {"prospect": two}]
    store.write_now(lambda c: c.execute(insert(HANDOFFS), rows))

    def wake(connection: Connection) -> None:
        (due,) = claim(connection, [one])
        write_settled(
            connection,
            [settled(due, Recalled(2), handoffs=[handoff | {"decision": 3}])],
            now=LATER,
            programme="p1",
        )

    store.write_now(wake)
    states = select(HANDOFFS.c.prospect, HANDOFFS.c.decision, HANDOFFS.c.state, HANDOFFS.c.answered_at)
    assert store.read(lambda c: c.execute(states.order_by(HANDOFFS.c.id)).all()) == [
        (one, 1, "recalled", LATER),
        (two, 1, "open", None),
        (one, 3, "open", None),
    ]


def test_enrollments_follow_the_journeys(store: Store) -> None:
    one, two = enter(store, NOW, NOW)

    def wake(enrolled: dict[int, dict[str, datetime]]) -> list[tuple[int, str, datetime]]:
        def work(connection: Connection) -> None:
            claimed = claim(connection, [one, two])
            done = [settled(due, enrolled=enrolled[due.id]) for due in claimed]
            write_settled(connection, done, now=NOW, programme="p1")

        store.write_now(work)
        rows = select(ENROLLMENTS).order_by(ENROLLMENTS.c.prospect, ENROLLMENTS.c.sequence)
        return [tuple(row) for row in store.read(lambda c: c.execute(rows).all())]

    assert wake({one: {"a": NOW, "b": LATER}, two: {"a": NOW}}) == [
        (one, "a", NOW),
        (one, "b", LATER),
        (two, "a", NOW),
    ]
    assert wake({one: {"b": LATER, "c": NOW}, two: {"a": NOW}}) == [
        (one, "b", LATER),
        (one, "c", NOW),
        (two, "a", NOW),
    ]
    assert wake({one: {}, two: {}}) == []


@pytest.mark.parametrize(
    ("enrolled", "since"), [(None, NOW), ({"a": LATER}, LATER)], ids=["as the table has it", "another"]
)
def test_enrollments_are_left_alone_where_nothing_changed(
    store: Store, enrolled: dict[str, datetime] | None, since: datetime
) -> None:
    (one,) = enter(store, NOW)
    before = {"prospect": one, "sequence": "a", "since": NOW}
    store.write_now(lambda c: c.execute(insert(ENROLLMENTS), [before]))

    def wake(connection: Connection) -> None:
        (due,) = claim(connection, [one])
        write_settled(connection, [settled(due, enrolled=enrolled)], now=NOW, programme="p1")

    store.write_now(wake)
    assert row_of(store, ENROLLMENTS, prospect=one).since == since


def test_who_got_news_since_is_not_as_read(store: Store) -> None:
    one, two, three = enter(store, NOW, NOW, NOW)
    due = store.write_now(lambda c: claim_due(c, NOW, 10))
    assert store.read(lambda c: unchanged(c, due)) == {one, two, three}
    store.write_now(lambda c: note(c, {two: [(Happened("since"), NOW)]}, known=NOW, programme="p1"))
    third = [settled(each) for each in due if each.id == three]
    store.write_now(lambda c: write_settled(c, third, now=NOW, programme="p1"))
    assert store.read(lambda c: unchanged(c, due)) == {one}, "three has no new fact, but another snapshot"


def test_a_snapshot_under_another_mark_is_left_out_and_all_facts_come(store: Store) -> None:
    one, two = enter(store, NOW, NOW)
    first = store.write_now(lambda c: claim_due(c, NOW, 1))
    done = [settled(first[0], Enrolled(1, "s", WHY), wake_at=NOW)]
    store.write_now(lambda c: write_settled(c, done, now=NOW, programme="p1"))
    for mark, snapshot, numbers in (("1:w", done[0].snapshot, []), ("1:x", None, [1, 2])):
        found = {due.id: due for due in store.write_now(lambda c, m=mark: claim_due(c, NOW, 10, m))}
        assert (found[one].snapshot, [fact.n for fact in found[one].news()]) == (snapshot, numbers)
        assert [fact.n for fact in found[two].news()] == [1]


def test_damaged_bytes_are_met_only_by_who_asks_for_them(store: Store) -> None:
    one, two = enter(store, NOW, NOW)
    broken = update(FACTS).where(FACTS.c.prospect == one).values(body=b"\xc1")
    store.write_now(lambda c: c.execute(broken))
    first, second = store.write_now(lambda c: claim_due(c, NOW, 10))
    with pytest.raises(codec.Unreadable):
        first.news()
    assert [fact.body for fact in second.news()] == [Happened("came")]
    store.write_now(lambda c: c.execute(update(PROSPECTS).where(PROSPECTS.c.id == two).values(snapshot=b"x")))
    (again,) = store.write_now(lambda c: claim(c, [two]))
    with pytest.raises(codec.Unreadable):
        again.journey()

"""The outbox on both databases: one end for every touch, and nothing leaves that must not."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import event, select, text, update

from nurture.core.facts import Bounced, TouchEnded
from nurture.store import Store, is_suppressed, suppress
from nurture.store.claims import claim_touches
from nurture.store.outbox import defer, end, fence
from nurture.store.overdue import Late, Rescued, expire, next_due, reopen, rescue
from nurture.store.tables import PROSPECTS, SUPPRESSIONS, TOUCHES
from nurture.store.touches import Answer, Claim, Deferral, Ending, Go, Lost, Refused
from tests.shell.outbox_world import HOUR, KEY, NOW, change, facts, queue, row, silence, states

BRIEF = timedelta(seconds=-1)
"""A lease that has ended already."""


def claim(store: Store, *, owner: str = "me", now: datetime = NOW, **more: Any) -> list[Claim]:
    return store.write_now(lambda c: claim_touches(c, now, 100, owner=owner, key=KEY, **more)).ready


def ask(store: Store, claims: list[Claim], now: datetime = NOW, **more: Any) -> list[Answer]:
    answers = store.write_now(lambda c: fence(c, claims, now, key=KEY, **more))
    return [answers[each.touch] for each in claims]


def finish(store: Store, *endings: Ending, now: datetime = NOW) -> set[int]:
    return store.write_now(lambda c: end(c, endings, now, key=KEY))


def test_a_claim_takes_what_may_leave_now_and_nothing_else(store: Store) -> None:
    (due,) = queue(store)
    queue(store, due_at=NOW + HOUR)
    queue(store, closes=NOW)
    queue(store, expires=NOW, closes=NOW + HOUR)
    queue(store, state="ended", outcome="sent", ended_at=NOW)
    queue(store, state="claimed", owner="other")
    (deferred,) = queue(store, state="deferred", attempts=2, due_at=NOW)
    claims = claim(store)
    assert [(each.touch, each.epoch, each.attempts) for each in claims] == [(due, 1, 0), (deferred, 1, 2)]
    assert claims[0].address == "p0@d.example" and claims[0].personal == {"name": "Tom"}
    assert claim(store) == []
    assert row(store, due).attempts == 1


def test_two_claims_never_share_a_touch(store: Store) -> None:
    touches = queue(store, 30)
    taken: list[int] = []
    while some := store.write_now(lambda c: claim_touches(c, NOW, 7, owner="me", key=KEY)).ready:
        taken += [each.touch for each in some]
    assert taken == touches


def test_whom_we_must_not_mail_is_found_before_anything_is_composed(store: Store) -> None:
    one, two, three, four = queue(store, 4)
    silence(store, two)
    change(store, three, cancelled=True)
    store.write_now(
        lambda c: (
            c.execute(update(PROSPECTS).where(PROSPECTS.c.id == four >> 20).values(address=None)) and None
        )
    )
    claimed = store.write_now(lambda c: claim_touches(c, NOW, 9, owner="me", key=KEY))
    assert [each.touch for each in claimed.ready] == [one]
    assert [(each.touch, why) for each, why in claimed.barred] == [
        (two, Refused("suppressed", "unsubscribed")),
        (three, Refused("cancelled")),
        (four, Refused("cancelled", "there is no address any more")),
    ]


def test_the_fence_answers_each_row_for_itself(store: Store) -> None:
    names = ["fine", "silenced", "cancelled", "closed", "expired", "taken over", "ended", "gone", "moved"]
    touches = dict(zip(names, queue(store, len(names)), strict=True))
    claims = claim(store)
    silence(store, touches["silenced"])
    change(store, touches["cancelled"], cancelled=True)
    change(store, touches["closed"], closes=NOW + HOUR)
    change(store, touches["expired"], expires=NOW + HOUR, words="450 later")
    change(store, touches["taken over"], epoch=2)
    change(store, touches["ended"], state="ended", outcome="cancelled", ended_at=NOW)
    store.write_now(lambda c: c.execute(TOUCHES.delete().where(TOUCHES.c.id == touches["gone"])) and None)
    store.write_now(
        lambda c: (
            c.execute(
                update(PROSPECTS)
                .where(PROSPECTS.c.id == touches["moved"] >> 20)
                .values(address="new@d.example")
            )
            and None
        )
    )
    answers = dict(zip(names, ask(store, claims, NOW + HOUR), strict=True))
    assert answers == {
        "fine": Go(),
        "silenced": Refused("suppressed", "unsubscribed"),
        "cancelled": Refused("cancelled"),
        "closed": Refused("late"),
        "expired": Refused("expired", "450 later"),
        "taken over": Lost(),
        "ended": Lost(),
        "gone": Lost(),
        "moved": Refused("late", "the address has changed"),
    }
    fenced = [id for id, (state, _) in states(store).items() if state == "fenced"]
    assert fenced == [touches["fine"]]


def test_a_touch_passes_the_fence_once(store: Store) -> None:
    queue(store)
    claims = claim(store)
    assert ask(store, claims) == [Go()]
    assert ask(store, claims) == [Lost()]


def test_an_unsubscribe_that_comes_first_is_seen_by_a_fence_that_waited_for_it(
    postgres_database: str,
) -> None:
    """The unsubscribe's transaction holds the prospect; the fence begins before it commits."""
    held, seen = Event(), Event()
    with Store(postgres_database) as store, ThreadPoolExecutor(2) as threads:
        (touch,) = queue(store)
        claims = claim(store)

        def unsubscribe(connection: Any) -> None:
            connection.execute(select(PROSPECTS.c.id).where(PROSPECTS.c.id == touch >> 20).with_for_update())
            suppress(connection, KEY, "p0@d.example", "unsubscribed", NOW)
            held.set()
            assert seen.wait(10)

        first = threads.submit(store.write_now, unsubscribe)
        assert held.wait(10)
        second = threads.submit(ask, store, claims)
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        deadline = time.monotonic() + 5
        while not store.read(lambda c: c.scalar(waiting)) and time.monotonic() < deadline:
            time.sleep(0.01)
        seen.set()
        first.result(10)
        assert second.result(10) == [Refused("suppressed", "unsubscribed")]


def test_an_end_is_a_row_and_a_fact_and_wakes_the_prospect(store: Store) -> None:
    (touch,) = queue(store)
    (mine,) = claim(store)
    ask(store, [mine])
    assert finish(store, Ending(mine, "sent", "250 ok")) == {touch}
    ended = row(store, touch)
    assert (ended.state, ended.outcome, ended.words, ended.ended_at) == ("ended", "sent", "250 ok", NOW)
    assert facts(store, touch) == [TouchEnded(1, "sent", "250 ok")]
    assert store.read(lambda c: c.scalar(select(PROSPECTS.c.wake_at))) == NOW


def test_a_touch_ends_once(store: Store) -> None:
    (touch,) = queue(store)
    (mine,) = claim(store)
    ask(store, [mine])
    finish(store, Ending(mine, "sent"))
    for outcome in ("sent", "failed", "in_doubt"):
        assert finish(store, Ending(mine, outcome)) == set()
    assert facts(store, touch) == [TouchEnded(1, "sent")]


def test_who_has_lost_a_touch_can_do_nothing_to_it(store: Store) -> None:
    (touch,) = queue(store)
    (mine,) = claim(store)
    stranger = mine._replace(owner="other")
    earlier = mine._replace(epoch=0)
    for other in (stranger, earlier):
        assert ask(store, [other]) == [Lost()]
        assert finish(store, Ending(other, "sent")) == set()
        store.write_now(lambda c, other=other: defer(c, [Deferral(other, NOW, "450 no")]))
    assert states(store) == {touch: ("claimed", None)}


def test_doubt_may_end_later_by_the_answer_itself(store: Store) -> None:
    (touch,) = queue(store)
    (mine,) = claim(store)
    ask(store, [mine])
    finish(store, Ending(mine, "in_doubt", "timed out"))
    assert finish(store, Ending(mine, "cancelled")) == set()
    assert finish(store, Ending(mine, "sent", "250 ok")) == {touch}
    assert facts(store, touch) == [TouchEnded(1, "in_doubt", "timed out"), TouchEnded(1, "sent", "250 ok")]


def test_a_hard_bounce_silences_the_address_in_the_same_transaction(store: Store) -> None:
    hard, soft = queue(store, 2)
    claims = claim(store)
    finish(
        store,
        Ending(claims[0], "failed", "550 5.1.1 no such user", "hard"),
        Ending(claims[1], "failed", "552 5.2.2 full", "soft"),
    )
    assert facts(store, hard) == [TouchEnded(1, "failed", "550 5.1.1 no such user"), Bounced(1, "hard")]
    assert facts(store, soft)[1] == Bounced(1, "soft")
    assert store.read(lambda c: is_suppressed(c, KEY, "p0@d.example"))
    assert not store.read(lambda c: is_suppressed(c, KEY, "p1@d.example"))


def test_what_is_deferred_comes_back_at_its_time_with_the_words(store: Store) -> None:
    tried, server, untried = queue(store, 3)
    claims = claim(store)
    store.write_now(
        lambda c: defer(
            c,
            [
                Deferral(claims[0], NOW + HOUR, "450 later"),
                Deferral(claims[1], NOW + HOUR, "refused", counted=False),
                Deferral(claims[2], claims[2].due_at),
            ],
        )
    )
    assert [(row(store, id).state, row(store, id).attempts) for id in (tried, server, untried)] == [
        ("deferred", 1),
        ("deferred", 0),
        ("queued", 0),
    ]
    assert [each.touch for each in claim(store)] == [untried]
    again = claim(store, now=NOW + HOUR)
    assert [(each.touch, each.epoch, each.attempts) for each in again] == [(tried, 2, 1), (server, 2, 0)]
    assert row(store, tried).words == "450 later"


def test_a_fenced_touch_may_be_deferred_by_the_servers_clear_word(store: Store) -> None:
    (touch,) = queue(store)
    claims = claim(store)
    ask(store, claims)
    store.write_now(lambda c: defer(c, [Deferral(claims[0], NOW + HOUR, "451 not now")]))
    assert (row(store, touch).state, row(store, touch).fenced_at) == ("deferred", None)


def test_what_missed_its_opening_gets_the_next_one(store: Store) -> None:
    (touch,) = queue(store, closes=NOW)
    (waits,) = queue(store, closes=NOW, state="deferred", due_at=NOW + 30 * HOUR)
    (hopeless,) = queue(store, closes=NOW, expires=NOW + 20 * HOUR)
    (open_still,) = queue(store)
    asked: list[tuple[int, datetime]] = []

    def tomorrow(late: Late, moment: datetime) -> tuple[datetime, datetime]:
        asked.append((late.touch, moment))
        return moment + 24 * HOUR, moment + 32 * HOUR

    assert store.write_now(lambda c: reopen(c, NOW, 100, tomorrow)) == 2
    assert dict(asked) == {touch: NOW, hopeless: NOW}
    assert [getattr(row(store, touch), name) for name in ("opens", "closes", "due_at")] == [
        NOW + 24 * HOUR,
        NOW + 32 * HOUR,
        NOW + 24 * HOUR,
    ]
    assert row(store, waits).due_at == NOW + 30 * HOUR
    assert row(store, hopeless).due_at == NOW + 20 * HOUR
    assert store.write_now(lambda c: reopen(c, NOW, 100, tomorrow)) == 0
    assert store.read(next_due) == row(store, open_still).due_at
    assert [each.touch for each in claim(store)] == [open_still]
    assert store.write_now(lambda c: expire(c, NOW + 20 * HOUR, 100)) == 1
    assert states(store)[hopeless] == ("ended", "expired")
    assert store.write_now(lambda c: reopen(c, NOW + 30 * HOUR, 100, tomorrow)) == 1
    assert row(store, waits).due_at == NOW + 54 * HOUR


def test_what_is_over_ends_with_the_last_words(store: Store) -> None:
    (old,) = queue(store, expires=NOW, state="deferred", words="450 later")
    (cancelled,) = queue(store, cancelled=True)
    queue(store, 2)
    (busy,) = queue(store, expires=NOW, state="claimed", owner="me", epoch=1)
    assert store.write_now(lambda c: expire(c, NOW, 100)) == 2
    assert store.write_now(lambda c: expire(c, NOW, 100)) == 0
    assert facts(store, old) == [TouchEnded(1, "expired", "450 later")]
    assert facts(store, cancelled) == [TouchEnded(1, "cancelled")]
    assert states(store)[busy] == ("claimed", None)


def test_the_dead_leave_claims_that_go_back_and_fences_that_are_in_doubt(store: Store) -> None:
    touches = queue(store, 2)
    claims = claim(store, owner="dead", lease=BRIEF)
    ask(store, claims[1:], lease=BRIEF)
    assert store.write_now(lambda c: rescue(c, NOW)) == Rescued(1, 1)
    assert store.write_now(lambda c: rescue(c, NOW)) == Rescued(0, 0)
    assert states(store) == {touches[0]: ("queued", None), touches[1]: ("ended", "in_doubt")}
    assert [type(body) for body in facts(store, touches[1])] == [TouchEnded]
    assert ask(store, claims) == [Lost(), Lost()]
    again = claim(store, owner="alive")
    assert [(each.touch, each.epoch) for each in again] == [(touches[0], 2)]
    assert finish(store, Ending(claims[0], "sent")) == set()


@pytest.mark.postgres
def test_on_postgres_a_lease_that_runs_is_left_alone(postgres_database: str) -> None:
    with Store(postgres_database) as store:
        queue(store, 2)
        claims = claim(store)
        ask(store, claims[:1])
        assert store.write_now(lambda c: rescue(c, NOW + 1000 * HOUR)) == Rescued(0, 0)


def test_looking_for_due_touches_uses_the_index_of_waiting_ones(sqlite_database: str) -> None:
    with Store(sqlite_database) as store:
        queue(store, 3)
        plans: list[str] = []

        def work(connection: Any) -> None:
            def explain(
                conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
            ) -> None:
                if statement.startswith("SELECT touches"):
                    found = connection.connection.cursor().execute(
                        f"EXPLAIN QUERY PLAN {statement}", parameters
                    )
                    plans.extend(line[3] for line in found)

            event.listen(connection, "before_cursor_execute", explain)
            claim_touches(connection, NOW, 10, owner="me", key=KEY)
            expire(connection, NOW, 10)
            next_due(connection)
            rescue(connection, NOW)
            event.remove(connection, "before_cursor_execute", explain)

        store.write_now(work)
        scans = [plan for plan in plans if plan.startswith("SCAN touches") and "INDEX" not in plan]
        assert plans and scans == []


def test_a_domain_can_be_silenced_too(store: Store) -> None:
    queue(store)
    claims = claim(store)
    store.write_now(lambda c: suppress(c, KEY, "d.example", "manual", NOW))
    assert ask(store, claims) == [Refused("suppressed", "manual")]
    assert store.read(lambda c: c.execute(select(SUPPRESSIONS.c.hash)).scalar()) != "d.example"

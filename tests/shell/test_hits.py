"""Hits settle: what people did becomes facts once, what machines did never does."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, event, insert, select, update

from nurture.core.facts import Clicked, Entered, PageViewed
from nurture.engine.settling import Settled, next_settlement, settle_hits, settle_hits_of
from nurture.store.facts import histories, note
from nurture.store.hits import Seen, keep_hit, keep_view
from nurture.store.tables import HITS, PROSPECTS, TOUCHES, touch_id

ACCEPTED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = ACCEPTED + timedelta(hours=1)
MINUTE = timedelta(minutes=1)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
URLS = ("https://a.example/one", "https://a.example/two", "https://a.example/three", "https://a.example/four")


class Shop:
    """A store with some prospects, each with one message accepted at ACCEPTED."""

    def __init__(self, store, people=3):
        self.store = store
        store.write_now(lambda connection: self.fill(connection, people))

    def fill(self, connection, people):
        ids = range(1, people + 1)
        connection.execute(
            insert(PROSPECTS),
            [
                {"id": id, "address": f"p{id}@a.example", "entered_at": ACCEPTED, "wake_reason": "w"}
                for id in ids
            ],
        )
        note(
            connection,
            {id: [(Entered("list", "content"), ACCEPTED)] for id in ids},
            known=ACCEPTED,
            programme="p1",
        )
        for id in ids:
            connection.execute(
                insert(TOUCHES).values(
                    id=touch_id(id, 7), prospect=id, decision=7, piece="guide", sequence="s", stage="early",
                    programme="p1", chosen_at=ACCEPTED, opens=ACCEPTED, closes=ACCEPTED, expires=ACCEPTED,
                    zone="UTC", due_at=ACCEPTED, state="ended", outcome="sent", ended_at=ACCEPTED,
                )
            )  # fmt: skip
        connection.execute(update(PROSPECTS).values(wake_at=None))

    def click(self, prospect, at, link=1, **more):
        seen = Seen("click", URLS[link - 1], at, link, **{"agent": FIREFOX, **more})
        assert self.store.write_now(lambda c: keep_hit(c, touch_id(prospect, 7), seen))

    def page(self, prospect, at, path="/one"):
        seen = Seen("page", path, at, method="POST", agent=FIREFOX)
        assert self.store.write_now(lambda c: keep_hit(c, touch_id(prospect, 7), seen))

    def settle(self, now, **more):
        return self.store.write_now(lambda c: settle_hits(c, now, "p2", lambda programme, piece: 4, **more))

    def facts(self, prospect):
        found = self.store.read(lambda c: histories(c, [prospect]))[prospect]
        return [fact for fact in found if not isinstance(fact.body, Entered)]

    def hits(self):
        return self.store.read(lambda c: c.execute(select(HITS).order_by(HITS.c.id)).all())

    def verdicts(self):
        return [hit.verdict for hit in self.hits()]

    def wake_at(self, prospect):
        return self.store.read(
            lambda c: c.scalar(select(PROSPECTS.c.wake_at).where(PROSPECTS.c.id == prospect))
        )


def settled(n):
    return {"prospect": 3, "touch": touch_id(3, 7), "kind": "click", "at": ACCEPTED + n * MINUTE / 60,
            "settled_at": ACCEPTED, "verdict": "machine", "reasons": []}  # fmt: skip


@pytest.fixture
def shop(store):
    return Shop(store)


def test_a_persons_click_becomes_one_fact_after_ten_minutes(shop):
    shop.click(1, LATER, link=2)
    before = LATER + 10 * MINUTE - timedelta(seconds=1)
    assert shop.settle(before) == Settled()
    assert (shop.facts(1), shop.wake_at(1)) == ([], None)
    now = LATER + 10 * MINUTE
    assert shop.settle(now) == Settled(messages=1, human=1)
    (fact,) = shop.facts(1)
    assert fact.body == Clicked(7, "guide", 2, URLS[1])
    assert (fact.at, fact.known, fact.programme, shop.wake_at(1)) == (LATER, now, "p2", now)
    (hit,) = shop.hits()
    assert (hit.verdict, hit.reasons, hit.settled_at) == ("human", [], now)
    assert shop.settle(now + 60 * MINUTE) == Settled()
    assert len(shop.facts(1)) == 1


def test_the_first_unsettled_hit_sets_the_time_and_the_others_go_with_it(shop):
    shop.click(1, LATER)
    shop.page(1, LATER + MINUTE)
    shop.click(1, LATER + 9 * MINUTE, link=3)
    assert shop.store.read(next_settlement) == LATER + 10 * MINUTE
    assert shop.settle(LATER + 10 * MINUTE) == Settled(1, human=3)
    assert [fact.body for fact in shop.facts(1)] == [
        Clicked(7, "guide", 1, URLS[0]), PageViewed("/one", 7), Clicked(7, "guide", 3, URLS[2]),
    ]  # fmt: skip
    assert shop.store.read(next_settlement) is None


def test_a_hit_whose_neighbours_may_still_come_waits_for_them(shop):
    shop.click(1, LATER)
    edge = LATER + 10 * MINUTE - timedelta(seconds=1)
    shop.click(1, edge, link=2)
    assert shop.settle(LATER + 10 * MINUTE) == Settled(1, human=1)
    shop.click(1, edge + timedelta(seconds=2), link=3)
    assert shop.settle(edge + 10 * MINUTE) == Settled(1, machine=2)
    assert [fact.body.link for fact in shop.facts(1)] == [1]


def test_a_scanner_that_follows_every_link_leaves_no_fact(shop):
    for link in (1, 2, 3, 4):
        shop.click(1, ACCEPTED + timedelta(seconds=3 + link / 2), link)
        shop.page(1, ACCEPTED + timedelta(seconds=4 + link / 2))
    assert shop.settle(ACCEPTED + 11 * MINUTE) == Settled(1, machine=8)
    assert (shop.facts(1), shop.wake_at(1)) == ([], None)
    assert "two links within 2 s" in shop.hits()[0].reasons


@pytest.mark.parametrize(
    "odd",
    [{"method": "HEAD"}, {"prefetch": True}, {"agent": ""}, {"agent": "python-requests/2.31"}],
    ids=lambda odd: next(iter(odd)),
)
def test_machines_that_say_so_leave_no_fact(shop, odd):
    shop.click(1, LATER, **odd)
    assert shop.settle(LATER + 10 * MINUTE) == Settled(1, machine=1)
    assert shop.facts(1) == []


def test_what_came_before_the_relay_took_the_message_is_a_machine(shop):
    shop.click(1, ACCEPTED - timedelta(seconds=1))
    assert shop.settle(LATER) == Settled(1, machine=1)


def test_the_unsure_ones_stay_hits(shop):
    shop.click(1, ACCEPTED + timedelta(seconds=1))
    assert shop.settle(LATER) == Settled(1, unsure=1)
    assert shop.facts(1) == []


@pytest.mark.parametrize(
    ("ending", "verdict"),
    [
        ({"outcome": "in_doubt", "fenced_at": ACCEPTED, "ended_at": LATER + 20 * MINUTE}, "human"),
        ({"outcome": "failed"}, "machine"),
        ({"outcome": "expired"}, "machine"),
        ({"outcome": None, "state": "fenced", "ended_at": None}, "machine"),
    ],
    ids=["in_doubt", "failed", "expired", "fenced"],
)
def test_a_click_to_a_message_that_nobody_took_is_no_persons(shop, ending, verdict):
    shop.store.write_now(lambda c: c.execute(update(TOUCHES).where(TOUCHES.c.prospect == 1).values(**ending)))
    shop.click(1, LATER)
    shop.settle(LATER + 10 * MINUTE)
    assert shop.verdicts() == [verdict]


def test_a_scanner_that_comes_again_does_not_spoil_what_a_person_did(shop):
    shop.click(1, LATER)
    shop.settle(LATER + 10 * MINUTE)
    for link in (1, 2, 3):
        shop.click(1, LATER + 60 * MINUTE, link)
    shop.settle(LATER + 70 * MINUTE)
    assert shop.verdicts() == ["human", "machine", "machine", "machine"]
    assert len(shop.facts(1)) == 1


def test_one_persons_hits_settle_at_once_when_they_show_up(shop):
    shop.click(1, LATER)
    shop.click(2, LATER)
    done = shop.store.write_now(
        lambda c: settle_hits_of(c, 1, LATER + MINUTE, "p2", lambda programme, piece: 4)
    )
    assert done == Settled(1, human=1)
    assert [len(shop.facts(id)) for id in (1, 2)] == [1, 0]


def test_opens_are_judged_and_never_become_facts(shop):
    seen = Seen("open", "", LATER, agent=FIREFOX)
    shop.store.write_now(lambda c: keep_hit(c, touch_id(1, 7), seen))
    assert shop.settle(LATER + 10 * MINUTE) == Settled(1, human=1)
    assert (shop.facts(1), shop.wake_at(1)) == ([], None)


def test_views_that_no_message_led_to_never_settle_into_anything(shop):
    shop.store.write_now(lambda c: keep_view(c, Seen("page", "/", LATER, agent=FIREFOX)))
    assert shop.settle(LATER + 60 * MINUTE) == Settled()
    assert shop.verdicts() == ["unsure"]


def test_many_messages_settle_in_batches_the_longest_waiting_first(store):
    shop = Shop(store, people=25)
    for id in range(1, 26):
        shop.click(id, LATER + timedelta(seconds=25 - id))
    done = [shop.settle(LATER + 30 * MINUTE, most=10).messages for _ in range(4)]
    assert done == [10, 10, 5, 0]
    assert all(len(shop.facts(id)) == 1 for id in range(1, 26))


def test_a_flood_on_one_link_is_settled_in_pieces_and_adds_no_more_than_a_reader_could(shop):
    rows = [
        {"prospect": 1, "touch": touch_id(1, 7), "kind": "click", "link": 1, "url": URLS[0], "agent": FIREFOX,
         "at": LATER + timedelta(milliseconds=20 * n), "reasons": []}
        for n in range(1_200)
    ]  # fmt: skip
    shop.store.write_now(lambda c: c.execute(insert(HITS), rows))
    rounds = 0
    while shop.settle(LATER + 30 * MINUTE).messages:
        rounds += 1
    assert rounds == 3
    assert len(shop.facts(1)) == 60


def test_a_settlement_that_fails_leaves_everything_as_it_was(shop):
    shop.click(1, LATER)

    def fails(connection):
        settle_hits(connection, LATER + 10 * MINUTE, "p2", lambda programme, piece: 4)
        raise RuntimeError("power is gone")

    with pytest.raises(RuntimeError):
        shop.store.write_now(fails)
    assert (shop.facts(1), shop.verdicts()) == ([], [None])


def test_a_person_who_is_gone_takes_their_hits_along(shop):
    shop.click(1, LATER)
    shop.store.write_now(lambda c: c.execute(delete(PROSPECTS).where(PROSPECTS.c.id == 1)))
    assert shop.hits() == []
    gone = shop.store.write_now(lambda c: keep_hit(c, touch_id(1, 7), Seen("click", URLS[0], LATER)))
    assert gone is False


def test_two_who_settle_at_once_write_each_click_once(shop):
    for id in (1, 2, 3):
        shop.click(id, LATER)
    start = threading.Barrier(4)

    def settle():
        start.wait()
        shop.settle(LATER + 10 * MINUTE)

    threads = [threading.Thread(target=settle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(shop.facts(id)) for id in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_question_reads_the_whole_table(shop):
    """Work grows with what is due, not with what was ever settled."""
    asked = []

    def plans(connection):
        event.listen(
            connection, "before_cursor_execute", lambda c, cursor, sql, given, *_: asked.append((sql, given))
        )
        next_settlement(connection)
        settle_hits_of(connection, 2, LATER, "p2", lambda programme, piece: 4)
        settle_hits(connection, LATER + 10 * MINUTE, "p2", lambda programme, piece: 4)
        about_hits = [(sql, given) for sql, given in asked if sql.startswith("SELECT") and "FROM hits" in sql]
        return [
            (sql, [row.detail for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, given)])
            for sql, given in about_hits
        ]

    shop.click(1, LATER)
    shop.click(2, LATER)
    shop.store.write_now(lambda c: c.execute(insert(HITS), [settled(n) for n in range(2_000)]))
    shop.store.write_now(lambda c: c.exec_driver_sql("ANALYZE"))
    found = shop.store.write_now(plans)
    assert len(found) >= 5
    for sql, details in found:
        assert all(detail.startswith(("SEARCH", "USE TEMP")) for detail in details), (sql, details)

"""Facts are numbered without a gap, whoever writes at the same time, and counted once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, insert, select, text

from nurture.core.facts import Clicked, Entered, Fact, Happened, Learned, PageViewed
from nurture.store import Store
from nurture.store.facts import HEARD, Heard, Unknown, histories, history, note, note_once
from nurture.store.tables import PROSPECTS

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def enter(store: Store, count: int = 1) -> list[int]:
    """So many bare prospects, due an hour ago."""

    def work(connection: Connection) -> list[int]:
        rows = [
            {"address": f"p{i}@d.example", "entered_at": NOW, "wake_at": NOW - HOUR} for i in range(count)
        ]
        connection.execute(insert(PROSPECTS), rows)
        return list(connection.scalars(select(PROSPECTS.c.id).order_by(PROSPECTS.c.id)))

    return store.write_now(work)


def test_facts_are_numbered_in_order_and_wake_their_prospect(store: Store) -> None:
    one, two, three = enter(store, 3)
    news = {
        two: [(Entered("import", "referral"), NOW - HOUR), (PageViewed("/pricing"), NOW)],
        one: [(Learned({"role": "vp", "size": 5.0}, ("name",), "import"), NOW)],
        three: [],
    }
    noted = store.write_now(lambda c: note(c, news, known=NOW, programme="p1"))
    assert noted == {
        one: (Fact(one, 1, NOW, NOW, "p1", news[one][0][0]),),
        two: (
            Fact(two, 1, NOW - HOUR, NOW, "p1", news[two][0][0]),
            Fact(two, 2, NOW, NOW, "p1", news[two][1][0]),
        ),
    }
    assert store.read(lambda c: histories(c, [one, two, three])) == {**noted, three: ()}
    rows = store.read(lambda c: c.execute(select(PROSPECTS).order_by(PROSPECTS.c.id)).all())
    assert [(row.n, row.folded, row.wake_at, row.wake_reason) for row in rows] == [
        (1, 0, NOW, HEARD),
        (2, 0, NOW, HEARD),
        (0, 0, NOW - HOUR, ""),
    ]
    again = store.write_now(lambda c: note(c, {two: [(Happened("x"), NOW)]}, known=NOW, programme="p1"))
    assert [fact.n for fact in again[two]] == [3]


def test_facts_of_nobody_are_refused_with_all_that_came_along(store: Store) -> None:
    (one,) = enter(store)
    news = {one: [(Happened("x"), NOW)], 77: [(Happened("x"), NOW)]}
    with pytest.raises(Unknown, match=r"\[77\]"):
        store.write_now(lambda c: note(c, news, known=NOW, programme="p1"))
    assert store.read(lambda c: history(c, one)) == ()


def test_what_a_sender_repeats_counts_once(store: Store) -> None:
    one, two = enter(store, 2)

    def heard(news: dict[int, list[Heard]], channel: str = "crm") -> tuple[list[tuple[int, int]], object]:
        noted = store.write_now(lambda c: note_once(c, news, channel=channel, known=NOW, programme="p1"))
        return [(fact.prospect, fact.n) for each in noted.facts.values() for fact in each], noted.repeated

    assert heard({one: [Heard(Happened("a"), NOW, "1"), Heard(Happened("a"), NOW, "1")]}) == (
        [(one, 1)],
        ("1",),
    )
    assert heard({one: [Heard(Happened("a"), NOW, "1"), Heard(Happened("b"), NOW, "2")]}) == (
        [(one, 2)],
        ("1",),
    )
    assert heard({two: [Heard(Happened("a"), NOW, "2")]}) == ([], ("2",))
    assert heard({two: [Heard(Happened("a"), NOW, "2")]}, channel="web") == ([(two, 1)], ())
    assert [fact.body for fact in store.read(lambda c: history(c, one))] == [Happened("a"), Happened("b")]


def test_thousands_at_once(store: Store) -> None:
    ids = enter(store, 2500)
    news = {id: [(Clicked(1, "a", 1, "u"), NOW)] * (1 + id % 3) for id in reversed(ids)}
    noted = store.write_now(lambda c: note(c, news, known=NOW, programme="p1"))
    assert store.read(lambda c: histories(c, ids)) == noted
    counted = store.read(lambda c: {row.id: row.n for row in c.execute(select(PROSPECTS))})
    assert counted == {id: 1 + id % 3 for id in ids}


def test_two_writers_on_one_prospect_lose_nothing(store: Store) -> None:
    """Two threads, each with a door of its own, 200 facts each."""
    (one,) = enter(store)

    def many(name: str) -> list[int]:
        with Store(store.url.render_as_string(hide_password=False)) as other:
            return [
                other.write_now(
                    lambda c: note(c, {one: [(Happened(name), NOW)]}, known=NOW, programme="p1")[one][0].n
                )
                for _ in range(200)
            ]

    with ThreadPoolExecutor() as threads:
        numbers = list(threads.map(many, ["a", "b"]))
    facts = store.read(lambda c: history(c, one))
    assert [fact.n for fact in facts] == list(range(1, 401))
    assert sorted(numbers[0] + numbers[1]) == list(range(1, 401))
    assert {name: [f.n for f in facts if f.body == Happened(name)] for name in "ab"} == {
        "a": numbers[0],
        "b": numbers[1],
    }


NOTE_MANY = """
import sys
from datetime import UTC, datetime
from nurture.core.facts import Happened
from nurture.store import Store
from nurture.store.facts import note
now = datetime(2026, 3, 2, 9, tzinfo=UTC)
news = {int(id): [(Happened(sys.argv[2]), now)] for id in sys.argv[3:]}
with Store(sys.argv[1]) as store:
    for _ in range(200):
        store.write_now(lambda c: note(c, news, known=now, programme="p1"))
"""


def test_two_processes_on_the_same_prospects_lose_nothing(store: Store) -> None:
    """They name them in opposite order: the rows are locked in order of id, so nobody waits in a circle."""
    ids = enter(store, 3)
    url = store.url.render_as_string(hide_password=False)
    orders = {"up": map(str, ids), "down": map(str, reversed(ids))}
    processes = [
        subprocess.Popen([sys.executable, "-c", NOTE_MANY, url, name, *order])
        for name, order in orders.items()
    ]
    assert [process.wait(60) for process in processes] == [0, 0]
    for id in ids:
        facts = store.read(lambda c, id=id: history(c, id))
        assert [fact.n for fact in facts] == list(range(1, 401))
        assert sum(fact.body == Happened("up") for fact in facts) == 200


def test_what_was_heard_before_is_found_by_an_index_that_our_own_facts_are_not_in(store: Store) -> None:
    plan = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}
    asked = "SELECT external_id FROM facts WHERE channel = 'crm' AND external_id IN ('1', '2', '3')"

    def work(connection: Connection) -> str:
        if connection.dialect.name == "postgresql":  # which reads small tables whole
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        return str(connection.execute(text(plan[connection.dialect.name] + asked)).all())

    assert "uq_facts_channel_external_id" in store.write_now(work)

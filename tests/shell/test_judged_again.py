"""Hits judged again when the rules or the operator's list change, and what a journey shows of machines."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, update

from nurture.core import facts as f
from nurture.core.journey import NURTURING, PROMOTED
from nurture.engine.asking import look_up
from nurture.engine.duties import next_moment, run_all
from nurture.engine.incoming import judge_again, settle_hits
from nurture.engine.proof import Ground
from nurture.engine.returning import take
from nurture.engine.settling import JUDGED_AGAIN_FOR, Settled, is_stale, reclassify
from nurture.engine.settling import settle_hits as settle
from nurture.intake.networks import NO_NETWORKS, Networks, read_networks
from nurture.intake.returns import Return
from nurture.intake.tracking import BARE, MANNERS, fingerprint
from nurture.store import Store
from nurture.store.hits import Seen, keep_hit
from nurture.store.tables import HITS, touch_id
from tests.machines.behaviours import CHROME, FIREFOX, PIXEL
from tests.shell.engine_world import DAY, HOUR, MINUTE, START, World
from tests.shell.mailbox_world import KEYS

SCANNER, HOME = "198.51.100.0/24", "203.0.113.0/24"
LISTED = read_networks(["198.51.0.0/16  # made up"], "networks.txt")
FIVE = tuple(f"p{n}" for n in range(5))


class Hall:
    """The shipped programme, people who were written to, and hits on their messages."""

    def __init__(self, store: Store) -> None:
        self.world = World(store)
        self.store = store

    def enter(self, name: str) -> int:
        """Somebody who was written to and whose message was taken."""
        prospect = self.world.enter(name)
        self.world.wake_all(START)
        self.world.sent(prospect, START)
        return prospect

    def hit(self, prospect: int, at: datetime, url: str = "/pricing", **more: Any) -> None:
        """A request to the first message; a view of a page, if nothing else is said."""
        (touch, *_) = self.world.touches(prospect)
        given = {"kind": "page", "network": HOME, "agent": FIREFOX, "manner": MANNERS, **more}
        seen = Seen(url=url, at=at, **given)
        assert self.store.write_now(lambda c: keep_hit(c, touch.id, seen))

    def settle(self, now: datetime, networks: Networks = NO_NETWORKS) -> Settled:
        return self.store.write_now(
            lambda c: settle(c, now, self.world.programme.hash, self._links, networks=networks)
        )

    def again(self, now: datetime, networks: Networks = NO_NETWORKS, most: int = 50) -> Settled:
        hash = self.world.programme.hash
        return self.store.write_now(
            lambda c: reclassify(c, now, hash, self._links, networks=networks, most=most)
        )

    def hits(self) -> list[Any]:
        return self.world.rows(HITS)

    def age(self, rules: str = "an older set") -> None:
        """As if everything had been judged under other rules."""
        self.store.write_now(lambda c: c.execute(update(HITS).values(rules=rules)))

    @staticmethod
    def _links(programme: str, piece: str) -> int:
        return 3


@pytest.fixture
def hall(store: Store) -> Hall:
    return Hall(store)


def visited(hall: Hall, prospect: int, at: datetime, url: str, network: str = SCANNER) -> None:
    """A click, and the view of a page that follows it, from one network."""
    hall.hit(prospect, at, kind="click", link=1, url="https://www.matchlight.example/x", network=network)
    hall.hit(prospect, at + timedelta(seconds=3), url, network=network)
    hall.settle(at + 11 * MINUTE)
    hall.world.wake_all(at + 11 * MINUTE)


def test_a_hit_keeps_under_which_rules_it_was_judged_and_which_fact_it_became(hall: Hall) -> None:
    ada = hall.enter("ada")
    visited(hall, ada, START + DAY, "/security")
    click, page = hall.hits()
    facts = hall.world.facts(ada)
    assert [click.rules, page.rules] == [fingerprint()] * 2
    assert isinstance(facts[click.fact - 1].body, f.Clicked)
    assert isinstance(facts[page.fact - 1].body, f.PageViewed)
    assert hall.again(START + DAY + HOUR) == Settled()


def test_a_network_that_turns_out_to_be_a_machines_is_taken_back(hall: Hall) -> None:
    ada = hall.enter("ada")
    visited(hall, ada, START + DAY, "/security")
    before = hall.world.journey(ada).evidence
    assert "security" in before.signals
    now = START + DAY + HOUR
    assert hall.again(now, LISTED) == Settled(1, unsure=2)
    taken_back = [fact for fact in hall.world.facts(ada) if isinstance(fact.body, f.Retracted)]
    assert {fact.body.why for fact in taken_back} == {
        "unsure: network of machines", "unsure: follows the click, network of machines",
    }  # fmt: skip
    assert all(fact.at == fact.known == now for fact in taken_back)
    hall.world.wake_all(now)
    assert "security" not in hall.world.journey(ada).evidence.signals
    assert [(hit.verdict, hit.fact, hit.rules) for hit in hall.hits()] == [
        ("unsure", None, fingerprint(LISTED))
    ] * 2
    assert hall.again(now + HOUR, LISTED) == Settled(), "once"


def test_and_given_again_when_the_list_was_wrong(hall: Hall) -> None:
    ada = hall.enter("ada")
    visited(hall, ada, START + DAY, "/security")
    hall.again(START + DAY + HOUR, LISTED)
    later = START + 2 * DAY
    assert hall.again(later) == Settled(1, human=2)
    hall.world.wake_all(later)
    views = [fact for fact in hall.world.facts(ada) if isinstance(fact.body, f.PageViewed)]
    assert len(views) == 2
    assert (views[-1].at, views[-1].known) == (START + DAY + timedelta(seconds=3), later)
    assert hall.hits()[1].fact == views[-1].n
    assert "security" in hall.world.journey(ada).evidence.signals


def promoted(hall: Hall) -> int:
    """Somebody whose visits, all from one network, were enough for sales."""
    ada = hall.enter("ada")
    for day, path in (
        (1, "/vs/spreadsheets"),
        (2, "/security"),
        (3, "/pricing"),
        (4, "/vs/spreadsheets"),
        (5, "/pricing"),
    ):
        visited(hall, ada, START + day * DAY, path)
    assert hall.world.journey(ada).lifecycle == PROMOTED
    return ada


def test_a_promotion_that_rested_on_a_machine_is_withdrawn_while_nobody_has_accepted_it(hall: Hall) -> None:
    ada = promoted(hall)
    now = START + 5 * DAY + HOUR
    assert hall.again(now, LISTED).unsure == 10
    hall.world.wake_all(now)
    told = hall.world.told(ada)
    assert told[told.index("Retracted") :][:11] == [*["Retracted"] * 10, "Withdrawn"]
    assert hall.world.journey(ada).lifecycle == NURTURING


def test_an_accepted_one_is_noted_and_stays_with_sales(hall: Hall) -> None:
    ada = promoted(hall)
    (handoff,) = hall.world.handoffs(ada)
    accepted = f.Answered(handoff.decision, "accepted", "", by="daniel")
    hall.world.hear(ada, accepted, at=START + 5 * DAY + HOUR)
    hall.world.wake_all(START + 5 * DAY + HOUR)
    now = START + 5 * DAY + 2 * HOUR
    hall.again(now, LISTED)
    hall.world.wake_all(now)
    assert "Withdrawn" not in hall.world.told(ada)
    lines = hall.store.read(lambda c: look_up(c, hall.world.shelf, "ada@ada.example", None)).lines()
    assert [line.verb for line in lines].count("retracted") == 10


def test_a_letter_that_waits_because_of_a_machine_is_cancelled(hall: Hall) -> None:
    ada = hall.enter("ada")
    visited(hall, ada, START + DAY, "/vs/spreadsheets")
    visited(hall, ada, START + DAY + HOUR, "/pricing")
    now = START + 3 * DAY + 2 * HOUR
    hall.world.wake_all(now)
    assert hall.world.journey(ada).live is not None
    hall.again(now, LISTED)
    hall.world.wake_all(now)
    assert hall.world.told(ada)[-6:] == [*["Retracted"] * 4, "Cancelled", "TouchEnded"]
    assert hall.world.journey(ada).live is None
    assert [touch.outcome for touch in hall.world.touches(ada)] == ["sent", "cancelled"]


def test_only_the_last_days_are_judged_again(hall: Hall) -> None:
    ada = hall.enter("ada")
    visited(hall, ada, START + DAY, "/security")
    now = START + DAY + JUDGED_AGAIN_FOR + MINUTE
    assert not hall.store.read(lambda c: is_stale(c, now, LISTED))
    assert hall.again(now, LISTED) == Settled()


def test_many_are_judged_again_in_batches_and_an_end_is_reached(hall: Hall, tmp_path: Path) -> None:
    people = [hall.enter(name) for name in FIVE]
    for place, prospect in enumerate(people):
        hall.hit(prospect, START + DAY + place * HOUR, kind="click", link=1, network=SCANNER)
    hall.settle(START + 2 * DAY)
    hall.age()
    now = START + 2 * DAY
    assert [hall.again(now, most=2).messages for _ in range(4)] == [2, 2, 1, 0]
    hall.age()
    engine = hall.world.engine(tmp_path)
    assert asyncio.run(judge_again(engine, now)) == 5
    assert asyncio.run(judge_again(engine, now)) == 0
    assert {hit.rules for hit in hall.hits()} == {fingerprint()}


def test_the_duty_reads_the_operators_list_and_the_next_moment_does_not_spin(
    hall: Hall, tmp_path: Path
) -> None:
    ada = hall.enter("ada")
    engine = hall.world.engine(tmp_path)
    engine.networks = LISTED
    hall.hit(ada, START + DAY, kind="click", link=1, network=SCANNER)
    now = START + DAY + 11 * MINUTE
    assert asyncio.run(settle_hits(engine, now)) == 1
    assert [hit.verdict for hit in hall.hits()] == ["unsure"]
    hall.age()
    asyncio.run(run_all(engine, now))
    moment = hall.store.read(next_moment)
    assert moment is None or moment > now
    assert hall.hits()[0].rules == fingerprint(LISTED)


def test_who_shows_up_is_judged_by_the_operators_list_too(hall: Hall) -> None:
    ada = hall.enter("ada")
    hall.hit(ada, START + DAY, kind="click", link=1, network=SCANNER)
    now, hash = START + DAY + MINUTE, hall.world.programme.hash
    ground = Ground(now, hash, KEYS, b"s" * 32, hall._links, networks=LISTED)
    answer = Return("1", "replied", now, addresses=("ada@ada.example",), vouched=True)
    hall.store.write_now(lambda c: take(c, [answer], "mailbox", ground))
    assert [hit.verdict for hit in hall.hits()] == ["unsure"]
    assert [hit.rules for hit in hall.hits()] == [fingerprint(LISTED)]


def test_a_message_with_more_stale_hits_than_fit_gets_done(hall: Hall) -> None:
    ada = hall.enter("ada")
    (touch, *_) = hall.world.touches(ada)
    rows = [
        {"prospect": ada, "touch": touch.id, "kind": "open", "at": START + DAY + n * MINUTE, "agent": FIREFOX,
         "settled_at": START + 2 * DAY, "verdict": "human", "reasons": [], "rules": "old"}
        for n in range(1_200)
    ]  # fmt: skip
    hall.store.write_now(lambda c: c.execute(HITS.insert(), rows))
    rounds = 0
    while hall.again(START + 2 * DAY).messages:
        rounds += 1
    assert rounds == 3
    assert {hit.rules for hit in hall.hits()} == {fingerprint()}


def crowd(hall: Hall, at: datetime, apart: float, **more: Any) -> list[str]:
    people = [hall.enter(name) for name in FIVE]
    for place, prospect in enumerate(people):
        hall.hit(prospect, at + timedelta(seconds=apart * place), kind="click", link=1, **more)
    hall.settle(at + 12 * MINUTE)
    return sorted({hit.verdict for hit in hall.hits()})


def test_a_gateway_that_asks_for_five_peoples_links_is_a_machine(hall: Hall) -> None:
    assert crowd(hall, START + DAY, 11, network=SCANNER, manner=BARE) == ["machine"]
    assert all("five people within 60 s" in hit.reasons for hit in hall.hits())


def test_five_colleagues_behind_one_address_are_not(hall: Hall) -> None:
    assert crowd(hall, START + DAY, 11) == ["human"]
    assert all("perhaps an office" in hit.reasons for hit in hall.hits())


def test_unless_they_are_faster_than_any_office(hall: Hall) -> None:
    assert crowd(hall, START + DAY, 2) == ["machine"]


def test_the_journey_shows_machines_and_counts_them_nowhere(hall: Hall) -> None:
    ada = hall.enter("ada")
    at = START + DAY
    for link in (1, 2, 3):
        url, chrome = f"https://www.matchlight.example/{link}", CHROME.format("99.0")
        hall.hit(ada, at + timedelta(seconds=link / 2), url, kind="click", link=link, agent=chrome)
    hall.hit(ada, at + HOUR, "https://www.matchlight.example/1", kind="click", link=1, agent="curl/8.5.0")
    hall.hit(ada, at + 2 * HOUR, "https://www.matchlight.example/1", kind="click", link=1, agent=PIXEL)
    hall.settle(at + 3 * HOUR)
    record = hall.store.read(lambda c: look_up(c, hall.world.shelf, "ada@ada.example", None))
    told = [(line.verb, line.what, line.why) for line in record.lines() if line.verb == "clicked"]
    assert told == [
        ("clicked", "3 links", "machine: two links within 2 s, all three links within 10 s; counts nowhere"),
        ("clicked", "/1", "machine: agent is a program; counts nowhere"),
        ("clicked", "/1", "intent +2.0 -> 2.0"),
    ]
    earlier = hall.store.read(lambda c: look_up(c, hall.world.shelf, "ada@ada.example", at + HOUR))
    assert "clicked" not in [line.verb for line in earlier.lines()]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_looking_for_stale_hits_and_for_neighbours_reads_what_it_needs(hall: Hall) -> None:
    """Thousands of settled hits, of other networks and judged under older rules long ago, cost nothing."""
    ada = hall.enter("ada")
    rows = [
        {"prospect": ada, "touch": touch_id(ada, 1), "kind": "click", "at": START - n * MINUTE, "reasons": [],
         "network": f"192.0.{n % 200}.0/24", "settled_at": START, "verdict": "human", "rules": f"old {n % 5}"}
        for n in range(3_000)
    ]  # fmt: skip
    hall.store.write_now(lambda c: c.execute(HITS.insert(), rows))
    hall.store.write_now(lambda c: c.exec_driver_sql("ANALYZE"))
    hall.hit(ada, START + DAY, kind="click", link=1)
    asked: list[tuple[str, Any]] = []

    def plans(connection: Any) -> list[str]:
        event.listen(
            connection, "before_cursor_execute", lambda c, cursor, sql, given, *_: asked.append((sql, given))
        )
        hash = hall.world.programme.hash
        settle(connection, START + DAY + HOUR, hash, hall._links)
        reclassify(connection, START + 9 * DAY, hash, hall._links, networks=LISTED)
        about = [one for one in asked if one[0].startswith(("SELECT", "WITH")) and "hits" in one[0]]
        return [
            row.detail
            for sql, given in about
            for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, given)
        ]

    found = hall.store.write_now(plans)
    assert any("ix_hits_network" in detail for detail in found), found
    assert any("ix_hits_rules" in detail for detail in found), found
    assert not [detail for detail in found if detail.startswith("SCAN hits")], found
    assert hall.store.read(lambda c: c.scalar(select(HITS.c.verdict).order_by(HITS.c.id.desc()).limit(1)))

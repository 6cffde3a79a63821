"""The same thing told to two processes at one instant: it counts once, and nobody gets an error."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Barrier, Event

import pytest

from nurture import clock
from nurture.core.facts import PageViewed
from nurture.delivery.tokens import sign
from nurture.engine.joining import join
from nurture.store import Store, dropped, prospects
from nurture.store.tables import CONFIRMATIONS, CONSENTS, FACTS, SUPPRESSIONS, VISITORS
from tests.web.conftest import NOON, browser

HER = "A" * 22
TOKEN = "t" * 32
TIMES = 6


@pytest.fixture
def both(world, database):
    """Two apps over two stores on one database."""
    needs = replace(world.needs, events={"site": TOKEN})
    with Store(database) as other:
        yield [browser(needs), browser(replace(needs, store=other))]


def at_once(both, ask):
    """Statuses of `ask(client)` of both apps, several times each, begun together."""
    together = Barrier(len(both) * 2)

    def run(client):
        together.wait(10)
        return [ask(client).status_code for _ in range(TIMES // 2)]

    with ThreadPoolExecutor(len(both) * 2) as threads:
        return {status for each in threads.map(run, both * 2) for status in each}


def kinds(world, address):
    id = world.person(address).id
    return [row.kind for row in world.rows(FACTS) if row.prospect == id]


def test_a_batch_of_events(world, both):
    people = ["zoe@z.example", "abe@a.example", "mia@m.example"]
    batch = [
        {"id": f"e{n}", "event": "trial_started", "at": NOON.isoformat(), "email": email}
        for n, email in enumerate(people * 3)
    ]
    headers = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
    ask = partial(_post, path="/events", content=json.dumps(batch), headers=headers)
    assert at_once(both, ask) == {200}
    for email in people:
        assert kinds(world, email) == ["Entered", *["Happened"] * 3]


def test_a_form_of_somebody_new_asks_once(world, both):
    data = {"email": "dee@d.example", "consent": "yes"}
    assert at_once(both, partial(_post, path="/f/demo", data=data)) <= {303, 429}
    assert kinds(world, "dee@d.example").count("Entered") == 1
    assert len([one for one in world.rows(CONFIRMATIONS) if one.mail_due_at is not None]) == 1


def test_a_confirmation(world, both):
    world.client.post("/f/demo", data={"email": "dee@d.example", "consent": "yes"})
    path = f"/y/{sign(world.needs.keys, 'y', world.rows(CONFIRMATIONS)[0].id)}"
    shown = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)">', both[0].get(path).text))
    clock.set_virtual(NOON + timedelta(seconds=5))
    assert at_once(both, partial(_post, path=path, data={**shown, "do": "confirm"})) == {200}
    assert len(world.rows(CONSENTS)) == 1
    assert kinds(world, "dee@d.example").count("Consented") == 1


def test_an_unsubscribe(world, both):
    data = {"List-Unsubscribe": "One-Click"}
    assert at_once(both, partial(_post, path=f"/u/{world.sign('u')}", data=data)) == {200}
    assert kinds(world, "ada@a.example") == ["Entered", "Unsubscribed"]
    assert len(world.rows(SUPPRESSIONS)) == len(world.rows(CONSENTS)) == 1


def test_forms_of_programs_are_counted(world, both):
    data = {"email": "dee@d.example", "homepage": "x"}
    assert at_once(both, partial(_post, path="/f/demo", data=data)) == {303}
    assert world.needs.store.read(dropped.counts) == {"demo": 2 * TIMES}


def test_two_people_who_say_that_a_browser_is_theirs_share_no_view(world, database):
    for path in ("/pricing", "/about"):
        told = {"nv": "", "url": f"https://www.matchlight.example{path}", "visitor": HER}
        world.client.post("/p/", json=told)
    joined, go_on = Event(), Event()

    def first(connection):
        join(connection, HER, 1, NOON, "p1")
        joined.set()
        go_on.wait(0.5)

    with Store(database) as other, ThreadPoolExecutor(2) as threads:
        one = threads.submit(world.needs.store.write_now, first)
        joined.wait(10)
        two = threads.submit(other.write_now, lambda c: join(c, HER, 2, NOON, "p1"))
        one.result(), two.result()
    seen = [body for prospect in (1, 2) for body in world.facts(prospect) if isinstance(body, PageViewed)]
    assert sorted(one.url for one in seen) == ["/about", "/pricing"]
    assert [row.prospect for row in world.rows(VISITORS)] == [2]


def test_people_are_entered_in_one_order(store):
    """Whatever order they come in: so two writers never wait for each other in a circle."""
    rows = [{"address": f"{name}@x.example", "entered_at": NOON} for name in "zmabq"]
    ids = store.write_now(lambda c: prospects.enter_many(c, rows))
    assert sorted(ids, key=ids.__getitem__) == sorted(ids)


def _post(client, *, path, **more):
    return client.post(path, **more)

"""The script on pages of the company's own, in a real browser: what it keeps, and what it tells."""

import time
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from nurture.core.facts import FormSent, PageViewed
from nurture.core.programme import Site
from nurture.delivery.tokens import sign
from nurture.store import Store
from nurture.store.confirmations import keep
from nurture.store.tables import CONSENTS
from nurture.web import create_app
from tests.browser.chromium import NO_CHROMIUM, PROGRAM
from tests.browser.seeing import looks_right, served
from tests.web.conftest import PROGRAMME, World, fill, make_needs

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=NO_CHROMIUM)

MODES = {"/ask": 'data-consent="ask"', "/given": 'data-consent="given"'}
KEPT = "document.cookie.length + localStorage.length + sessionStorage.length"


def site(public):
    """The company's pages: some ask for consent, some need not; each has the demo form in its own markup."""

    async def page(request):
        mode = MODES.get("/" + request.url.path.split("/")[1], "")
        return HTMLResponse(
            f'<title>Site</title><script src="{public()}/n.js" {mode}></script>'
            f'<form method="post" action="{public()}/f/demo"><input name="email"><button>Send</button></form>'
            '<form id="other" method="post" action="/search"><input name="q"></form>'
        )

    return Starlette(routes=[Route("/{path:path}", page, methods=["GET", "POST"])])


@pytest.fixture
def world(sqlite_database, tmp_path):
    worlds = []

    def public_app(address):
        worlds.append(World(replace(needs, public=address), None))
        return create_app(worlds[0].needs)

    with Store(sqlite_database) as store:
        store.write_now(fill)
        with served(lambda address: site(lambda: worlds[0].needs.public)) as shop:
            programme = replace(PROGRAMME, site=Site(shop, (shop.removeprefix("http://"),)))
            needs = make_needs(store, tmp_path, programme=lambda: programme)
            with served(public_app):
                worlds[0].shop = shop
                yield worlds[0]


def opened(tab, world, path):
    tab.open(f"{world.shop}{path}")
    tab.wait_for("window.nurture")


def hits(world, number):
    """The hits, once there are so many."""
    deadline = time.monotonic() + 10
    while len(world.hits()) < number and time.monotonic() < deadline:
        time.sleep(0.05)
    found = world.hits()
    assert len(found) == number
    return found


def send(tab, email):
    tab.run(f"document.querySelector('[name=email]').value = '{email}'")
    tab.run("document.querySelector('button').click()")
    tab.wait_for("document.querySelector('h1')?.textContent == 'Thank you'")


def test_without_consent_nothing_is_kept_in_the_browser_and_no_view_joins(tab, world):
    opened(tab, world, "/plain")
    assert [hit.visitor for hit in hits(world, 1)] == [None]
    assert tab.run(KEPT) == 0
    send(tab, "ada@a.example")
    assert world.facts(1) == [FormSent("demo")]
    opened(tab, world, "/plain/again")
    assert tab.run(KEPT) == 0


def test_a_page_that_asks_tells_nothing_before_the_answer(tab, world):
    opened(tab, world, "/ask/one")
    time.sleep(0.3)
    assert world.hits() == []
    tab.run("nurture.consent(false)")
    assert [(hit.url, hit.visitor) for hit in hits(world, 1)] == [("/ask/one", None)]
    assert tab.run(KEPT) == 0


def test_with_consent_earlier_views_join_the_person_who_sends_a_form(tab, world):
    opened(tab, world, "/ask/one")
    tab.run("nurture.consent(true)")
    number = tab.run("localStorage.nurture")
    assert len(number) == 22
    assert tab.run(KEPT) == 1
    opened(tab, world, "/ask/two")  # it knows the answer by now
    assert [(hit.url, hit.visitor, hit.prospect) for hit in hits(world, 2)] == [
        ("/ask/one", number, None), ("/ask/two", number, None),
    ]  # fmt: skip
    tab.run("document.querySelector('#other').addEventListener('submit', event => event.preventDefault())")
    tab.run("document.querySelector('#other').requestSubmit()")
    assert tab.run("document.querySelector('#other [name=visitor]')") is None
    opened(tab, world, "/ask/three")
    hits(world, 3)
    send(tab, "ada@a.example")
    paths = ("/ask/one", "/ask/two", "/ask/three")
    assert world.facts(1) == [*map(PageViewed, paths), FormSent("demo")]
    assert [(hit.prospect, hit.verdict) for hit in world.hits()] == [(1, "human")] * 3


def test_where_nobody_has_to_be_asked_and_until_the_visitor_says_no(tab, world):
    opened(tab, world, "/given/pricing")
    hits(world, 1)
    send(tab, "ada@a.example")
    assert world.facts(1) == [PageViewed("/given/pricing"), FormSent("demo")]
    opened(tab, world, "/given/vs")
    hits(world, 2)
    assert world.facts(1)[-1] == PageViewed("/given/vs")
    tab.run("nurture.consent(false)")
    assert tab.run(KEPT) == 0


def test_the_page_that_confirms_a_consent(tab, world, pictures):
    words = PROGRAMME.forms["demo"].consent
    world.needs.store.write_now(lambda c: keep(c, 1, "demo", words, "192.0.2.0/24", now()))
    tab.open(f"{world.needs.public}/y/{sign(world.needs.keys, 'y', 1)}")
    looks_right(tab, pictures, "confirm")
    assert tab.run("document.querySelectorAll('button').length") == 1
    tab.run("document.querySelector('form').submit()")  # as a scanner's script does
    tab.wait_for("document.querySelector('[role=alert]')")
    looks_right(tab, pictures, "confirm-again")
    assert world.rows(CONSENTS) == []
    time.sleep(3.1)
    tab.walk_to("button")
    tab.press("Enter")
    tab.wait_for("document.querySelector('h1')?.textContent == 'Thank you'")
    looks_right(tab, pictures, "confirmed")
    assert world.kinds(1) == ["Consented"]


def now():
    from nurture import clock

    return clock.now()

"""The public pages in a real browser: readable on a telephone, and they do what they say."""

import time
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from nurture.core.programme import Site
from nurture.store import Store
from nurture.web import create_app
from tests.browser.chromium import NO_CHROMIUM, PROGRAM
from tests.browser.seeing import looks_right, served
from tests.web.conftest import PROGRAMME, World, fill, make_needs

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=NO_CHROMIUM)


def site(script):
    """A page of the company's site that includes our script."""

    async def page(request):
        return HTMLResponse(
            f'<title>Site</title><script src="{script()}" async></script>'
            '<a id="on" href="/pricing?plan=a">Prices</a> <a id="top" href="#top">Up</a> <a id="out" href="http://x.example/">x</a>'
        )

    return Starlette(routes=[Route("/{path:path}", page)])


@pytest.fixture
def world(sqlite_database, tmp_path):
    worlds = []

    def public_app(address):
        worlds.append(World(replace(needs, public=address), None))
        return create_app(worlds[0].needs)

    with Store(sqlite_database) as store:
        store.write_now(fill)
        with served(lambda address: site(lambda: f"{worlds[0].needs.public}/n.js")) as shop:
            programme = replace(PROGRAMME, site=Site(shop, (shop.removeprefix("http://"),)))
            needs = make_needs(
                store,
                tmp_path,
                programme=lambda: programme,
                destination=lambda *_: f"{shop}/guide?a=b",
            )
            with served(public_app):
                yield worlds[0]


def send(tab, email):
    tab.run(f"document.querySelector('[name=email]').value = '{email}'")
    tab.run("document.querySelector('button').click()")


def test_a_form_from_mistake_to_thanks(tab, world, pictures):
    tab.open(f"{world.needs.public}/f/demo")
    looks_right(tab, pictures, "form")
    assert tab.run("document.querySelector('[name=homepage]').getBoundingClientRect().right") < 0
    send(tab, "nobody")
    tab.wait_for("document.querySelector('[role=alert]')")
    looks_right(tab, pictures, "form-wrong")
    send(tab, "ada@a.example")
    tab.wait_for("document.querySelector('h1')?.textContent == 'Thank you'")
    looks_right(tab, pictures, "thanks")
    assert world.kinds(1) == ["FormSent"]


def test_the_script_tells_of_views_and_carries_the_visit_along(tab, world):
    tab.open(f"{world.needs.public}/c/{world.sign('c', link=1)}")
    tab.wait_for("document.title == 'Site' && location.search == '?a=b'")
    tab.wait_for("performance.getEntriesByType('resource').some(one => one.name.endsWith('/p/'))")
    tab.run("document.querySelector('#top').click()")
    assert "nv=" not in tab.run("location.href")
    tab.run("document.querySelector('#on').click()")
    tab.wait_for("location.pathname == '/pricing' && location.search == '?plan=a'")
    deadline = time.monotonic() + 10
    while len(world.hits()) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [(hit.kind, hit.prospect, hit.url.rpartition("/")[2]) for hit in world.hits()] == [
        ("click", 1, "guide?a=b"), ("page", 1, "guide"), ("page", 1, "pricing"),
    ]  # fmt: skip
    assert tab.run("document.cookie + localStorage.length + sessionStorage.length") == "00"

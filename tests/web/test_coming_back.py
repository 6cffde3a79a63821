"""From a request over HTTP to a fact, or to none: the whole way back."""

from datetime import timedelta

import pytest

from nurture import clock
from nurture.core.facts import Clicked, PageViewed
from nurture.engine.settling import Settled, settle_hits
from tests.web.conftest import LINKS, NOON, SENT


def settle(world):
    return world.needs.store.write_now(lambda c: settle_hits(c, clock.now(), "p1", world.needs.links_in))


def follow(world, link, prospect=1, method="GET", **more):
    """Follow a link as a browser does, scripts included; the page view if it leads to our site."""
    answer = world.client.request(method, f"/c/{world.sign('c', prospect, link)}", **more)
    place, _, nv = answer.headers["location"].partition("nv=")
    if nv:
        nv = nv.partition("#")[0]
        world.client.post("/p/", json={"nv": nv, "url": place}, **more)
    return answer


def test_a_persons_click_is_one_fact_and_the_page_read_another(world):
    follow(world, 2)
    clock.set_virtual(NOON + timedelta(minutes=9, seconds=59))
    assert settle(world) == Settled()
    clock.set_virtual(NOON + timedelta(minutes=10))
    assert settle(world) == Settled(1, human=2)
    assert settle(world) == Settled()
    assert world.facts(1) == [Clicked(1, "guide", 2, LINKS[1]), PageViewed("/pricing", 1)]


@pytest.mark.parametrize("minutes", [-1, 0, 1, 60, 60 * 24])
def test_a_scanner_that_follows_every_link_and_runs_scripts_leaves_no_fact(world, minutes):
    """Pain P1: whenever it comes, before acceptance or a day later."""
    clock.set_virtual(SENT + timedelta(minutes=minutes))
    for link in (1, 2, 3):
        follow(world, link)
    for link in (1, 2, 3):
        follow(world, link, method="HEAD")
    clock.set_virtual(clock.now() + timedelta(hours=1))
    assert settle(world).human == 0
    assert world.facts(1) == []
    assert {hit.verdict for hit in world.hits()} == {"machine"}


def test_a_scanner_that_opens_the_unsubscribe_page_unsubscribes_nobody(world):
    """Pain P2."""
    for method in ("HEAD", "GET", "OPTIONS", "GET"):
        world.client.request(method, f"/u/{world.sign('u')}")
    assert world.facts(1) == []
    assert world.suppressions() == []


def test_a_link_preview_of_a_forwarded_mail_leaves_no_fact_and_the_reader_does(world):
    follow(world, 3, headers={"user-agent": "WhatsApp/2.23.20.0"})
    clock.set_virtual(NOON + timedelta(minutes=2))
    follow(world, 3)
    clock.set_virtual(NOON + timedelta(minutes=13))
    settle(world)
    assert world.facts(1) == [Clicked(1, "guide", 3, LINKS[2])]

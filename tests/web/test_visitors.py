"""Views of somebody nobody knows become theirs when they say who they are, and nobody else's."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from nurture import clock
from nurture.core.facts import Clicked, FormSent, PageViewed
from nurture.engine.settling import settle_hits
from nurture.store.tables import HITS, PROSPECTS, VISITORS
from nurture.store.visitors import MOST_JOINED
from tests.web.conftest import FIREFOX, LINKS, NOON, living_in

SITE = "https://www.matchlight.example"
HER, HIS = "A" * 22, "B-_" + "b" * 19
BOT = {"user-agent": "Mozilla/5.0 (compatible; somebot/1.0; +https://bot.example)"}


def view(world, path, visitor="", nv="", **more):
    answer = world.client.post("/p/", json={"nv": nv, "url": SITE + path, "visitor": visitor}, **more)
    assert (answer.status_code, answer.content) == (204, b"")


def form(world, email, visitor=""):
    answer = world.client.post("/f/demo", data={"email": email, "visitor": visitor})
    assert answer.status_code == 303


def later(**time):
    clock.set_virtual(clock.now() + timedelta(**time))


def settle(world):
    later(minutes=11)
    world.needs.store.write_now(lambda c: settle_hits(c, clock.now(), "p1", world.needs.links_in))


def viewed(world, prospect):
    return [(one.url, one.touch) for one in world.facts(prospect) if isinstance(one, PageViewed)]


def test_a_form_brings_the_earlier_views_of_the_same_browser(world):
    view(world, "/pricing", HER)
    later(minutes=1)
    view(world, "/vs/spreadsheets", HER)
    view(world, "/careers", HIS)
    view(world, "/about")
    assert [hit.prospect for hit in world.hits()] == [None] * 4
    later(days=3)
    form(world, "ada@a.example", HER)
    assert world.facts(1) == [PageViewed("/pricing"), PageViewed("/vs/spreadsheets"), FormSent("demo")]
    joined = world.hits()[:2]
    assert [(hit.prospect, hit.verdict, hit.fact) for hit in joined] == [(1, "human", 2), (1, "human", 3)]
    assert [hit.prospect for hit in world.hits()[2:]] == [None, None]


def test_at_is_the_view_and_known_is_now(world):
    from nurture.store.facts import history

    view(world, "/pricing", HER)
    later(days=3)
    form(world, "ada@a.example", HER)
    fact = next(
        fact for fact in world.needs.store.read(lambda c: history(c, 1)) if isinstance(fact.body, PageViewed)
    )
    assert (fact.at, fact.known) == (NOON, NOON + timedelta(days=3))


def test_somebody_new_has_read_before_they_entered(world):
    view(world, "/pricing", HER)
    form(world, "dee@d.example", HER)
    assert world.kinds(world.person("dee@d.example").id) == ["Entered", "PageViewed", "FormSent"]


def test_what_comes_after_the_form_is_theirs_at_once(world):
    form(world, "ada@a.example", HER)
    view(world, "/pricing", HER)
    assert viewed(world, 1) == [("/pricing", 0)]


def test_a_page_read_from_a_message_says_whose_browser_it_is_once_it_is_judged(world):
    view(world, "/pricing", HER)
    later(days=1)
    world.client.get(f"/c/{world.sign('c', 2, link=2)}")
    view(world, "/guide", HER, nv=world.sign("v", 2, link=2))
    assert viewed(world, 2) == []
    settle(world)
    assert world.facts(2) == [
        Clicked(1, "guide", 2, LINKS[1]),
        PageViewed("/guide", 1),
        PageViewed("/pricing"),
    ]
    view(world, "/vs/spreadsheets", HER)
    assert viewed(world, 2)[-1] == ("/vs/spreadsheets", 0)


def test_a_scanner_that_opens_the_page_says_nothing_about_anybody(world):
    view(world, "/pricing", HER)
    world.client.get(f"/c/{world.sign('c', 2, link=2)}", headers=BOT)
    view(world, "/guide", HER, nv=world.sign("v", 2, link=2), headers=BOT)
    settle(world)
    assert world.facts(2) == []
    assert world.rows(VISITORS) == []


def test_a_browser_that_two_people_claim_has_each_view_once(world):
    view(world, "/one", HER)
    form(world, "ada@a.example", HER)
    view(world, "/two", HER)
    form(world, "bo@b.example", HER)
    view(world, "/three", HER)
    form(world, "ada@a.example", HER)
    assert viewed(world, 1) == [("/one", 0), ("/two", 0)]
    assert viewed(world, 2) == [("/three", 0)]
    assert [hit.prospect for hit in world.hits()] == [1, 1, 2]


def test_programs_that_run_the_script_stay_machines(world):
    view(world, "/pricing", HER, headers=BOT)
    view(world, "/pricing", HER, headers={"sec-purpose": "prefetch"})
    form(world, "ada@a.example", HER)
    assert world.facts(1) == [FormSent("demo")]
    assert [(hit.prospect, hit.verdict) for hit in world.hits()] == [(1, "machine")] * 2
    assert world.hits()[0].reasons[1:] == ["agent is a program"]


def test_only_ninety_days_and_five_hundred_views_are_remembered(world):
    view(world, "/old", HER)
    later(days=91)
    rows = [
        {"kind": "page", "url": f"/{n}", "at": clock.now() - timedelta(days=1), "settled_at": clock.now(),
         "verdict": "unsure", "reasons": [], "visitor": HER, "agent": FIREFOX}
        for n in range(MOST_JOINED + 1)
    ]  # fmt: skip
    world.needs.store.write_now(lambda c: c.execute(HITS.insert(), rows))
    form(world, "ada@a.example", HER)
    assert len(viewed(world, 1)) == MOST_JOINED
    assert "/old" not in str(viewed(world, 1))
    view(world, "/new", HER)
    form(world, "bo@b.example", HER)  # what was too much for her is nobody else's
    assert viewed(world, 1)[-1] == ("/new", 0)
    assert len(viewed(world, 1)) == MOST_JOINED + 1
    assert viewed(world, 2) == []


@pytest.mark.parametrize(
    "visitor", ["", "short", "x" * 23, "ä" * 22, "'; DROP TABLE hits; --", "A" * 21 + "="]
)
def test_what_is_no_browsers_number_names_nobody(world, visitor):
    view(world, "/pricing", visitor)
    assert world.hits()[0].visitor is None
    form(world, "ada@a.example", visitor)
    assert world.facts(1) == [FormSent("demo")]
    assert world.rows(VISITORS) == []


def live_in(world, country):
    snapshot = None if country is None else living_in(country)
    world.needs.store.write_now(
        lambda c: c.execute(update(PROSPECTS).where(PROSPECTS.c.id == 1).values(snapshot=snapshot))
    )


@pytest.mark.parametrize(
    ("country", "kept"), [("US", 1), ("AU", 1), ("GB", 0), ("DE", 0), ("CA", 0), (None, 0)]
)
def test_where_views_need_a_consent_none_is_kept_without_it(world, country, kept):
    live_in(world, country)
    view(world, "/pricing", nv=world.sign("v", 1))
    assert len(world.hits()) == kept
    view(world, "/pricing", HER, nv=world.sign("v", 1))  # the number of a browser is sent after a consent
    assert len(world.hits()) == kept + 1
    assert world.hits()[-1].prospect == 1


def test_a_change_of_rules_leaves_views_alone_that_no_message_led_to(world):
    from nurture.engine.settling import is_stale, reclassify
    from nurture.intake.networks import NO_NETWORKS

    view(world, "/pricing", HER)
    form(world, "ada@a.example", HER)
    view(world, "/about")
    later(days=1)
    store, links_in = world.needs.store, world.needs.links_in
    assert not store.read(lambda c: is_stale(c, clock.now(), NO_NETWORKS))
    judged = store.write_now(lambda c: reclassify(c, clock.now(), "p1", links_in))
    assert judged.messages == 0
    assert world.facts(1) == [PageViewed("/pricing"), FormSent("demo")]

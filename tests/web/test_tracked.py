"""Links, pictures and page views: kept before the answer, never an open redirect."""

import random
import sqlite3
import string

import pytest
from sqlalchemy import delete, select
from starlette.testclient import TestClient

from nurture.delivery.tokens import read
from nurture.store.tables import HITS, PROSPECTS, touch_id
from nurture.web import create_app
from tests.web.conftest import FIREFOX, LINKS, NOON
from tests.web.mutations import WAYS, hunt

LETTERS = string.ascii_letters + string.digits + "-_"


def test_a_click_leads_to_where_the_message_said_and_is_kept(world):
    answer = world.client.get(f"/c/{world.sign('c', link=3)}")
    assert answer.status_code == 302
    assert answer.headers["location"] == LINKS[2]
    (hit,) = world.hits()
    assert (hit.prospect, hit.touch, hit.kind, hit.link, hit.url) == (1, touch_id(1, 1), "click", 3, LINKS[2])
    assert (hit.at, hit.method, hit.agent, hit.network) == (NOON, "GET", FIREFOX, "192.0.2.0/24")
    assert (hit.prefetch, hit.settled_at, hit.verdict) == (False, None, None)


def test_on_our_own_site_the_visit_is_named_behind_the_query_and_nothing_else(world):
    answer = world.client.get(f"/c/{world.sign('c', link=1)}")
    before, _, nv = answer.headers["location"].partition("&nv=")
    nv, _, anchor = nv.partition("#")
    assert before == "https://www.matchlight.example/guides/stuck-invoices?from=mail"
    assert anchor == "top"
    assert read(world.needs.keys, "v", nv) == (touch_id(1, 1), 1)
    assert "ada" not in answer.headers["location"]
    assert "?nv=" in world.client.get(f"/c/{world.sign('c', link=2)}").headers["location"]


def test_the_same_link_to_two_people_has_two_addresses_and_each_click_lands_on_its_own(world):
    """Behaviour case 62."""
    tokens = [world.sign("c", prospect, link=3) for prospect in (1, 2)]
    assert tokens[0] != tokens[1]
    for token in reversed(tokens):
        world.client.get(f"/c/{token}")
    assert [hit.prospect for hit in world.hits()] == [2, 1]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_hit_is_committed_when_the_answer_comes(world):
    """A second connection, of another program, sees it at once."""
    answers = []

    async def watch(scope, receive, send):
        async def sending(message):
            if message["type"] == "http.response.start":
                with sqlite3.connect(f"file:{world.needs.store.database}?mode=ro", uri=True) as other:
                    answers.append(
                        (message["status"], other.execute("SELECT count(*) FROM hits").fetchone()[0])
                    )
                other.close()
            await send(message)

        await create_app(world.needs)(scope, receive, sending)

    client = TestClient(watch, follow_redirects=False)
    client.get(f"/c/{world.sign('c', link=1)}")
    client.get(f"/c/{world.sign('c', link=2)}")
    assert answers == [(302, 1), (302, 2)]


def test_head_gets_the_same_answer_and_is_kept_as_what_it_is(world):
    token = world.sign("c", link=2)
    get, head = world.client.get(f"/c/{token}"), world.client.head(f"/c/{token}")
    assert (head.status_code, head.content) == (302, b"")
    assert head.headers["location"] == get.headers["location"]
    assert [hit.method for hit in world.hits()] == ["GET", "HEAD"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused_and_nothing_is_kept(world, method):
    answer = world.client.request(method, f"/c/{world.sign('c', link=1)}")
    assert answer.status_code == 405
    assert world.hits() == []


def test_prefetch_is_marked(world):
    world.client.get(f"/c/{world.sign('c', link=1)}", headers={"sec-purpose": "prefetch;prerender"})
    assert world.hits()[0].prefetch


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_two_thousand_changed_tokens_never_redirect(world):
    token, chance = world.sign("c", link=1), random.Random(8)
    statuses = set()
    for _ in range(2_000):
        letters = list(token)
        for _ in range(chance.choice((1, 1, 2, 5))):
            how, place = chance.choice(("swap", "drop", "add", "case")), chance.randrange(len(letters))
            if how == "swap":
                letters[place] = chance.choice(LETTERS)
            elif how == "drop":
                del letters[place]
            elif how == "add":
                letters.insert(place, chance.choice(LETTERS + ".=%é"))
            else:
                letters[place] = letters[place].swapcase()
        changed = "".join(letters)
        if changed != token:
            answer = world.client.get(f"/c/{changed}")
            statuses.add(answer.status_code)
            assert "location" not in answer.headers, changed
    assert statuses == {404}
    assert world.hits() == []


@pytest.mark.parametrize("purpose", ["u", "o", "v", "b", "r"])
def test_a_token_is_good_for_one_purpose(world, purpose):
    assert world.client.get(f"/c/{world.sign(purpose, link=1)}").status_code == 404


def test_an_address_in_the_request_is_never_followed(world):
    token = world.sign("c", link=3)
    for query in ("?url=https://evil.example", "?nv=https://evil.example", "?next=//evil.example"):
        assert world.client.get(f"/c/{token}{query}").headers["location"] == LINKS[2]
    forged = world.client.get(
        f"/c/{token}", headers={"host": "evil.example", "x-forwarded-host": "evil.example"}
    )
    assert forged.headers["location"] == LINKS[2]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "ftp://a.example/"]
)
def test_only_http_is_followed(world, url):
    other = world.again(destination=lambda *_: url)
    assert other.client.get(f"/c/{world.sign('c', link=1)}").status_code == 410


def test_a_line_break_in_a_destination_stays_one_header(world):
    other = world.again(destination=lambda *_: "https://a.example/\r\nSet-Cookie: x=1")
    answer = other.client.get(f"/c/{world.sign('c', link=1)}")
    assert "set-cookie" not in answer.headers


def test_a_link_that_is_not_in_the_message_and_a_person_who_is_gone_are_a_page_that_says_so(world):
    assert world.client.get(f"/c/{world.sign('c', link=9)}").status_code == 410
    token = world.sign("c", link=1)
    world.needs.store.write_now(lambda c: c.execute(delete(PROSPECTS).where(PROSPECTS.c.id == 1)))
    assert world.client.get(f"/c/{token}").status_code == 410


def test_with_tracking_off_links_still_lead_on_and_nothing_is_kept(world):
    silent = world.again(tracking="off")
    assert silent.client.get(f"/c/{world.sign('c', link=2)}").headers["location"] == LINKS[1]
    assert silent.client.post("/p/", json={"nv": "", "url": LINKS[1]}).status_code == 204
    assert world.hits() == []


def test_a_picture_is_always_the_same_and_kept_only_where_tracking_is_full(world):
    full = world.again(tracking="full")
    good, bad = f"/o/{world.sign('o')}.gif", "/o/nonsense.gif"
    answers = [world.client.get(good), full.client.get(bad), full.client.get(good)]
    assert {(one.status_code, one.content, one.headers["content-type"]) for one in answers} == {
        (200, answers[0].content, "image/gif")
    }
    assert answers[0].content[:6] == b"GIF89a"
    assert [(hit.kind, hit.prospect) for hit in world.hits()] == [("open", 1)]


def test_a_page_view_finds_its_message_and_keeps_the_path_alone(world):
    nv = world.sign("v", 2, link=2)
    answer = world.client.post(
        "/p/",
        json={"nv": nv, "url": "https://www.matchlight.example/pricing?email=bo@b.example#x"},
    )
    assert (answer.status_code, answer.content) == (204, b"")
    (hit,) = world.hits()
    assert (hit.kind, hit.prospect, hit.touch, hit.url, hit.settled_at) == (
        "page",
        2,
        touch_id(2, 1),
        "/pricing",
        None,
    )


@pytest.mark.parametrize("nv", ["", "nonsense", "click"])
def test_a_page_view_that_no_message_led_to_is_kept_unjoined(world, nv):
    nv = world.sign("c", link=1) if nv == "click" else nv
    assert (
        world.client.post("/p/", json={"nv": nv, "url": "https://www.matchlight.example/"}).status_code == 204
    )
    (hit,) = world.hits()
    assert (hit.prospect, hit.touch, hit.url, hit.verdict, hit.reasons) == (
        None, None, "/", "unsure", ["led here by no message"],
    )  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/",
        "/pricing",
        "",
        "javascript:x",
        "https://[::",
        "http://\x00",
        "file:///etc",
    ],
)
def test_pages_that_are_not_ours_are_not_kept(world, url):
    assert world.client.post("/p/", json={"nv": world.sign("v"), "url": url}).status_code == 204
    assert world.hits() == []


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b'{"nv": 1, "url": 2}', 400),
        (b"\xff", 400),
        (b"[" * 4000, 400),
        (b"x" * 5000, 413),
    ],
)
def test_a_view_that_cannot_be_read_is_refused(world, content, status):
    assert world.client.post("/p/", content=content).status_code == status
    assert world.hits() == []


def test_reading_the_view_address_changes_nothing(world):
    assert world.client.get(f"/p/?nv={world.sign('v')}&url={LINKS[1]}").status_code == 405
    assert world.hits() == []


def test_more_views_than_a_reader_makes_are_refused(world):
    statuses = [
        world.client.post("/p/", json={"nv": "", "url": "https://elsewhere.example/"}).status_code
        for _ in range(125)
    ]
    assert statuses == [204] * 120 + [429] * 5


@pytest.mark.parametrize(
    ("proxies", "forwarded", "kept"),
    [
        ((), "203.0.113.9", "192.0.2.0/24"),
        (("192.0.2.77",), "203.0.113.9", "203.0.113.0/24"),
        (("192.0.2.0/24",), "198.51.100.1, 203.0.113.9", "203.0.113.0/24"),
        (("192.0.2.0/24", "203.0.113.0/24"), "198.51.100.1:4711, 203.0.113.9", "198.51.100.0/24"),
        (("192.0.2.77",), "2001:db8:1:2:3::4", "2001:db8:1::/48"),
        (("192.0.2.77",), "[2001:db8:1:2::4]:80", "2001:db8:1::/48"),
        (("192.0.2.77",), "::ffff:203.0.113.9", "203.0.113.0/24"),
        (("192.0.2.77",), "nonsense", ""),
        (("192.0.2.77",), None, "192.0.2.0/24"),
    ],
)
def test_only_a_trusted_proxy_says_where_somebody_comes_from(world, proxies, forwarded, kept):
    other = world.again(trusted_proxies=proxies)
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    other.client.get(f"/c/{world.sign('c', link=1)}", headers=headers)
    assert [hit.network for hit in world.hits()] == [kept]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_while_the_store_is_locked_nobody_is_told_that_a_click_was_kept(world, monkeypatch):
    monkeypatch.setattr("nurture.store.engines.BUSY_SECONDS", 0)
    monkeypatch.setattr(
        "nurture.store.engines._SQLITE_ARGUMENTS", {"timeout": 0.05, "check_same_thread": False}
    )
    from nurture.store import Store

    with Store(f"sqlite:///{world.needs.store.database}") as impatient:
        other = world.again(store=impatient)
        locker = sqlite3.connect(world.needs.store.database, isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        answer = other.client.get(f"/c/{world.sign('c', link=1)}")
        locker.execute("ROLLBACK")
        locker.close()
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "60"
        assert other.client.get(f"/c/{world.sign('c', link=1)}").status_code == 302
    kept = world.needs.store.read(lambda c: c.execute(select(HITS)).all())
    assert len(kept) == 1


def test_what_was_deleted_is_said_on_a_page(world):
    answer = world.client.get(f"/c/{world.sign('c', link=9)}")
    assert (answer.status_code, answer.headers["content-type"]) == (410, "text/html; charset=utf-8")
    assert "This link is gone" in answer.text
    assert "location" not in answer.headers


def test_twenty_thousand_forged_tokens_say_nothing():
    """A million: python -m tests.web.mutations."""
    tried = hunt(20_000, seed=20)
    assert set(tried) == {way.__name__ for way in WAYS} | {"purpose"}


def test_the_hit_that_is_one_too_many_is_kept_and_still_led_on(world):
    token = world.sign("c", link=3)
    answers = {world.client.get(f"/c/{token}").headers["location"] for _ in range(65)}
    assert answers == {LINKS[2]}
    assert len(world.hits()) == 65


def test_a_long_path_is_nothing_of_ours(world):
    assert world.client.get("/c/" + "x" * 300).status_code == 404
    assert world.client.get("/f/demo?" + "x" * 300).status_code == 200


def test_the_script_is_small_and_may_be_included_elsewhere(world):
    answer = world.client.get("/n.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert len(answer.content) < 3_000
    for storage in ("document.cookie", "sessionStorage", "indexedDB"):
        assert storage not in answer.text

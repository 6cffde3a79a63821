"""One button, one click, and nothing that a scanner could press."""

import sqlite3

import pytest
from sqlalchemy import delete, select

from nurture import clock
from nurture.core.facts import Consented, Unsubscribed
from nurture.engine.unsubscribing import KIND, Unsubscribe, taker
from nurture.store import Store
from nurture.store.consents import consents_of
from nurture.store.facts import note
from nurture.store.tables import PROSPECTS, TOUCHES, touch_id
from tests.web.conftest import NOON
from tests.web.pages import press, visit
from tests.web.test_unsubscribing_preferences import OFFERS

ONE_CLICK = "List-Unsubscribe=One-Click"
URLENCODED = {"content": ONE_CLICK, "headers": {"content-type": "application/x-www-form-urlencoded"}}
MULTIPART = {
    "content": '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
    "headers": {"content-type": "multipart/form-data; boundary=b"},
}


def untouched(world):
    return world.suppressions() == [] and world.facts(1) == [] and not world.needs.journal.waiting


def test_the_page_has_one_button_and_changes_nothing(world):
    answer = world.client.get(f"/u/{world.sign('u')}")
    assert answer.status_code == 200
    assert answer.text.count("<button") == 1
    assert '<form method="post">' in answer.text
    assert "<script" not in answer.text
    assert "ada" not in answer.text
    assert untouched(world)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_nothing_but_a_post_changes_anything(world, method):
    """Behaviour case 48: scanners fetch the link; fetching is not unsubscribing."""
    for _ in range(3):
        world.client.request(method, f"/u/{world.sign('u')}?List-Unsubscribe=One-Click&confirm=1")
    assert untouched(world)


@pytest.mark.parametrize("body", [URLENCODED, MULTIPART], ids=["urlencoded", "multipart"])
def test_one_click_of_a_mail_program(world, body):
    answer = world.client.post(f"/u/{world.sign('u')}", **body)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert len(answer.content) < 1_000
    assert world.facts(1) == [Unsubscribed("all", "one_click")]
    (suppression,) = world.suppressions()
    assert (suppression.reason, suppression.scope, suppression.at) == ("unsubscribed", "all", NOON)
    assert "ada" not in repr(suppression)
    assert world.person("ada@a.example").wake_at == NOON


def test_the_button_on_the_page_does_the_same_and_answers_with_a_page(world):
    answer = press(world, visit(world), "stop")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert world.facts(1) == [Unsubscribed("all", "page")]
    assert len(world.suppressions()) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"content": b""},
        {"content": b"\xff\x00"},
        {"content": b"&" * 8000},
        {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
        {"content": b"--b\r\nbroken", "headers": {"content-type": "multipart/form-data; boundary=b"}},
        {"files": {"List-Unsubscribe": ("a.txt", b"One-Click")}},
        {"json": {"List-Unsubscribe": "One-Click"}},
    ],
)
def test_any_other_body_gets_the_page_again_whose_button_works(world, body):
    answer = world.client.post(f"/u/{world.sign('u')}", **body)
    assert answer.status_code == 422
    assert "press once more" in answer.text
    assert untouched(world)
    assert press(world, answer, "stop").status_code == 200
    assert world.facts(1) == [Unsubscribed("all", "page")]


def test_a_body_of_more_than_8_kb_is_refused(world):
    assert world.client.post(f"/u/{world.sign('u')}", content=b"x" * 8193).status_code == 413
    assert untouched(world)


def test_again_and_again_is_the_same_as_once(world):
    """Behaviour case 48."""
    token = world.sign("u")
    for body in (URLENCODED, MULTIPART, URLENCODED):
        assert world.client.post(f"/u/{token}", **body).status_code == 200
    assert press(world, visit(world), "stop").status_code == 200
    assert world.kinds(1) == ["Unsubscribed"]
    assert len(world.suppressions()) == 1


def test_who_consented_again_and_then_unsubscribes_again_is_heard(world):
    world.client.post(f"/u/{world.sign('u')}", **URLENCODED)
    again = {1: [(Consented("consent"), NOON)]}
    world.needs.store.write_now(lambda c: note(c, again, known=NOON, programme="p1"))
    world.client.post(f"/u/{world.sign('u')}", **URLENCODED)
    assert world.kinds(1) == ["Unsubscribed", "Consented", "Unsubscribed"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_token_is_a_friendly_page_and_changes_nothing(world, method):
    """Behaviour case 49; we answer 404, so that nobody takes it for done."""
    token = world.sign("u")
    for wrong in (
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        token[:-3],
        "x",
        world.sign("c"),
        world.sign("v"),
    ):
        answer = world.client.request(method, f"/u/{wrong}", **(URLENCODED if method == "POST" else {}))
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
        assert "nora@mail.matchlight.example" in answer.text
        assert 'type="email"' in answer.text
    assert untouched(world)


def test_whoever_presses_it_is_unsubscribed_who_got_the_message(world):
    """Behaviour case 50: the mail was forwarded, to somebody we write to as well."""
    press(world, visit(world), "stop", headers={"from": "bo@b.example"})
    assert world.kinds(1) == ["Unsubscribed"]
    assert world.kinds(2) == []


def test_a_message_on_its_way_is_stopped_in_the_same_transaction(world):
    world.client.post(f"/u/{world.sign('u', 3)}", **URLENCODED)
    rows = world.needs.store.read(lambda c: c.execute(select(TOUCHES.c.prospect, TOUCHES.c.cancelled)).all())
    assert sorted(rows) == [(1, False), (2, False), (3, True)]


def test_no_cookie_no_origin_no_referrer_is_asked_for(world):
    strange = {"origin": "https://evil.example", "referer": "https://evil.example", "cookie": "a=b"}
    answer = world.client.post(
        f"/u/{world.sign('u')}", headers=strange, data={"List-Unsubscribe": "One-Click"}
    )
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert world.kinds(1) == ["Unsubscribed"]


def test_somebody_erased_gets_the_same_answer(world):
    token = world.sign("u")
    world.needs.store.write_now(lambda c: c.execute(delete(PROSPECTS).where(PROSPECTS.c.id == 1)))
    assert world.client.post(f"/u/{token}", **URLENCODED).status_code == 200
    assert world.suppressions() == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_while_the_store_is_locked_the_journal_keeps_it_and_it_comes_into_effect_later(world, monkeypatch):
    monkeypatch.setattr("nurture.web.unsubscribing.PATIENCE", 0.1)
    needs = world.needs
    locker = sqlite3.connect(needs.store.database, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    with Store(f"sqlite:///{needs.store.database}") as other:
        answer = world.again(store=other).client.post(f"/u/{world.sign('u')}", **URLENCODED)
        assert answer.status_code == 200
        assert needs.journal.waiting
        clock.set_virtual(NOON.replace(hour=13))
        locker.execute("ROLLBACK")
        locker.close()
    replay = {KIND: taker(needs.store, needs.suppression_key, lambda: "p1", clock.now)}
    assert needs.journal.replay(replay) == 1
    assert needs.journal.replay(replay) == 0
    assert world.facts(1) == [Unsubscribed("all", "one_click")]
    (suppression,) = world.suppressions()
    assert suppression.at == NOON


def test_replaying_the_journal_twice_changes_nothing(world):
    needs = world.needs
    world.client.post(f"/u/{world.sign('u')}", **URLENCODED)
    entry = {"kind": KIND, "token": str((1 << 20) | 1), "way": "page", "at": NOON.isoformat()}
    replay = {KIND: taker(needs.store, needs.suppression_key, lambda: "p1", clock.now)}
    for _ in range(2):
        needs.journal.append(entry)
        assert needs.journal.replay(replay) == 1
    assert world.facts(1) == [Unsubscribed("all", "one_click")]


@pytest.mark.parametrize(("way", "scope"), [("mailto", "all"), ("reply", "all"), ("page", "s")])
def test_whatever_the_way_it_is_one_fact_one_line_in_the_ledger_and_no_mail(world, way, scope):
    asked = Unsubscribe(touch_id(3, 1), way, NOON, scope, "from 192.0.2.0/24")
    for first in (True, False):
        work = asked.work(world.needs.suppression_key, "p1", NOON)
        assert world.needs.store.write_now(work) is first
    assert world.facts(3) == [Unsubscribed(scope, way)]
    (suppression,) = world.suppressions()
    assert (suppression.scope, suppression.evidence) == (
        scope,
        f"touch {touch_id(3, 1)}, {way}, from 192.0.2.0/24",
    )
    (line,) = world.needs.store.read(lambda c: consents_of(c, 3))
    assert (line.kind, line.scope, line.way) == ("withdrawn", scope, way)
    assert world.needs.store.read(
        lambda c: c.scalar(select(TOUCHES.c.cancelled).where(TOUCHES.c.prospect == 3))
    )


def test_after_the_page_the_mail_programs_word_counts_too_because_it_cannot_be_undone(world):
    press(world, visit(world), "stop")
    world.client.post(f"/u/{world.sign('u')}", **URLENCODED)
    press(world, visit(world), "stop")
    assert world.facts(1) == [Unsubscribed("all", "page"), Unsubscribed("all", "one_click")]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_one_sequence_stopped_while_the_store_is_locked(world, monkeypatch):
    monkeypatch.setattr("nurture.web.unsubscribing.PATIENCE", 0.1)
    needs = world.needs
    locker = sqlite3.connect(needs.store.database, isolation_level=None)
    with Store(f"sqlite:///{needs.store.database}") as other:
        here = world.again(store=other, programme=lambda: OFFERS)
        page = visit(here, centre=True)
        locker.execute("BEGIN IMMEDIATE")
        answer = press(here, page, "stop-series")
        assert answer.status_code == 200 and "no more of this series" in answer.text
        locker.execute("ROLLBACK")
    locker.close()
    needs.journal.replay({KIND: taker(needs.store, needs.suppression_key, lambda: "p1", clock.now)})
    assert world.facts(1) == [Unsubscribed("s", "page")]

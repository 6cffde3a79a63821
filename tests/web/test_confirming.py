"""The page behind the link that confirms a consent: only a person who presses its button consents."""

import re
from datetime import timedelta

import pytest

from nurture import clock
from nurture.core.facts import Consented
from nurture.delivery.tokens import sign
from nurture.store.suppressions import suppress
from nurture.store.tables import CONFIRMATIONS, CONSENTS
from tests.web.conftest import NOON, PROGRAMME

WORDS = PROGRAMME.forms["demo"].consent


@pytest.fixture
def link(world):
    """Dee has ticked the box of a form and got the mail."""
    world.client.post("/f/demo", data={"email": "dee@d.example", "consent": "yes"})
    (asked,) = world.rows(CONFIRMATIONS)
    return f"/y/{sign(world.needs.keys, 'y', asked.id)}"


def hidden(page):
    """What the form on a page sends beside its button."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)">', page))


def dee(world):
    return world.person("dee@d.example").id


def untouched(world):
    return "Consented" not in world.kinds(dee(world)) and world.rows(CONSENTS) == []


def press(world, link, seconds=5):
    shown = hidden(world.client.get(link).text)
    clock.set_virtual(clock.now() + timedelta(seconds=seconds))
    return world.client.post(link, data={**shown, "do": "confirm"})


def test_the_page_says_what_was_ticked_and_changes_nothing(world, link):
    for _ in range(3):
        page = world.client.get(link)
    assert page.status_code == 200
    assert WORDS in page.text
    assert "2 March 2026" in page.text
    assert page.text.count("<button") == 1
    assert "<script" not in page.text
    assert "d.example" not in page.text
    assert untouched(world)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_nothing_but_a_post_changes_anything(world, link, method):
    world.client.request(method, link, headers={"sec-purpose": "prefetch"})
    assert untouched(world)


def test_a_person_presses_the_button_and_has_consented(world, link):
    answer = press(world, link)
    assert answer.status_code == 200
    assert "Thank you" in answer.text
    assert world.facts(dee(world))[-1] == Consented("consent")
    (row,) = world.rows(CONSENTS)
    assert (row.basis, row.way, row.at) == ("consent", "confirmation", NOON + timedelta(seconds=5))
    assert "192.0.2.0/24" in row.evidence
    assert "Thank you" in press(world, link).text
    assert world.kinds(dee(world)).count("Consented") == 1
    assert "Thank you" in world.client.get(link).text


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        ({}, 5),  # a form sent by a script has no button in it
        ({"do": "confirm"}, 5),
        ({"do": "confirm", "shown": "nonsense"}, 5),
        ("as shown", 0),  # pressed before anybody could have read the page
    ],
)
def test_a_scanner_that_sends_the_form_is_asked_again(world, link, data, seconds):
    answer = press(world, link, seconds) if data == "as shown" else world.client.post(link, data=data)
    assert answer.status_code == 422
    assert "press once more" in answer.text
    assert "again" in hidden(answer.text)
    assert untouched(world)
    clock.set_virtual(clock.now() + timedelta(seconds=5))
    assert world.client.post(link, data={**hidden(answer.text), "do": "confirm"}).status_code == 200
    assert not untouched(world)


def test_after_fourteen_days_the_link_is_over(world, link):
    clock.set_virtual(NOON + timedelta(days=15))
    assert "This link is too old" in press(world, link).text
    assert "This link is too old" in world.client.get(link).text
    assert untouched(world)


def test_a_link_that_is_not_ours_is_404(world, link):
    others = [world.sign(purpose, 1) for purpose in "cuvobr"]
    for token in ("nonsense", *others, sign(world.needs.keys, "y", 99), link.removeprefix("/y/")[:-1]):
        for method in ("GET", "POST"):
            answer = world.client.request(method, f"/y/{token}")
            assert answer.status_code == 404, token
            assert "Nothing has changed." in answer.text
    assert world.client.get(link.replace("/y/", "/u/")).status_code == 404
    assert untouched(world)


def test_who_complained_meanwhile_is_not_written_to_whatever_they_press(world, link):
    world.needs.store.write_now(
        lambda c: suppress(c, world.needs.suppression_key, "dee@d.example", "complained", NOON)
    )
    assert "We do not write to this address" in press(world, link).text
    assert untouched(world)
    assert len(world.suppressions()) == 1

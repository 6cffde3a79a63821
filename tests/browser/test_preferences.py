"""Unsubscribing and the preference centre in a real browser: by keyboard, by ear, on a narrow screen.

Scripts press buttons here, too, as scanners do; only the keyboard changes anything.
"""

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from nurture.core.facts import Consented, Declined, Preferred, Unsubscribed
from nurture.store import Store
from nurture.web import create_app, pressing
from tests.browser.chromium import NO_CHROMIUM, PROGRAM
from tests.browser.seeing import looks_right, served
from tests.web.conftest import World, fill, make_needs
from tests.web.test_unsubscribing_preferences import OFFERS

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=NO_CHROMIUM)

QUICK = 0.3
BUTTON = "button[value={}]"


@pytest.fixture
def world(sqlite_database, tmp_path, monkeypatch):
    """Pages behind a token, for readers who are quicker than people, so that tests are."""
    monkeypatch.setattr(pressing, "READS", timedelta(seconds=QUICK))
    with Store(sqlite_database) as store:
        store.write_now(fill)
        needs = make_needs(store, tmp_path, programme=lambda: OFFERS)
        with served(lambda address: create_app(replace(needs, public=address))) as address:
            yield World(replace(needs, public=address), None)


def link(world, rest=""):
    return f"{world.needs.public}/u/{world.sign('u')}{rest}"


def title(tab, words):
    tab.wait_for(f"document.querySelector('h1')?.textContent == {words!r}")


def push(tab, button, becomes):
    """Read for a moment, walk to a button with the keyboard, press it."""
    time.sleep(QUICK)
    tab.walk_to(BUTTON.format(button))
    tab.press("Enter")
    title(tab, becomes)


def test_unsubscribing_and_undo_by_keyboard(tab, world, pictures):
    tab.open(link(world))
    looks_right(tab, pictures, "unsubscribe")
    assert tab.heard() == [
        ("heading", "Stop these e-mails?"),
        ("button", "Stop these e-mails"),
        ("link", "Choose instead what we send, and how often"),
    ]
    tab.walk_to(BUTTON.format("stop"), most=2)  # the first thing there is; a new tab may swallow one key
    assert tab.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    push(tab, "stop", "You are unsubscribed")
    looks_right(tab, pictures, "unsubscribed")
    assert world.facts(1) == [Unsubscribed("all", "page")]
    push(tab, "undo", "Undone")
    (back,) = world.facts(1)[1:]
    assert (type(back), back.basis, back.scope) == (Consented, "consent", "all")


@pytest.mark.parametrize(
    "script",
    [
        "document.forms[0].submit()",
        "document.forms[0].requestSubmit(document.querySelector('button'))",
        "document.querySelector('button').click()",
    ],
)
def test_a_script_that_submits_the_form_changes_nothing(tab, world, pictures, script):
    """As SafeLinks was seen to do; a person's second press counts."""
    tab.open(link(world))
    time.sleep(QUICK)
    tab.run(script)
    tab.wait_for("document.querySelector('[role=alert]')")
    if "click" in script:
        looks_right(tab, pictures, "once-more")
    assert world.facts(1) == []
    time.sleep(pressing.READS_AGAIN.total_seconds())
    push(tab, "stop", "You are unsubscribed")
    assert world.facts(1) == [Unsubscribed("all", "page")]


def test_the_preference_centre(tab, world, pictures):
    tab.open(link(world, "/preferences"))
    looks_right(tab, pictures, "preferences")
    heard = tab.heard()
    for told in [
        ("group", "What we may write about"),
        ("checkbox", "Month end"),
        ("group", "How often"),
        ("radio", "At most once a month"),
        ("Date", "Pause until"),
        ("Date", "Not a subject for us before"),
        ("button", "Save"),
        ("button", "This is not for us"),
        ("button", "Stop all e-mails"),
    ]:
        assert told in heard
    tab.walk_to("[value=cost]")
    tab.press("Space")
    tab.walk_to("[name=gap]")
    tab.press("ArrowDown")
    push(tab, "save", "Saved")
    looks_right(tab, pictures, "saved")
    assert world.facts(1) == [Preferred(("cost",), 7)]
    push(tab, "undo", "Undone")
    assert world.facts(1)[1:] == [Preferred()]


def test_a_day_that_cannot_be_is_said_at_its_field(tab, world, pictures):
    tab.open(link(world, "/preferences"))
    push(tab, "not-now", "Your e-mail from us")
    tab.wait_for("document.querySelector('[role=alert]')")
    looks_right(tab, pictures, "which-day")
    assert tab.run("document.querySelector('#not-now').getAttribute('aria-invalid')") == "true"
    push(tab, "not-for-us", "Thank you for saying so")
    assert world.facts(1) == [Declined(None, "page")]


def test_no_script_speaks_with_us_from_the_page(tab, world):
    tab.open(link(world))
    body = "{method: 'POST', body: new URLSearchParams({'List-Unsubscribe': 'One-Click'})}"
    assert tab.run(f"fetch(location.href, {body}).then(() => 'sent', () => 'refused')") == "refused"
    assert world.facts(1) == []


def test_a_link_that_was_cut(tab, world, pictures):
    tab.open(f"{world.needs.public}/u/nonsense")
    looks_right(tab, pictures, "lost")
    assert ("textbox", "E-mail address") in tab.heard()
    tab.walk_to("#email")
    tab.tell("Input.insertText", text="ada@a.example")
    push(tab, "send", "Look into your mailbox")
    looks_right(tab, pictures, "link-sent")
    assert world.facts(1) == []

"""A link to unsubscribe for somebody whose own is lost: to their address alone, once a day, and it works."""

import re

import pytest

from nurture.core import facts as f
from nurture.delivery.tokens import read
from nurture.engine.relinking import ask_for_link
from nurture.engine.unsubscribing import Unsubscribe, unsubscribe
from nurture.store import Store, confirmations
from nurture.store.tables import TOUCHES, touch_id
from tests.shell.engine_world import DAY, MINUTE, START, World
from tests.shell.test_confirming import ADA, KEY, KEYS, PUBLIC, mails, message, send_form
from tests.shell.test_confirming import unsubscribe as silenced


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def ask(world: World, at: object = START, address: str = ADA) -> bool:
    return world.store.write_now(
        lambda c: ask_for_link(c, address, "192.0.2.0/24", at, key=KEY)  # type: ignore[arg-type]
    )


def written_to(world: World) -> int:
    """Somebody who came by the form and has had a message since; their number."""
    ada = send_form(world)
    touch = {
        "id": touch_id(ada, 1), "prospect": ada, "decision": 1, "piece": "guide", "sequence": "s",
        "stage": "early", "programme": "p1", "chosen_at": START, "opens": START, "closes": START,
        "expires": START, "zone": "UTC", "due_at": START, "state": "ended", "outcome": "sent",
        "ended_at": START,
    }  # fmt: skip
    world.store.write_now(lambda c: c.execute(TOUCHES.insert().values(touch)))
    return ada


def test_who_was_never_written_to_gets_no_link(world: World) -> None:
    """Anybody can type anybody's address into a form, and then into this page, every day."""
    send_form(world)
    assert not ask(world)


def test_the_mail_carries_a_link_that_works(world: World) -> None:
    ada = written_to(world)
    assert ask(world)
    ledger, done = mails(world, START, START + MINUTE)
    assert done == [2, 0]  # the consent of the form is asked about, too
    mail = message(ledger[1])
    assert mail["To"] == ADA and mail["Subject"] == "The link to stop e-mail from Matchlight Ltd"
    assert mail["Message-ID"].startswith("<z1.")
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    (link,) = re.findall(rf"{re.escape(PUBLIC)}/u/(\S+)", text)
    token = read(KEYS, "u", link)
    assert token is not None and token.touch == touch_id(ada, 0)
    assert f'href="{PUBLIC}/u/{link}"' in mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    asked = Unsubscribe(token.touch, "page", START + MINUTE)
    assert world.store.write_now(lambda c: unsubscribe(c, asked, KEY, world.programme.hash, START + MINUTE))
    assert f.Unsubscribed("all", "page") in [fact.body for fact in world.facts(ada)]


def test_once_a_day_and_only_to_people_we_write_to(world: World) -> None:
    written_to(world)
    assert not ask(world, address="nobody@mill.example")
    assert [ask(world), ask(world, START + DAY - MINUTE), ask(world, START + DAY)] == [True, False, True]


def test_who_gets_no_mail_gets_no_link(world: World) -> None:
    ada = written_to(world)
    silenced(world, ada, START)
    assert not ask(world)


def test_who_unsubscribes_before_the_mail_leaves_gets_none(world: World) -> None:
    ada = written_to(world)
    ask(world)
    silenced(world, ada, START)
    ledger, _ = mails(world, START + MINUTE)
    assert ledger == []


def test_it_is_no_consent_that_somebody_left_unanswered(world: World) -> None:
    """Three mails about a consent are enough; these do not count among them."""
    ada = world.enter("ada")
    world.wake_all(START)
    world.sent(ada, START)
    for days in range(4):
        assert ask(world, START + days * DAY, "ada@ada.example")
    assert len(mails(world, START + 4 * DAY)[0]) == 4
    assert world.store.read(confirmations.count) == confirmations.Count()
    assert world.store.read(lambda c: confirmations.asked_before(c, ada)) == (0, None)

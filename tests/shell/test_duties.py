"""The recurring work: each duty does what is due and no more, and says when it will be due again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from nurture import clock
from nurture.core import facts as f
from nurture.delivery.tokens import Keys
from nurture.delivery.transports.smtp import Account, SmtpTransport
from nurture.engine import Engine, next_moment, run_all
from nurture.engine.outgoing import deliver_due, tend_outbox
from nurture.engine.shelf import Shelf
from nurture.simulation.inbox import Inbox
from nurture.store import Store
from nurture.store.journal import Journal
from nurture.store.tables import PROSPECTS, TOUCHES
from tests.shell.engine_world import DAY, HOUR, MINUTE, START, World, edited, shipped

T = TypeVar("T")


class Running:
    """An engine over a world, with a receiver."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder, self.said = world, folder, list[str]()
        self.inbox = Inbox()

    def do(self, work: Callable[[Engine], Awaitable[T]], now: datetime, shelf: Shelf | None = None) -> T:
        """Work with a fresh engine at an instant."""

        async def go() -> T:
            async with self.inbox as inbox:
                transport = SmtpTransport(Account("127.0.0.1", inbox.port, security="none"))
                engine = Engine(
                    store=self.world.store, shelf=shelf or self.world.shelf, transport=transport,
                    journal=Journal(self.folder / "journal"), keys=Keys("k1", {"k1": b"k" * 32}),
                    suppression_key=b"s" * 32, public="http://127.0.0.1:1", tracked=True, owner="test",
                    log=self.said.append,
                )  # fmt: skip
                try:
                    return await work(engine)
                finally:
                    await transport.close()

        with clock.virtual(now):
            return asyncio.run(go())

    def run(self, now: datetime) -> int:
        """All that is due."""
        return self.do(lambda engine: run_all(engine, now), now)

    def next(self) -> datetime | None:
        return self.world.store.read(next_moment)


@pytest.fixture
def running(store: Store, tmp_path: Path) -> Running:
    return Running(World(store), tmp_path)


def test_from_entered_to_sent_to_the_next_look(running: Running) -> None:
    world = running.world
    ada = world.enter("ada")
    assert running.next() == START
    assert running.run(START) > 0
    assert [received.recipient for received in running.inbox.ledger] == ["ada@ada.example"]
    assert world.told(ada) == ["Entered", "Learned", "Enrolled", "Chosen", "TouchEnded"]
    assert running.next() == world.row(ada).wake_at > START + 2 * DAY
    assert running.run(START + HOUR) == 0
    assert running.said == []


def test_a_letter_names_its_list_and_how_to_leave_it(running: Running) -> None:
    running.world.enter("ada")
    running.run(START)
    (received,) = running.inbox.ledger
    message = message_from_bytes(received.raw, policy=policy.default)
    assert message["From"] == "Nora Haddow <nora@mail.matchlight.example>"
    assert message["Reply-To"] == "nora@matchlight.example"
    assert message["List-Unsubscribe"].startswith("<http://127.0.0.1:1/u/")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "new-leads.mail.matchlight.example" in message["List-ID"]
    html = message.get_body(("html",)).get_content()
    assert "http://127.0.0.1:1/c/" in html
    assert "https://www.matchlight.example/guides" not in html


def test_apply_wakes_everybody_though_nobody_is_due(running: Running) -> None:
    world = running.world
    people = [world.enter(f"p{i}", f.PageViewed("/pricing"), f.PageViewed("/vs/x")) for i in range(3)]
    running.run(START)
    soon = START + HOUR
    assert running.next() > soon
    world.apply(edited("agreement.yaml", "promote: {A: 40", "promote: {A: 20"), soon)
    assert running.next() < soon
    running.run(soon)
    assert {world.row(id).lifecycle for id in people} == {"promoted"}
    assert len(running.inbox.ledger) == 3, "sales is told of each"
    assert running.next() > soon


def test_a_message_chosen_under_a_programme_we_have_not_seen_is_sent(running: Running) -> None:
    """Another process applied it and woke people between our look and our claim."""
    world = running.world
    world.enter("ada")
    world.wake(START)
    other = Shelf(START.date)
    other.all_live = lambda connection: None  # type: ignore[method-assign]  # we looked before that
    assert running.do(lambda engine: deliver_due(engine, START), START, other) == 1
    outcomes = select(TOUCHES.c.outcome)
    assert world.read(lambda c: c.scalars(outcomes).all()) == ["sent"]
    assert len(running.inbox.ledger) == 1


def test_what_another_version_has_folded_is_folded_again_before_it_is_sent(running: Running) -> None:
    """After an upgrade: the message waits, its prospect is woken at once, and nothing fails or is lost."""
    world = running.world
    file = "templates/early/exception-arithmetic.md"
    subject = next(line for line in shipped().files[file].splitlines() if line.startswith("subject:"))
    world.apply(edited(file, subject, "subject: For {{ prospect.industry | default('companies') }}"), START)
    ada = world.enter("ada")
    world.wake_all(START)
    (touch,) = world.touches(ada)
    world.change(PROSPECTS, PROSPECTS.c.id == ada, snapshot=b"\x91\x01", mark="1:0", wake_at=START + DAY)
    running.do(lambda engine: deliver_due(engine, START), START)
    (waiting,) = world.touches(ada)
    assert (waiting.state, waiting.attempts, waiting.words) == (
        "deferred", 0, "what is known of this prospect is folded again first",
    )  # fmt: skip
    assert world.row(ada).wake_at == START
    running.run(START)
    running.run(START + MINUTE)
    assert [(one.id, one.outcome) for one in world.touches(ada)] == [(touch.id, "sent")]
    message = message_from_bytes(running.inbox.ledger[0].raw, policy=policy.default)
    assert message["Subject"] == "For manufacturing"


def test_what_another_version_has_folded_gets_its_next_opening_too(running: Running) -> None:
    world = running.world
    now = START + 16 * HOUR  # ten o'clock in Tokyo
    ada = world.enter("ada", zone="Asia/Tokyo", at=now)
    world.wake_all(now)
    (touch,) = world.touches(ada)
    world.change(PROSPECTS, PROSPECTS.c.id == ada, snapshot=b"\x01", mark="1:0", wake_at=now + 9 * DAY)
    late_at = touch.closes + MINUTE
    running.do(lambda engine: tend_outbox(engine, late_at), late_at)
    (late,) = world.touches(ada)
    assert late.opens.astimezone(ZoneInfo("Asia/Tokyo")).hour == 8
    assert late.opens > late_at


def test_a_letter_is_that_of_the_programme_it_was_chosen_under(running: Running) -> None:
    world = running.world
    world.enter("ada")
    world.wake(START)
    file = "templates/early/exception-arithmetic.md"
    subject = next(line for line in shipped().files[file].splitlines() if line.startswith("subject:"))
    world.apply(edited(file, subject, "subject: Something else"), START)
    running.run(START)
    message = message_from_bytes(running.inbox.ledger[0].raw, policy=policy.default)
    assert message["Subject"] == subject.removeprefix("subject: ")


def test_once_stopping_nothing_is_begun(running: Running) -> None:
    world = running.world
    for i in range(5):
        world.enter(f"p{i}")
    world.wake(START)

    async def stopped(engine: Engine) -> int:
        engine.stopping.set()
        return await deliver_due(engine, START)

    running.do(stopped, START)
    assert running.inbox.ledger == []
    assert {(touch.state, touch.attempts) for touch in world.rows(TOUCHES)} == {("queued", 0)}
    assert running.run(START) > 0
    assert len(running.inbox.ledger) == 5


def test_an_internal_error_is_logged_and_work_goes_on(running: Running) -> None:
    world = running.world
    bad = world.enter("bad")
    world.wake(START)
    world.change(PROSPECTS, PROSPECTS.c.id == bad, snapshot=b"x", wake_at=START)
    world.enter("good")
    running.run(START)
    assert set(running.said) == {f"prospect {bad}: Unreadable: snapshot: Expected `array`, got `int`"}
    assert "good@good.example" in {received.recipient for received in running.inbox.ledger}
    assert world.read(lambda c: c.scalar(select(func.count()).where(PROSPECTS.c.errors > 0))) == 1

"""A message in doubt: what settles it, when, and what is never done."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from nurture import clock
from nurture.core import facts as f
from nurture.delivery.tokens import Keys, sign
from nurture.delivery.transports.smtp import Account, SmtpTransport, Timeouts
from nurture.engine import Engine, next_moment, run_all
from nurture.engine.doubting import ASSUMED, FOLLOWED, evidence, resolve_by_hand
from nurture.engine.incoming import resolve_doubts
from nurture.engine.unsubscribing import Unsubscribe, unsubscribe
from nurture.engine.verifying import verify
from nurture.errors import Mistake
from nurture.simulation.inbox import Fault, Inbox
from nurture.store import Store, suppress
from nurture.store.hits import Seen, keep_hit, message_of
from nurture.store.journal import Journal
from nurture.store.tables import PROSPECTS, TOUCHES
from tests.shell.engine_world import DAY, HOUR, MINUTE, START, World

KEY = b"s" * 32
KEYS = Keys("k1", {"k1": b"k" * 32})
QUICK = Timeouts(connect=2, command=2, data=2, answer=0.3, quit=0.2)
LOST = Fault("", "hang", accepts=True)
"""The server takes the message, and its answer never comes."""


class Doubting:
    """A world with a receiver whose first answer is lost, and one prospect who was written to."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.world, self.folder = World(store), folder
        self.inbox = Inbox(faults=lambda verb, k: LOST if verb == "dot" and k <= self.lost else None)
        self.lost = 1
        self.policy: Any = "assume_sent"
        self.ada = self.world.enter("ada")
        self.at(START, run_all)
        (self.touch,) = self.world.touches(self.ada)

    def at(self, now: Any, work: Callable[[Engine, Any], Awaitable[Any]] = run_all) -> Any:
        async def go() -> Any:
            async with self.inbox as inbox:
                account = Account("127.0.0.1", inbox.port, security="none", timeouts=QUICK)
                engine = Engine(
                    store=self.world.store, shelf=self.world.shelf, transport=SmtpTransport(account),
                    journal=Journal(self.folder / "journal"), keys=KEYS, suppression_key=KEY,
                    public="http://127.0.0.1:1", tracked=True, owner="test", log=print, in_doubt=self.policy,
                )  # fmt: skip
                try:
                    return await work(engine, now)
                finally:
                    await engine.transport.close()

        with clock.virtual(now):
            return asyncio.run(go())

    @property
    def row(self) -> Any:
        return next(row for row in self.world.touches(self.ada) if row.id == self.touch.id)

    def ends(self) -> list[tuple[str, str]]:
        """What was recorded of the first touch, in order."""
        bodies = [fact.body for fact in self.world.facts(self.ada)]
        return [
            (body.outcome if isinstance(body, f.TouchEnded) else "resent", body.words)
            for body in bodies
            if isinstance(body, f.TouchEnded | f.Resent) and body.touch == self.touch.decision
        ]

    def write(self, work: Callable[[Any], Any]) -> Any:
        return self.world.store.write_now(work)

    def clicked(self, at: Any, agent: str = "python-requests/2") -> None:
        seen = Seen("click", "https://x.example/", at, 1, agent=agent)
        assert self.write(lambda c: keep_hit(c, self.touch.id, seen))

    def differences(self) -> tuple[str, ...]:
        return self.world.read(lambda c: verify(c, self.world.shelf)).differences  # type: ignore[no-any-return]


@pytest.fixture
def doubting(store: Store, tmp_path: Path) -> Doubting:
    made = Doubting(store, tmp_path)
    assert made.row.outcome == "in_doubt"
    assert len(made.inbox.ledger) == 1
    return made


def test_after_a_day_without_proof_it_is_assumed_to_be_sent(doubting: Doubting) -> None:
    assert doubting.world.read(next_moment) <= START + DAY
    doubting.at(START + DAY - MINUTE)
    assert doubting.row.outcome == "in_doubt"
    doubting.at(START + DAY)
    assert doubting.row.outcome == "sent"
    assert doubting.ends()[1:] == [("sent", ASSUMED)]
    assert doubting.row.ended_at == doubting.row.fenced_at, "that is when it left, if it did"
    assert len(doubting.inbox.ledger) == 1
    assert doubting.differences() == ()


@pytest.mark.parametrize("held", [False, True])
def test_a_request_for_one_of_its_links_proves_that_it_arrived(doubting: Doubting, held: bool) -> None:
    """Also by a machine, and also where a person is waited for."""
    if held:
        doubting.policy = "hold"
        doubting.at(START + DAY)
        assert doubting.row.held_at == START + DAY
    then = START + DAY + HOUR if held else START + HOUR
    doubting.clicked(then)
    assert doubting.world.read(next_moment) <= then
    doubting.at(then)
    assert doubting.row.outcome == "sent"
    assert doubting.ends()[1:] == [("sent", FOLLOWED)]
    accepted = doubting.world.read(lambda c: message_of(c, doubting.touch.id)).accepted_at
    assert accepted == doubting.row.fenced_at, "the proof must not look as if it came before the message"
    assert doubting.differences() == ()


def test_a_hit_that_came_before_the_doubt_was_known_counts(store: Store, tmp_path: Path) -> None:
    made = Doubting(store, tmp_path)
    made.write(lambda c: c.execute(TOUCHES.update().values(ended_at=START + 10 * MINUTE)))
    made.clicked(START + MINUTE)
    made.at(START + 10 * MINUTE)
    assert made.row.outcome == "sent"


def test_an_unsubscribe_by_its_token_is_proof(doubting: Doubting) -> None:
    now = START + HOUR
    asked = Unsubscribe(doubting.touch.id, "one_click", now)
    assert doubting.write(lambda c: unsubscribe(c, asked, KEY, doubting.world.programme.hash, now))
    assert doubting.row.outcome == "sent"
    assert "unsubscribe" in doubting.ends()[-1][1]
    doubting.at(now)
    assert doubting.differences() == ()


def test_other_intakes_tell_of_proof_too(doubting: Doubting) -> None:
    """A bounce that names it, as the intake of mail will."""
    now, words = START + HOUR, "in doubt, and it bounced: 5.1.1"
    tell = lambda: doubting.write(  # noqa: E731
        lambda c: evidence(c, doubting.touch.id, words, now, key=KEY, outcome="failed")
    )
    assert tell()
    assert doubting.ends()[-1] == ("failed", words)
    assert not tell(), "it is settled, whoever tells it again"
    doubting.at(now)
    assert doubting.differences() == ()


def test_resend_sends_the_same_message_once_more_and_no_third_time(doubting: Doubting) -> None:
    doubting.policy, doubting.lost = "resend", 2
    doubting.at(START + DAY)
    first, second = (message_from_bytes(each.raw)["Message-ID"] for each in doubting.inbox.ledger)
    assert first == second
    assert doubting.row.outcome == "in_doubt"
    assert doubting.row.resent_at == START + DAY
    assert [end for end, _ in doubting.ends()] == ["in_doubt", "resent", "in_doubt"]
    doubting.at(START + 2 * DAY + HOUR)
    assert doubting.row.held_at is not None, "a second doubt is for a person"
    assert doubting.world.read(next_moment) is None or doubting.world.read(next_moment) > START + 2 * DAY
    assert [each.message_id for each in doubting.inbox.ledger].count(first) == 2
    assert doubting.differences() == ()


def test_a_message_sent_again_is_alone_on_its_way(doubting: Doubting) -> None:
    """While it waits, the wake chooses nothing else; then it ends like any other."""
    doubting.policy = "resend"
    night = START.replace(hour=23) + DAY  # past a day, and outside the hours of the calendar
    doubting.at(night)
    assert (doubting.row.state, doubting.row.outcome) == ("queued", None)
    assert doubting.row.opens > night, "it has the next opening"
    assert doubting.world.journey(doubting.ada).live.number == doubting.touch.decision
    assert doubting.differences() == ()
    doubting.at(doubting.row.opens)
    assert doubting.row.outcome == "sent"
    assert [end for end, _ in doubting.ends()] == ["in_doubt", "resent", "sent"]
    assert doubting.differences() == ()


def expired(made: Doubting) -> None:
    made.write(lambda c: c.execute(TOUCHES.update().values(expires=START + DAY)))


def suppressed(made: Doubting) -> None:
    made.write(lambda c: suppress(c, KEY, "ada@ada.example", "manual", START))


def promoted(made: Doubting) -> None:
    made.write(lambda c: c.execute(PROSPECTS.update().values(lifecycle="promoted")))


def another(made: Doubting) -> None:
    row = {
        **made.row._mapping,
        "id": made.touch.id + 1,
        "decision": made.touch.decision + 1,
        "piece": "other",
    }
    live = {"state": "queued", "outcome": None, "ended_at": None, "opens": START + 9 * DAY}
    made.write(lambda c: c.execute(TOUCHES.insert().values(**{**row, **live, "due_at": START + 9 * DAY})))


@pytest.mark.parametrize(
    ("happened", "because"),
    [(expired, "it has expired"), (suppressed, "not mailed any more: manual"), (promoted, "is promoted"),
     (another, "another message")],
)  # fmt: skip
def test_resend_does_not_where_something_is_in_the_way(
    doubting: Doubting, happened: Callable[[Doubting], None], because: str
) -> None:
    happened(doubting)
    doubting.policy = "resend"
    assert doubting.at(START + DAY, resolve_doubts) == 1
    assert doubting.row.outcome == "sent"
    assert because in doubting.ends()[-1][1]
    assert len(doubting.inbox.ledger) == 1


def test_hold_waits_for_a_person(doubting: Doubting) -> None:
    doubting.policy = "hold"
    doubting.at(START + DAY)
    doubting.at(START + 3 * DAY)
    assert doubting.row.outcome == "in_doubt"
    moment = doubting.world.read(next_moment)
    assert moment is None or moment > START + 3 * DAY, "nobody comes back to it over and over"
    by_hand(doubting, "failed", START + 3 * DAY)
    assert doubting.ends()[-1] == ("failed", "tom says so")
    doubting.at(START + 3 * DAY)
    assert doubting.differences() == ()


def by_hand(made: Doubting, what: str, now: Any) -> None:
    hash = made.world.programme.hash
    made.write(lambda c: resolve_by_hand(c, made.touch.id, what, "tom says so", now, programme=hash, key=KEY))


def test_a_person_can_send_it_again_once(doubting: Doubting) -> None:
    doubting.lost = 2
    by_hand(doubting, "resend", START + HOUR)
    doubting.at(START + HOUR)
    assert doubting.row.outcome == "in_doubt"
    with pytest.raises(Mistake, match="sent again once already"):
        by_hand(doubting, "resend", START + 2 * HOUR)
    by_hand(doubting, "sent", START + 2 * HOUR)
    with pytest.raises(Mistake, match="is not in doubt"):
        by_hand(doubting, "sent", START + 2 * HOUR)
    doubting.at(START + 2 * HOUR)
    assert doubting.differences() == ()


def test_a_token_opens_what_the_touch_is_called(doubting: Doubting) -> None:
    """The number that commands take is the one that links and Message-IDs are made of."""
    raw = doubting.inbox.ledger[0].raw.decode()
    assert sign(KEYS, "u", doubting.touch.id) in raw.replace("=\r\n", "")
    assert timedelta(0) <= doubting.row.ended_at - START

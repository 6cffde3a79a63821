"""Promise P6: a word of the person that is committed before the fence is never followed by a message.

The real sender empties an outbox into a real SMTP server while the public pages take what people press, each
at about the moment at which their own message stands at the fence. Triggers in the database write down in
which order words and fences were committed; nothing measures time.
"""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import Connection

from nurture import clock
from nurture.delivery.sending import deliver
from nurture.delivery.tokens import sign
from nurture.delivery.transports import Account, SmtpTransport
from nurture.simulation.inbox import Inbox
from nurture.store import Store
from nurture.web import create_app
from tests.shell.outbox_world import NOW, compose, queue, states
from tests.web.conftest import FIREFOX, make_needs
from tests.web.test_unsubscribing_preferences import OFFERS

WORDS = "('Unsubscribed', 'Declined', 'Preferred')"
SUPPRESSION_KEY = b"s" * 32

SQLITE = (
    "CREATE TABLE said (n INTEGER PRIMARY KEY AUTOINCREMENT, prospect INTEGER, what TEXT)",
    "CREATE TRIGGER fenced AFTER UPDATE OF state ON touches WHEN NEW.state = 'fenced' "
    "BEGIN INSERT INTO said (prospect, what) VALUES (NEW.prospect, 'fence'); END",
    f"CREATE TRIGGER told AFTER INSERT ON facts WHEN NEW.kind IN {WORDS} "
    "BEGIN INSERT INTO said (prospect, what) VALUES (NEW.prospect, 'word'); END",
)
POSTGRES = (
    "CREATE TABLE said (n bigserial PRIMARY KEY, prospect bigint, what text)",
    "CREATE FUNCTION fenced() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "INSERT INTO said (prospect, what) VALUES (NEW.prospect, 'fence'); RETURN NEW; END $$",
    "CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "INSERT INTO said (prospect, what) VALUES (NEW.prospect, 'word'); RETURN NEW; END $$",
    "CREATE TRIGGER fenced AFTER UPDATE OF state ON touches FOR EACH ROW WHEN (NEW.state = 'fenced') "
    "EXECUTE FUNCTION fenced()",
    f"CREATE TRIGGER told AFTER INSERT ON facts FOR EACH ROW WHEN (NEW.kind IN {WORDS}) "
    "EXECUTE FUNCTION told()",
)
"""Both are written under the lock of the prospect's row, so for one person n is the order of commits."""

SHOWN = str(int(NOW.timestamp() * 1000) - 5000)
PRESSES: list[tuple[str, dict[str, str]]] = [
    ("", {"List-Unsubscribe": "One-Click"}),
    ("", {"shown": SHOWN, "do": "stop"}),
    ("/preferences", {"shown": SHOWN, "do": "stop-series", "series": "s"}),
    ("/preferences", {"shown": SHOWN, "do": "not-for-us"}),
    ("/preferences", {"shown": SHOWN, "do": "save", "gap": "0", "pause": "2026-04-03"}),
]


@dataclass
class Race:
    """People press while the server hears of messages, each around their own."""

    client: AsyncClient
    tokens: list[str]
    pressed: set[int] = field(default_factory=set)
    presses: list["asyncio.Task[None]"] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(5))

    def at(self, verb: str, k: int) -> None:
        """The server hears a verb of message k: somebody near it in the queue presses something."""
        if verb == "RCPT":
            self.press(k + self.chance.randint(-3, 12))
            self.press(k - 25)

    def press(self, place: int) -> None:
        """Once for each person."""
        if 0 <= place < len(self.tokens) and place not in self.pressed:
            self.pressed.add(place)
            self.presses.append(asyncio.create_task(self._press(place)))

    async def _press(self, place: int) -> None:
        path, body = PRESSES[place % len(PRESSES)]
        answer = await self.client.post(f"/u/{self.tokens[place]}{path}", data=body)
        assert answer.status_code == 200


def _races(store: Store, folder: Any, count: int, statements: tuple[str, ...]) -> tuple[int, int]:
    """So many races; how many the fence and the word won."""
    touches = queue(store, count, sequence="s", piece="guide")
    store.write_now(lambda c: [c.exec_driver_sql(each) for each in statements] and None)
    needs = make_needs(store, folder, programme=lambda: OFFERS)
    tokens = [sign(needs.keys, "u", touch) for touch in touches]

    async def run() -> Inbox:
        transport = ASGITransport(create_app(needs))
        headers = {"user-agent": FIREFOX}
        async with AsyncClient(transport=transport, base_url="https://t.example", headers=headers) as client:
            race = Race(client, tokens)
            async with Inbox(faults=race.at) as inbox:
                sender = SmtpTransport(Account("127.0.0.1", inbox.port, "none", connections=4))
                for _ in range(2):  # once more for whoever was put back
                    await deliver(
                        store, sender, compose, owner="me", key=SUPPRESSION_KEY, now=lambda: NOW, limit=50
                    )
                    for place in range(count):
                        race.press(place)
                    await asyncio.gather(*race.presses)
                await sender.close()
                return inbox

    with clock.virtual(NOW):
        inbox = asyncio.run(run())
    assert not needs.journal.waiting
    order = store.read(_order)
    assert len(order) == count
    late = [prospect for prospect, said in order.items() if said[:2] == ["word", "fence"]]
    assert late == []
    fenced = {f"p{number}@d.example" for number, touch in enumerate(touches) if "fence" in order[touch >> 20]}
    assert {each.recipient for each in inbox.ledger} == fenced
    assert inbox.duplicates() == 0
    ends = states(store)
    assert {ends[touch][1] for touch in touches} <= {"sent", "suppressed", "cancelled"}
    return len(fenced), count - len(fenced)


def _order(connection: Connection) -> dict[int, list[str]]:
    """What was committed for each person, in order."""
    order: dict[int, list[str]] = {}
    for prospect, what in connection.exec_driver_sql("SELECT prospect, what FROM said ORDER BY n"):
        order.setdefault(prospect, []).append(what)
    return order


def test_a_thousand_races_with_the_sender(sqlite_database: str, tmp_path: Any) -> None:
    with Store(sqlite_database) as store:
        sent, stopped = _races(store, tmp_path, 1_000, SQLITE)
    assert sent + stopped == 1_000
    assert min(sent, stopped) >= 100  # they were races


@pytest.mark.postgres
def test_a_hundred_races_on_postgres(postgres_database: str, tmp_path: Any) -> None:
    with Store(postgres_database) as store:
        sent, stopped = _races(store, tmp_path, 100, POSTGRES)
    assert sent + stopped == 100
    assert min(sent, stopped) >= 5

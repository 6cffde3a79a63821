"""The public app over a real store, with two prospects who have each been sent one message."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from starlette.testclient import TestClient

from nurture import clock
from nurture.core.evidence import Evidence, Known
from nurture.core.facts import Entered
from nurture.core.journey import Journey
from nurture.core.programme import Attribute, Form, Programme, Sender, Site
from nurture.delivery.tokens import Keys, sign
from nurture.drafting.codec import encode_journey
from nurture.store.facts import histories, note
from nurture.store.journal import Journal
from nurture.store.tables import HITS, PROSPECTS, SUPPRESSIONS, TOUCHES, touch_id
from nurture.web import Needs, create_app

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SENT = NOON - timedelta(hours=3)
LINKS = (
    "https://www.matchlight.example/guides/stuck-invoices?from=mail#top",
    "https://www.matchlight.example/pricing",
    "https://elsewhere.example/report",
)

PROGRAMME = Programme(
    hash="p1",
    sender=Sender("Nora", "nora@mail.matchlight.example", "Matchlight Ltd", "14 Weavers Yard, Sheffield"),
    site=Site("https://www.matchlight.example", ("www.matchlight.example",)),
    sales=("sales@matchlight.example",),
    attributes={
        "first_name": Attribute("first_name", "text", personal=True),
        "role": Attribute("role", "choice", values=("controller", "other")),
        "employees": Attribute("employees", "number"),
    },
    forms={
        "demo": Form(
            "demo",
            "demo-form",
            "intent",
            {"first_name": "first_name", "role": "role", "employees": "employees"},
            consent="Write to me about invoice matching. I can stop this at any time.",
        ),
        "guide": Form("guide", "guide", "content", {"role": "role"}),
    },
    signals=(), stages=None, topics=None, pace=None, calendar=None, zone="Europe/London",
    pieces={}, sequences=(), agreement=None,
)  # fmt: skip


@dataclass
class World:
    """What a test acts with and looks at."""

    needs: Needs
    client: TestClient

    def sign(self, purpose, prospect=1, link=0):
        return sign(self.needs.keys, purpose, touch_id(prospect, 1), link)

    def rows(self, table):
        return self.needs.store.read(lambda c: c.execute(select(table).order_by(*table.primary_key)).all())

    def hits(self):
        return self.rows(HITS)

    def suppressions(self):
        return self.rows(SUPPRESSIONS)

    def facts(self, prospect):
        """What was noted since the world was filled."""
        found = self.needs.store.read(lambda c: histories(c, [prospect]))
        return [fact.body for fact in found[prospect] if fact.known > SENT]

    def kinds(self, prospect):
        return [type(body).__name__ for body in self.facts(prospect)]

    def person(self, address):
        return self.needs.store.read(
            lambda c: c.execute(select(PROSPECTS).where(PROSPECTS.c.address == address)).one_or_none()
        )

    def again(self, **changes):
        """The same world under other settings."""
        needs = replace(self.needs, **changes)
        return World(needs, browser(needs))


def browser(needs):
    return TestClient(
        create_app(needs),
        headers={"user-agent": FIREFOX},
        follow_redirects=False,
        raise_server_exceptions=False,
        client=("192.0.2.77", 4711),
    )


def living_in(country):
    """A snapshot that knows where somebody is: what may be kept of them depends on it."""
    known = {"country": Known(country, SENT, 1)}
    return encode_journey(Journey(1, evidence=Evidence(attributes=known)))


def fill(connection):
    """Ada (1) and Bo (2), who have each got a message, Cy (3), whose message is in the queue."""
    for id, address in enumerate(["ada@a.example", "bo@b.example", "cy@c.example"], 1):
        connection.execute(
            insert(PROSPECTS).values(
                id=id, address=address, entered_at=SENT, wake_reason="waits", snapshot=living_in("US")
            )
        )
        waiting = {"state": "queued"} if id == 3 else {"state": "ended", "outcome": "sent", "ended_at": SENT}
        connection.execute(
            insert(TOUCHES).values(
                id=touch_id(id, 1), prospect=id, decision=1, piece="guide", sequence="s", stage="early",
                programme="p1", chosen_at=SENT, opens=SENT, closes=SENT, expires=SENT, zone="UTC",
                due_at=SENT, **waiting,
            )
        )  # fmt: skip
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER SEQUENCE prospects_id_seq RESTART WITH 4")
    entered = {id: [(Entered("list", "content", basis="consent"), SENT)] for id in (1, 2, 3)}
    note(connection, entered, known=SENT, programme="p1")


def make_needs(store, folder: Path, **changes):
    return Needs(
        **{
            "store": store,
            "journal": Journal(folder / "journal"),
            "keys": Keys("k1", {"k1": b"t" * 32}),
            "suppression_key": b"s" * 32,
            "programme": lambda: PROGRAMME,
            "destination": lambda connection, programme, piece, link: (
                LINKS[link - 1] if 1 <= link <= len(LINKS) else None
            ),
            "links_in": lambda programme, piece: len(LINKS),
            "public": "https://t.matchlight.example",
        }
        | changes
    )


@pytest.fixture
def noon():
    """Business time stands at noon until the test moves it."""
    with clock.virtual(NOON):
        yield NOON


@pytest.fixture
def world(store, tmp_path, noon):
    store.write_now(fill)
    needs = make_needs(store, tmp_path)
    return World(needs, browser(needs))

"""A small world for tests of delivery: prospects with touches in the outbox, letters, a way to look in."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from nurture.core.facts import Body
from nurture.delivery.mime import Letter, Mailbox, build
from nurture.delivery.tokens import Keys, message_id, sign
from nurture.delivery.transports.seam import Mail
from nurture.store import Store, history, suppress
from nurture.store.tables import PROSPECTS, TOUCHES, touch_id
from nurture.store.touches import Claim

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = bytes(32)
KEYS = Keys("k1", {"k1": bytes(range(32))})


def queue(store: Store, count: int = 1, **changes: Any) -> list[int]:
    """So many prospects with one touch each, open from an hour ago for eight hours; the touches' ids."""

    def work(connection: Connection) -> list[int]:
        before = connection.scalars(select(PROSPECTS.c.id)).all()
        connection.execute(insert(PROSPECTS), [_prospect(len(before) + n) for n in range(count)])
        people = connection.scalars(
            select(PROSPECTS.c.id).where(PROSPECTS.c.id.not_in(before)).order_by(PROSPECTS.c.id)
        ).all()
        connection.execute(insert(TOUCHES), [{**_touch(person), **changes} for person in people])
        return [touch_id(person, 1) for person in people]

    return store.write_now(work)


def _prospect(number: int) -> dict[str, Any]:
    return {
        "address": f"p{number}@d.example",
        "entered_at": NOW,
        "wake_reason": "test",
        "personal": {"name": "Tom"},
    }


def _touch(person: int) -> dict[str, Any]:
    return {
        "id": touch_id(person, 1), "prospect": person, "decision": 1, "piece": "early/cost",
        "sequence": "evaluate", "stage": "early", "programme": "p1", "chosen_at": NOW - HOUR,
        "opens": NOW - HOUR, "closes": NOW + 8 * HOUR,
        "expires": NOW + 72 * HOUR, "zone": "Europe/London", "due_at": NOW - HOUR,
    }  # fmt: skip


def change(store: Store, touch: int, **values: Any) -> None:
    """Change a touch's row, as another part of the program would."""
    store.write_now(
        lambda c: c.execute(update(TOUCHES).where(TOUCHES.c.id == touch).values(**values)) and None
    )


def silence(store: Store, touch: int, reason: str = "unsubscribed") -> None:
    """The prospect of a touch says no."""
    address = row_address(store, touch)
    store.write_now(lambda c: suppress(c, KEY, address, reason, NOW))


def row_address(store: Store, touch: int) -> str:
    query = select(PROSPECTS.c.address).join(TOUCHES, TOUCHES.c.prospect == PROSPECTS.c.id)
    return str(store.read(lambda c: c.scalar(query.where(TOUCHES.c.id == touch))))


def row(store: Store, touch: int) -> Any:
    """A touch as it stands."""
    return store.read(lambda c: c.execute(select(TOUCHES).where(TOUCHES.c.id == touch)).one())


def states(store: Store) -> Mapping[int, tuple[str, str | None]]:
    """State and outcome of every touch."""
    query = select(TOUCHES.c.id, TOUCHES.c.state, TOUCHES.c.outcome)
    return {id: (state, outcome) for id, state, outcome in store.read(lambda c: c.execute(query).all())}


def facts(store: Store, touch: int) -> list[Body]:
    """What is recorded about the prospect of a touch."""
    return [fact.body for fact in store.read(lambda c: history(c, touch >> 20))]


def compose(claim: Claim) -> Mail:
    """A short message."""
    id = message_id(KEYS, claim.touch, "example.com")
    letter = Letter(
        message_id=id,
        nurture_id=sign(KEYS, "r", claim.touch),
        date=NOW,
        sender=Mailbox("ada@example.com", "Ada Ray"),
        to=Mailbox(claim.address, claim.personal["name"]),
        subject="What bad data costs",
        text="Hello",
        html="<p>Hello</p>",
        unsubscribe_url="https://t.example.com/u/x",
    )
    return Mail(id.strip("<>"), "ada@example.com", claim.address, build(letter))

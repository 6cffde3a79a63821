"""Messages as people ask for them: how many in which state, a list, one with all that is known of it.

For commands, which may read a whole table; nothing here is asked by what sends.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, case, func, select

from nurture.core.facts import Bounced, Chosen, Resent, TouchEnded
from nurture.store.facts import history
from nurture.store.tables import HITS, OUTCOMES, PROSPECTS, TOUCHES

STATES: Mapping[str, tuple[str, ...]] = {
    "waiting": ("queued", "deferred"),
    "on_its_way": ("claimed", "fenced"),
    **{outcome: (outcome,) for outcome in OUTCOMES},
    "held": ("held",),
}
"""What people ask for -> what a message is: its state, and once it has ended, how. `held` are those in doubt
that a person must settle."""


class Event(NamedTuple):
    """A step in the life of a message, in the order it was recorded."""

    at: Any
    what: str
    words: str = ""


def counts(connection: Connection) -> dict[str, int]:
    """How many messages there are in each of STATES, those without any left out."""
    found: dict[str, int] = dict(
        tuple(row) for row in connection.execute(select(_STATE, func.count()).group_by(_STATE))
    )
    summed = {name: sum(found.get(each, 0) for each in states) for name, states in STATES.items()}
    return {name: count for name, count in summed.items() if count}


def list_messages(connection: Connection, *, state: str | None, limit: int) -> Sequence[Row[Any]]:
    """Up to `limit` messages: waiting ones by when they are due, then the others, the newest first."""
    query = _WITH_STATE.order_by(TOUCHES.c.ended_at.desc().nulls_first(), TOUCHES.c.due_at, TOUCHES.c.id)
    if state is not None:
        query = query.where(_STATE.in_(STATES[state]))
    return connection.execute(query.limit(limit)).all()


def message(connection: Connection, touch: int) -> Row[Any] | None:
    """One message with everything in its row, its prospect's address, and how many hits it has."""
    ours = (HITS.c.prospect == TOUCHES.c.prospect, HITS.c.touch == TOUCHES.c.id)
    hits = select(func.count()).where(*ours).scalar_subquery()
    found = _WITH_STATE.add_columns(hits.label("hits")).where(TOUCHES.c.id == touch)
    return connection.execute(found).one_or_none()


def life(connection: Connection, prospect: int, decision: int) -> list[Event]:
    """What was recorded of one message."""
    events: list[Event] = []
    for fact in history(connection, prospect):
        match fact.body:
            case Chosen(number=number) if number == decision:
                events.append(Event(fact.at, "chosen"))
            case TouchEnded(touch=touch, outcome=outcome, words=words) if touch == decision:
                events.append(Event(fact.at, outcome.replace("_", " "), words))
            case Resent(touch=touch, words=words) if touch == decision:
                events.append(Event(fact.at, "resent", words))
            case Bounced(touch=touch, kind=kind) if touch == decision:
                events.append(Event(fact.at, "bounced", kind))
    return events


_HELD = TOUCHES.c.held_at.is_not(None) & (TOUCHES.c.outcome == "in_doubt")
_STATE = case((_HELD, "held"), else_=func.coalesce(TOUCHES.c.outcome, TOUCHES.c.state))
_WITH_STATE = select(TOUCHES, _STATE.label("now"), PROSPECTS.c.address).join_from(
    TOUCHES, PROSPECTS, PROSPECTS.c.id == TOUCHES.c.prospect
)

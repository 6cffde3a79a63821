"""What servers said, by the hour: of the account in all, of providers, and of whoever gave trouble.

Whoever counts has rows of his own for each hour, so that no daemon waits for another's commit.
"""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select

from nurture.store.limits import is_provider, receiver_of
from nurture.store.tables import TALLIES
from nurture.store.touches import Deferral, Ending

ACCOUNT = "mail"
"""The one account through which a workspace sends, as its rows name it."""

COUNTED = ("accepted", "deferred", "hard", "blocked", "complaints")
NOTHING = (0, 0, 0, 0, 0)
HARD = 2
"""Where hard bounces stand among them."""
_PLACES = {"hard": HARD, "block": 3}
_DAY = 24
_PARTS = 64
_TOO_MANY_DEFERRED, _TOO_MANY_COMPLAINTS, _FEW = 0.05, 0.001, 20
"""Yesterday's shares that set a warm-up back, and how many answers there must be."""

Tallies = Mapping[str, tuple[int, ...]]
"""Receiver ('' is the account) -> how many, as COUNTED names them."""


def sorted_out(
    endings: Sequence[Ending], deferrals: Sequence[Deferral]
) -> dict[str, tuple[int, int, int, int, int]]:
    """What to add to the tallies: the account's, providers', and other receivers' where there was trouble."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for ending in endings:
        place = 0 if ending.outcome == "sent" else _PLACES.get(ending.bounce)
        if place is None:
            continue
        receiver = receiver_of(ending.claim.address)
        found[""][place] += 1
        if place or is_provider(receiver):
            found[receiver][place] += 1
    for deferral in deferrals:
        if deferral.whose == "domain":
            found[""][1] += 1
            found[receiver_of(deferral.claim.address)][1] += 1
    return {receiver: (a, b, c, d, e) for receiver, (a, b, c, d, e) in found.items()}


def add(connection: Connection, tallies: Tallies, now: datetime) -> None:
    """Count these in the present hour."""
    hour = _hour(now)
    part = os.getpid() % _PARTS
    driver: Any = connection.connection.driver_connection
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    for receiver in sorted(tallies):
        driver.execute(_ADD.replace("?", mark), (ACCOUNT, receiver, hour, part, *tallies[receiver]))


_ADD = (
    "INSERT INTO tallies (account, receiver, hour, part, accepted, deferred, hard, blocked, complaints) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, receiver, hour, part) DO UPDATE SET "
    + ", ".join(f"{name} = tallies.{name} + excluded.{name}" for name in COUNTED)
)


def sums(connection: Connection, receiver: str, now: datetime, hours: int = _DAY) -> tuple[int, ...]:
    """What was counted in the last hours."""
    query = select(*(func.coalesce(func.sum(TALLIES.c[name]), 0) for name in COUNTED))
    day = TALLIES.c.hour.between(_hour(now) - hours + 1, _hour(now))
    return tuple(
        connection.execute(
            query.where(TALLIES.c.account == ACCOUNT, TALLIES.c.receiver == receiver, day)
        ).one()
    )


def went_badly(connection: Connection, start: datetime, now: datetime) -> bool:
    """Whether what was said since the start of its last day sets a warm-up back."""
    accepted, deferred, _, _, complaints = sums(connection, "", now, _hour(now) - _hour(start) + 1)
    if accepted + deferred < _FEW:
        return False
    deferred_share = deferred / (accepted + deferred)
    return deferred_share > _TOO_MANY_DEFERRED or complaints > _TOO_MANY_COMPLAINTS * accepted


def forget(connection: Connection, now: datetime) -> None:
    """Drop hours that no share is made of any more."""
    connection.execute(delete(TALLIES).where(TALLIES.c.hour < _hour(now) - 2 * _DAY))


def _hour(now: datetime) -> int:
    return int(now.timestamp()) // 3600

"""The ledger of permissions: what was given and taken back stands there, and nobody changes it afterwards."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Executable, delete, select, update
from sqlalchemy.exc import DBAPIError

from nurture.store import Store, enter_many
from nurture.store.consents import Evidence, Withdrawal, consents_of, keep, withdraw
from nurture.store.tables import CONSENTS, PROSPECTS

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def ada(store: Store) -> int:
    """Somebody who gave her permission and took it back."""
    row = {"address": "ada@d.example", "entered_at": NOW}
    prospect = store.write_now(lambda c: enter_many(c, [row]))["ada@d.example"]
    given = Evidence(prospect, "consent", "form demo", "form", NOW - timedelta(days=9), "ticked")
    taken = Withdrawal(prospect, "page", "one_click", NOW, "the button of message 17", "early")
    store.write_now(lambda c: keep(c, [given], NOW - timedelta(days=9)))
    store.write_now(lambda c: withdraw(c, [taken], NOW))
    store.write_now(lambda c: withdraw(c, [], NOW))
    return prospect


def rows(store: Store) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in store.read(lambda c: c.execute(select(CONSENTS)).all())]


def test_what_was_given_and_taken_back_stands_in_order(store: Store, ada: int) -> None:
    first, second = store.read(lambda c: consents_of(c, ada))
    assert (first.kind, first.basis, first.scope, first.way) == ("given", "consent", "all", "form")
    assert (second.kind, second.basis, second.scope, second.way) == ("withdrawn", "", "early", "one_click")
    assert (second.at, second.known, second.evidence) == (NOW, NOW, "the button of message 17")


@pytest.mark.parametrize(
    "change",
    [
        update(CONSENTS).values(basis="consent", kind="given"),
        update(CONSENTS).values(evidence="nothing happened"),
        delete(CONSENTS),
        delete(CONSENTS).where(CONSENTS.c.kind == "withdrawn"),
    ],
)
def test_the_database_refuses_to_change_it(change: Executable, store: Store, ada: int) -> None:
    before = rows(store)
    with pytest.raises(DBAPIError, match=r"consents (are never changed|go only with the person)"):
        store.write_now(lambda c: c.execute(change))
    assert rows(store) == before


@pytest.mark.parametrize("keeps_row", [False, True])
def test_it_goes_with_the_person(keeps_row: bool, store: Store, ada: int) -> None:
    if keeps_row:  # a tombstone without an address, so that reports do not change
        store.write_now(lambda c: c.execute(update(PROSPECTS).values(address=None)))
        store.write_now(lambda c: c.execute(delete(CONSENTS)))
    else:
        store.write_now(lambda c: c.execute(delete(PROSPECTS)))
    assert rows(store) == []

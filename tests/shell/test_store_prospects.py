"""Prospects as rows: entered once, found, learned about, listed; and the evidence of their consent."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from nurture.core.facts import Entered, Happened
from nurture.store import (
    Store,
    account_of,
    by_id,
    consents,
    enter_many,
    every_prospect,
    find,
    learn_personal,
    listing,
    note,
)
from nurture.store.prospects import ids_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def person(address: str, **more: Any) -> dict[str, Any]:
    return {"address": address, "entered_at": NOW} | more


def enter(store: Store, *people: Mapping[str, Any]) -> dict[str, int]:
    return store.write_now(lambda c: enter_many(c, people))


@pytest.mark.parametrize(
    ("address", "account"),
    [
        ("a@acme.example", "acme.example"),
        ("a@gmail.com", ""),
        ("a@mail.gmail.com", "mail.gmail.com"),
        ("a@t-online.de", ""),
    ],
)
def test_an_account_is_the_domain_unless_everybody_may_have_one_there(address: str, account: str) -> None:
    assert account_of(address) == account


def test_people_are_entered_once(store: Store) -> None:
    first = enter(
        store, person("a@acme.example", source="fair", personal={"name": "Ada"}), person("b@gmx.de")
    )
    again = enter(
        store,
        person("a@acme.example", source="other", personal={"name": "Eve"}),
        person("c@acme.example", account="Acme Inc", entered_at=NOW - timedelta(days=1)),
    )
    assert again == {"a@acme.example": first["a@acme.example"], "c@acme.example": max(again.values())}
    a, b, c = (
        store.read(lambda con, x=x: find(con, x)) for x in ("a@acme.example", "b@gmx.de", "c@acme.example")
    )
    assert (a.source, a.personal, a.account, a.lifecycle, a.n, a.wake_at) == (
        "fair", {"name": "Ada"}, "acme.example", "new", 0, NOW,
    )  # fmt: skip
    assert (b.account, c.account, c.entered_at) == ("", "Acme Inc", NOW - timedelta(days=1))
    assert store.read(lambda con: find(con, "d@acme.example")) is None
    assert store.read(lambda con: by_id(con, a.id)) == a
    assert store.read(lambda con: by_id(con, 99)) is None
    assert store.write_now(lambda con: enter_many(con, [])) == {}


def test_thousands_are_entered_at_once(store: Store) -> None:
    people = [person(f"p{i}@d{i % 7}.example") for i in range(2500)]
    ids = enter(store, *people)
    assert len(set(ids.values())) == 2500
    assert store.read(lambda c: ids_of(c, [*ids, "nobody@d.example"])) == ids


def test_personal_values_are_learned_and_only_changes_are_told(store: Store) -> None:
    ids = enter(store, person("a@d.example", personal={"name": "Ada", "phone": "1"}), person("b@d.example"))
    a, b = ids.values()

    def learn(news: Mapping[int, Mapping[str, Any]]) -> dict[int, tuple[str, ...]]:
        return store.write_now(lambda c: learn_personal(c, news))

    assert learn({a: {"name": "Ada", "phone": None, "title": "Dr"}, b: {}, 99: {"name": "Nobody"}}) == {
        a: ("phone", "title")
    }
    assert store.read(lambda c: by_id(c, a).personal) == {"name": "Ada", "title": "Dr"}
    assert learn({a: {"phone": None}}) == {}
    assert learn({b: {"name": "Bea"}, a: {"name": "Ida"}}) == {a: ("name",), b: ("name",)}


def test_listing(store: Store) -> None:
    ids = enter(
        store,
        person("a_1@acme.example", source="fair"),
        person("ab1@acme.example", source="web", lifecycle="closed"),
        person("c%1@other.example", source="fair", stage="mid"),
    )
    a, b, c = ids.values()

    def listed(**filters: Any) -> list[int]:
        return [row.id for row in store.read(lambda con: listing(con, **filters))]

    assert listed() == [a, b, c]
    assert listed(lifecycle="closed") == [b]
    assert listed(source="fair") == [a, c]
    assert listed(source="fair", stage="mid") == [c]
    assert listed(account="acme.example") == [a, b]
    assert listed(contains="_1") == [a]
    assert listed(contains="%") == [c]
    assert listed(contains="ACME") == [a, b]
    assert listed(limit=1) == [a]
    assert listed(after=a, limit=5) == [b, c]


@pytest.mark.parametrize("batch", [1, 2, 3, 500])
def test_everybody_comes_by_once_with_all_their_facts(store: Store, batch: int) -> None:
    ids = enter(store, *(person(f"p{i}@d.example") for i in range(4)))
    one, _, three, _ = ids.values()
    news = {one: [(Entered("fair", "content"), NOW), (Happened("x"), NOW)], three: [(Happened("y"), NOW)]}
    noted = store.write_now(lambda c: note(c, news, known=NOW, programme="p1"))

    def all_of_them(connection: Connection) -> list[Any]:
        return [pair for pairs in every_prospect(connection, batch) for pair in pairs]

    seen = store.read(all_of_them)
    assert [(row.id, facts) for row, facts in seen] == [(id, noted.get(id, ())) for id in ids.values()]


def test_the_evidence_of_a_consent_is_kept(store: Store) -> None:
    (a,) = enter(store, person("a@d.example")).values()
    given = [
        consents.Evidence(a, "consent", "form demo", "form", datetime(2026, 3, 1, tzinfo=UTC), "ticked"),
        consents.Evidence(a, "customer", "crm", "import", datetime(2026, 3, 2, tzinfo=UTC), scope="early"),
    ]
    store.write_now(lambda c: consents.keep(c, given, NOW))
    store.write_now(lambda c: consents.keep(c, [], NOW))
    kept = store.read(lambda c: consents.consents_of(c, a))
    fields = consents.Evidence._fields
    assert [consents.Evidence(*(getattr(row, name) for name in fields)) for row in kept] == given
    assert store.read(lambda c: consents.consents_of(c, 99)) == []

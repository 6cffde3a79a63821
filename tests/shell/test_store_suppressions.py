"""Who said no is never mailed: found by hash alone, by address or domain, and not forgotten by mistake."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection

from nurture.errors import Mistake
from nurture.store import ERASED, Store, is_suppressed, reasons_of, suppress, suppress_many
from nurture.store.suppressions import BY_US, REASONS, keep_fingerprint, lift, list_suppressions, scopes_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
KEY, OTHER = b"k" * 32, b"o" * 32


def reason(store: Store, address: str, key: bytes = KEY) -> str | None:
    return store.read(lambda c: reasons_of(c, key, [address])).get(address)


def test_an_address_a_domain_and_nobody_else(store: Store) -> None:
    said = {"a@acme.example": "unsubscribed", "rival.example": "manual"}
    store.write_now(lambda c: suppress_many(c, KEY, said, at=NOW, evidence="list of 2 March"))
    asked = [
        "a@acme.example",
        "b@acme.example",
        "x@rival.example",
        "x@sub.rival.example",
        "rival.example@d.example",
    ]
    assert store.read(lambda c: reasons_of(c, KEY, asked)) == {
        "a@acme.example": "unsubscribed",
        "x@rival.example": "manual",
    }
    assert store.read(lambda c: is_suppressed(c, KEY, "a@acme.example"))
    assert not store.read(lambda c: is_suppressed(c, KEY, "b@acme.example"))
    assert reason(store, "a@acme.example", OTHER) is None
    rows = store.read(list_suppressions)
    assert sorted((row.covers, row.reason, row.scope, row.evidence, row.at) for row in rows) == [
        ("address", "unsubscribed", "all", "list of 2 March", NOW),
        ("domain", "manual", "all", "list of 2 March", NOW),
    ]
    assert "acme" not in str(rows)


def test_the_stronger_reason_stays(store: Store) -> None:
    for stronger in REASONS:
        for weaker in REASONS[: REASONS.index(stronger) + 1]:
            store.write_now(lambda c, r=stronger: suppress(c, KEY, "a@d.example", r, NOW))
            store.write_now(lambda c, r=weaker: suppress(c, KEY, "a@d.example", r, NOW))
            assert reason(store, "a@d.example") == stronger
    assert REASONS[-1] == ERASED


def test_the_own_reason_comes_before_the_domains(store: Store) -> None:
    said = {"d.example": "manual", "a@d.example": "bounced"}
    store.write_now(lambda c: suppress_many(c, KEY, said, at=NOW))
    assert (reason(store, "a@d.example"), reason(store, "b@d.example")) == ("bounced", "manual")


def test_thousands_at_once(store: Store) -> None:
    said = {f"p{i}@d.example": REASONS[i % 3] for i in range(2500)}
    store.write_now(lambda c: suppress_many(c, KEY, said, at=NOW))
    assert store.read(lambda c: reasons_of(c, KEY, [*said, "free@d.example"])) == said
    store.write_now(lambda c: suppress_many(c, KEY, {}, at=NOW))


def test_what_people_said_is_lifted_on_evidence_only(store: Store) -> None:
    said = {"a@d.example": "unsubscribed", "b@d.example": "bounced"}
    store.write_now(lambda c: suppress_many(c, KEY, said, at=NOW))
    with pytest.raises(Mistake, match=r"a@d\.example unsubscribed: only evidence of a new consent"):
        store.write_now(lambda c: lift(c, KEY, "a@d.example"))
    assert store.write_now(lambda c: lift(c, KEY, "b@d.example"))
    assert store.write_now(lambda c: lift(c, KEY, "a@d.example", evidence="her letter of 3 March"))
    assert not store.write_now(lambda c: lift(c, KEY, "nobody@d.example"))
    assert store.read(list_suppressions) == []


def test_a_row_for_one_sequence_is_no_row_for_all_mail(store: Store) -> None:
    store.write_now(lambda c: suppress(c, KEY, "a@d.example", "unsubscribed", NOW, "page", "early"))
    assert reason(store, "a@d.example") is None
    assert not store.read(lambda c: is_suppressed(c, KEY, "a@d.example"))
    store.write_now(lambda c: suppress(c, KEY, "a@d.example", "bounced", NOW))
    store.write_now(lambda c: suppress(c, KEY, "d.example", "manual", NOW, scope="late"))
    assert reason(store, "a@d.example") == "bounced"
    asked = ["a@d.example", "b@d.example", "c@e.example"]
    assert store.read(lambda c: scopes_of(c, KEY, asked)) == {
        "a@d.example": {"early": "unsubscribed", "late": "manual"},
        "b@d.example": {"late": "manual"},
    }
    assert store.read(lambda c: scopes_of(c, OTHER, asked)) == {}
    rows = store.read(list_suppressions)
    assert sorted((row.scope, row.covers, row.reason) for row in rows) == [
        ("all", "address", "bounced"),
        ("early", "address", "unsubscribed"),
        ("late", "domain", "manual"),
    ]


def test_lifting_one_scope_leaves_the_others(store: Store) -> None:
    for scope in ("all", "early", "late"):
        store.write_now(lambda c, s=scope: suppress(c, KEY, "a@d.example", "unsubscribed", NOW, scope=s))
    with pytest.raises(Mistake, match="only evidence of a new consent"):
        store.write_now(lambda c: lift(c, KEY, "a@d.example", scope="early"))
    assert store.write_now(lambda c: lift(c, KEY, "a@d.example", evidence="her letter", scope="early"))
    assert not store.write_now(lambda c: lift(c, KEY, "a@d.example", evidence="her letter", scope="early"))
    assert reason(store, "a@d.example") == "unsubscribed"
    assert store.read(lambda c: scopes_of(c, KEY, ["a@d.example"])) == {
        "a@d.example": {"late": "unsubscribed"}
    }


@pytest.mark.parametrize("ours", BY_US)
def test_reasons_of_our_own_give_way_to_what_people_said(ours: str, store: Store) -> None:
    store.write_now(lambda c: suppress(c, KEY, "a@d.example", ours, NOW, "our list"))
    store.write_now(lambda c: suppress(c, KEY, "a@d.example", "complained", NOW, "her report"))
    store.write_now(lambda c: suppress(c, KEY, "a@d.example", ours, NOW, "our list"))
    (row,) = store.read(list_suppressions)
    assert (row.reason, row.evidence) == ("complained", "her report")
    with pytest.raises(Mistake, match="complained about us"):
        store.write_now(lambda c: lift(c, KEY, "a@d.example", evidence="  "))


def test_another_key_is_refused(store: Store) -> None:
    for _ in range(2):
        store.write_now(lambda c: keep_fingerprint(c, KEY))
    with pytest.raises(Mistake, match="put the old key back"):
        store.write_now(lambda c: keep_fingerprint(c, OTHER))

    def everything(connection: Connection) -> str:
        return str(connection.exec_driver_sql("SELECT * FROM meta").all())

    assert KEY.hex() not in store.read(everything)

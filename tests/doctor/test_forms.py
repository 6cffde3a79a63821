"""What the doctor says about forms: counts, and nothing while there is nothing to count."""

from datetime import UTC, datetime

from sqlalchemy import insert

from nurture.doctor.forms import examine_forms
from nurture.store import Store, confirmations, dropped
from nurture.store.tables import PROSPECTS

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_consents_by_what_became_of_them_and_forms_that_programs_sent(store: Store) -> None:
    assert store.read(lambda c: list(examine_forms(c))) == []
    row = {"id": 1, "address": "ada@a.example", "entered_at": NOW, "wake_reason": "waits"}
    store.write_now(lambda c: c.execute(insert(PROSPECTS).values(row)))
    for why_not in ("", "", "not asked: the domain is never mailed"):
        store.write_now(
            lambda c, why=why_not: confirmations.keep(c, 1, "demo", "Write to me.", "", NOW, why_not=why)
        )
    store.write_now(lambda c: confirmations.confirm(c, 1, NOW))
    for form in ("demo", "guide", "demo"):
        store.write_now(lambda c, form=form: dropped.count_one(c, form))
    found = store.read(lambda c: list(examine_forms(c)))
    assert [(one.group, one.name, one.state, one.says) for one in found] == [
        ("forms", "consents", "ok", "3 ticked: 1 confirmed, 1 asked, 1 not asked"),
        ("forms", "dropped", "ok", "filled in by programs: demo 2, guide 1"),
    ]
    assert "ada" not in str(found)

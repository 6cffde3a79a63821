"""Somebody sent a form: found or entered, heard, and everything of theirs settled, in one transaction.

Found by the address typed in. Anybody can type in anybody's address, so a form never lifts a suppression:
who told us to stop, or bounced, hears nothing again until they say so in a way that proves who they are.
Their form is recorded all the same, and may reach sales.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.facts import Body, Consented, Entered
from nurture.core.programme import Form, Programme
from nurture.engine.settling import LinksIn, settle_hits_of
from nurture.intake.forms import Heard
from nurture.store.door import Work
from nurture.store.facts import HEARD, note
from nurture.store.tables import CONSENTS, PROSPECTS


def form_sent(
    form: Form,
    heard: Heard,
    now: datetime,
    programme: Programme,
    *,
    links_in: LinksIn,
    suppression_key: bytes,
) -> Work[int]:
    """The work for `store.write`: gives the prospect's number."""

    def work(connection: Connection) -> int:
        is_new = _enter(connection, form, heard.address, now)
        person = _person(connection, heard.address)
        settle_hits_of(connection, person.id, now, programme.hash, links_in)
        _learn(connection, person, heard)
        may_write = heard.consented and not is_suppressed(connection, suppression_key, heard.address)
        bodies = _bodies(form, heard, is_new, may_write)
        note(connection, {person.id: [(body, now) for body in bodies]}, known=now, programme=programme.hash)
        if heard.consented:
            _keep_consent(connection, form, person.id, now)
        return int(person.id)

    return work


def _bodies(form: Form, heard: Heard, is_new: bool, may_write: bool) -> list[Body]:
    bodies: list[Body] = [Entered(form.source, form.kind)] if is_new else []
    if heard.learned.values or heard.learned.personal:
        bodies.append(heard.learned)
    bodies.append(heard.sent)
    if may_write:
        bodies.append(Consented("consent"))
    return bodies


def _enter(connection: Connection, form: Form, address: str, now: datetime) -> bool:
    """Enter somebody unless they are there already, even since a moment ago; whether they were not."""
    row = {
        "address": address,
        "account": account_of(address),
        "source": form.source,
        "source_kind": form.kind,
        "entered_at": now,
        "wake_at": now,
        "wake_reason": HEARD,
    }
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    entering = kind.insert(PROSPECTS).values(**row).on_conflict_do_nothing(index_elements=["address"])
    return connection.execute(entering).rowcount == 1


def _person(connection: Connection, address: str) -> Any:
    found = select(PROSPECTS.c.id, PROSPECTS.c.personal).where(PROSPECTS.c.address == address)
    return connection.execute(found.with_for_update()).one()


def _learn(connection: Connection, person: Any, heard: Heard) -> None:
    if heard.personal:
        personal = {**person.personal, **heard.personal}
        connection.execute(update(PROSPECTS).where(PROSPECTS.c.id == person.id).values(personal=personal))


def _keep_consent(connection: Connection, form: Form, prospect: int, now: datetime) -> None:
    """What was agreed to, in the words it was asked in."""
    connection.execute(
        insert(CONSENTS).values(
            prospect=prospect,
            basis="consent",
            source=f"form {form.name}",
            given_on=now.date(),
            evidence=f"Ticked at {now:%Y-%m-%d %H:%M} UTC: {form.consent}",
        )
    )

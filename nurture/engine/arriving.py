"""Somebody sent a form: found or entered, heard, and everything of theirs settled, in one transaction.

Found by the address typed in. Anybody can type in anybody's address, so a form never lifts a suppression:
who told us to stop, or bounced, hears nothing again until they say so in a way that proves who they are.
Their form is recorded all the same, and may reach sales.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from nurture.core.facts import Body, Consented, Entered, Learned, Scalar
from nurture.core.programme import Form, Programme
from nurture.engine.settling import LinksIn, settle_hits_of
from nurture.intake.forms import Heard
from nurture.store import consents, prospects
from nurture.store.door import Work
from nurture.store.facts import history, lock, note
from nurture.store.suppressions import is_suppressed


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
        prospect, is_new = _enter(connection, form, heard.address, now)
        settle_hits_of(connection, prospect, now, programme.hash, links_in)
        bodies: list[Body] = [Entered(form.source, form.kind)] if is_new else []
        bodies += _learn(connection, prospect, heard)
        bodies.append(heard.sent)
        if heard.consented:
            consents.keep(connection, [_evidence(form, prospect, now)], now)
            if not is_suppressed(connection, suppression_key, heard.address):
                bodies.append(Consented("consent"))
        note(connection, {prospect: [(body, now) for body in bodies]}, known=now, programme=programme.hash)
        return prospect

    return work


def _enter(connection: Connection, form: Form, address: str, now: datetime) -> tuple[int, bool]:
    """The prospect's number, their row locked, and whether nothing was known of them before."""
    row = {"address": address, "source": form.source, "source_kind": form.kind, "entered_at": now}
    prospect = prospects.enter_many(connection, [row])[address]
    return prospect, lock(connection, [prospect])[prospect] == 0


def _learn(connection: Connection, prospect: int, heard: Heard) -> list[Body]:
    """A Learned of what is new or changed; personal values go to the row and are only named."""
    told = {
        name: list(value) if isinstance(value, tuple) else value for name, value in heard.personal.items()
    }
    personal = prospects.learn_personal(connection, {prospect: told}).get(prospect, ())
    known = _known(connection, prospect)
    values = {name: value for name, value in heard.learned.values.items() if known.get(name) != value}
    return [replace(heard.learned, values=values, personal=personal)] if values or personal else []


def _known(connection: Connection, prospect: int) -> dict[str, Scalar | None]:
    """The latest value of each attribute."""
    known: dict[str, Scalar | None] = {}
    for fact in sorted(history(connection, prospect), key=lambda fact: (fact.at, fact.n)):
        if isinstance(fact.body, Learned):
            known.update(fact.body.values)
    return known


def _evidence(form: Form, prospect: int, now: datetime) -> consents.Evidence:
    """What was agreed to, in the words it was asked in."""
    words = f"Ticked at {now:%Y-%m-%d %H:%M} UTC: {form.consent}"
    return consents.Evidence(prospect, "consent", f"form {form.name}", "form", now, words)

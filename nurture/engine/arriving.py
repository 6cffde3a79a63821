"""Somebody sent a form: found or entered, heard, and everything of theirs settled, in one transaction.

Found by the address typed in. Anybody can type in anybody's address, so a form gives no permission and lifts
no suppression: a ticked consent has the owner of the address asked by mail (`confirming`). The form itself
is recorded all the same, and may reach sales. What the same browser read before becomes theirs.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from nurture.core.facts import Body, Entered, Learned, Scalar, Unsubscribed
from nurture.core.programme import Form, Programme
from nurture.engine import confirming, joining
from nurture.engine.settling import LinksIn, settle_hits_of
from nurture.intake.forms import Heard
from nurture.intake.networks import NO_NETWORKS, Networks
from nurture.store import prospects
from nurture.store.door import Work
from nurture.store.facts import history, lock, note
from nurture.store.suppressions import scopes_of


def form_sent(
    form: Form,
    heard: Heard,
    now: datetime,
    programme: Programme,
    *,
    links_in: LinksIn,
    suppression_key: bytes,
    network: str = "",
    networks: Networks = NO_NETWORKS,
) -> Work[int]:
    """The work for `store.write`: gives the prospect's number. `network`: where it came from, cut short;
    `networks`: from where machines ask."""
    ground = confirming.Ground(now, programme.hash, suppression_key)

    def work(connection: Connection) -> int:
        prospect, is_new = _enter(connection, form, heard.address, now)
        settle_hits_of(connection, prospect, now, programme.hash, links_in, networks=networks)
        if is_new:
            bodies = entering(connection, Entered(form.source, form.kind), heard.address, suppression_key)
            note(
                connection, {prospect: [(body, now) for body in bodies]}, known=now, programme=programme.hash
            )
        if heard.visitor:
            joining.join(connection, heard.visitor, prospect, now, programme.hash)
        bodies = [*_learn(connection, prospect, heard), heard.sent]
        note(connection, {prospect: [(body, now) for body in bodies]}, known=now, programme=programme.hash)
        if heard.consented:
            confirming.ask(connection, form, prospect, heard.address, network, ground)
        return prospect

    return work


def entering(connection: Connection, entered: Entered, address: str, key: bytes) -> list[Body]:
    """What is noted of somebody new: that they came, and which sequences they had asked to leave before."""
    unwanted = scopes_of(connection, key, [address]).get(address, ())
    return [entered, *(Unsubscribed(scope, "manual") for scope in sorted(unwanted))]


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
    return changed_of(connection, prospect, heard.learned, personal)


def changed_of(
    connection: Connection, prospect: int, learned: Learned, personal: tuple[str, ...] = ()
) -> list[Body]:
    """A Learned of those values that are not known already, and of the personal ones that changed."""
    known = _known(connection, prospect)
    values = {name: value for name, value in learned.values.items() if known.get(name) != value}
    return [replace(learned, values=values, personal=personal)] if values or personal else []


def _known(connection: Connection, prospect: int) -> dict[str, Scalar | None]:
    """The latest value of each attribute."""
    known: dict[str, Scalar | None] = {}
    for fact in sorted(history(connection, prospect, "Learned"), key=lambda fact: (fact.at, fact.n)):
        if isinstance(fact.body, Learned):
            known.update(fact.body.values)
    return known

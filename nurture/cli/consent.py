"""`nurture consent`: the ledger of permissions, and until when we may write."""

from pathlib import Path

import click

from nurture import clock
from nurture.assembly import open_nurture
from nurture.cli.printing import listing, next_step, one_line, show
from nurture.core.answers import FOREVER
from nurture.core.permission import ground_ends, may_we_write
from nurture.engine.asking import Record, look_up
from nurture.store import reasons_of
from nurture.store.consents import consents_of
from nurture.telling import moment, words

NAMES = ("kind", "basis", "scope", "source", "way", "at", "known", "evidence")


@click.group("consent", short_help="Permissions given and taken back, with their evidence.")
def command() -> None:
    """The ledger of permissions: it only grows, and goes with the person."""


@command.command("show", short_help="Show what a person has permitted and taken back.")
@click.argument("email")
@listing
def show_(email: str, format: str) -> None:
    """Show what EMAIL has permitted and taken back, how we know, and until when we may write."""
    with open_nurture(Path.cwd()) as nurture:
        record = nurture.store.read(lambda connection: look_up(connection, nurture.shelf, email, None))
        ledger = nurture.store.read(lambda connection: consents_of(connection, record.prospect.id))
        address, key = record.prospect.address, nurture.secrets.suppression
        listed = nurture.store.read(lambda connection: reasons_of(connection, key, [address]))
    rows = [{name: getattr(row, name) for name in NAMES} for row in ledger]
    show(rows, format, empty="Nothing was ever permitted or taken back.")
    if format == "table":
        click.echo(one_line(_verdict(record, listed.get(address, ""))))
        next_step(f"nurture why {email}")


def _verdict(record: Record, listed: str) -> str:
    """One sentence: whether we may write, until when, and if not, why."""
    if listed:
        return f"We may not write: suppressed ({listed})."
    permission, now = record.journey.permission, clock.now()
    country = record.journey.evidence.attributes.get("country")
    where = country and country.value
    answer = may_we_write(permission, where, now)
    if not answer.holds:
        return f"We may not write: {words(answer.because)}."
    ends = ground_ends(permission, where)
    until = "until it is withdrawn" if ends == FOREVER else f"until {moment(ends)}"
    return f"We may write on the ground of {permission.basis}, {until}."

"""`nurture prospect`: who there is, and keeping quiet for a while."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from nurture import clock
from nurture.assembly import Nurture, open_nurture
from nurture.cli.instants import INSTANT
from nurture.cli.printing import listing, next_step, show, show_one
from nurture.core import facts as f
from nurture.core.journey import STATES
from nurture.engine.asking import prospect_of
from nurture.store import listing as list_prospects
from nurture.store import note
from nurture.store.consents import consents_of


@click.group("prospect", short_help="Who there is; hold somebody, or let go.")
def command() -> None:
    """Prospects: list them, show one, keep quiet for a while."""


@command.command("list")
@click.option("--lifecycle", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--stage", help="Only those in this stage.")
@click.option("--source", help="Only those from this source.")
@click.option("--contains", default="", help="Only addresses with this in them.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="At most so many.")
@click.option("--addresses", is_flag=True, help="Show addresses in JSON and CSV too.")
@listing
def list_(
    lifecycle: str | None, stage: str | None, source: str | None, contains: str, limit: int, addresses: bool,
    format: str,
) -> None:  # fmt: skip
    """List prospects in the order they came."""
    with open_nurture(Path.cwd()) as nurture:
        found = nurture.store.read(
            lambda connection: list_prospects(
                connection,
                lifecycle=lifecycle,
                stage=stage,
                source=source,
                contains=contains,
                limit=limit + 1,
            )
        )
    rows, shown = found[:limit], addresses or format == "table"
    show([_row(row, shown) for row in rows], format, empty="No prospects.")
    if len(found) > limit:
        click.secho(f"There are more than these {limit:,}; --limit shows more.", fg="yellow", err=True)
    if rows and format == "table":
        next_step(f"nurture why {rows[0].address}")


@command.command("show")
@click.argument("email")
@click.option("--addresses", is_flag=True, help="Show address and personal values in JSON and CSV too.")
@listing
def show_(email: str, addresses: bool, format: str) -> None:
    """Show what is stored of the prospect with this EMAIL."""
    with open_nurture(Path.cwd()) as nurture:
        row = nurture.store.read(lambda connection: prospect_of(connection, email))
        grounds = nurture.store.read(lambda connection: consents_of(connection, row.id))
    shown = addresses or format == "table"
    personal = {"personal": row.personal} if shown else {}
    given = "; ".join(
        f"{ground.basis or 'withdrawn'} on {ground.at.date()}, {ground.source}" for ground in grounds
    )
    show_one({**_row(row, shown), **personal, "facts": row.n, "may_write": given}, format)
    if format == "table":
        next_step(f"nurture journey {email}")


@command.command()
@click.argument("email")
@click.option("--until", type=INSTANT, help="Speak again from this instant; without it, until released.")
def hold(email: str, until: datetime | None) -> None:
    """Say nothing to EMAIL for now. A message on its way is cancelled."""
    with open_nurture(Path.cwd()) as nurture:
        _note(nurture, email, f.Held(until))
    click.secho(f"{email} is held.", fg="green")
    next_step(f"nurture prospect release {email}")


@command.command()
@click.argument("email")
def release(email: str) -> None:
    """End the hold of EMAIL, or a quarantine after failures."""
    with open_nurture(Path.cwd()) as nurture:
        _note(nurture, email, f.Released())
    click.secho(f"{email} is released.", fg="green")
    next_step(f"nurture why {email}")


def _note(nurture: Nurture, email: str, body: f.Observed) -> None:
    now, programme = clock.now(), nurture.programme()

    def work(connection: Connection) -> None:
        news = {prospect_of(connection, email).id: [(body, now)]}
        note(connection, news, known=now, programme=programme.hash)

    nurture.store.write_now(work)


def _row(row: Any, addresses: bool) -> dict[str, Any]:
    who = {"email": row.address, "account": row.account} if addresses else {}
    return {
        "id": row.id,
        **who,
        "lifecycle": row.lifecycle,
        "stage": row.stage,
        "source": row.source,
        "kind": row.source_kind,
        "entered": row.entered_at,
        "next_look": row.wake_at,
        "waits_for": row.wake_reason,
    }

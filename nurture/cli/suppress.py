"""`nurture suppress`: addresses and domains that are never mailed."""

from functools import partial
from pathlib import Path

import click

from nurture import clock
from nurture.assembly import open_nurture
from nurture.cli.printing import listing, next_step, show
from nurture.engine.lifting import lift
from nurture.errors import Mistake
from nurture.intake.addresses import NoAddress, normalise
from nurture.store import suppress, suppressions


@click.group("suppress", short_help="Addresses and domains that are never mailed.")
def command() -> None:
    """Never mail an address or a whole domain. Kept as keyed hashes, so the list names nobody."""


@command.command()
@click.argument("name")
@click.option("--why", default="", help="Who asked, and how: kept as evidence.")
def add(name: str, why: str) -> None:
    """Never mail NAME, an address or a domain, from now on. What is on its way is stopped at the fence."""
    with open_nurture(Path.cwd()) as nurture:
        key, now = nurture.secrets.suppression, clock.now()
        nurture.store.write_now(
            lambda connection: suppress(connection, key, _plain(name), "manual", now, why)
        )
    click.secho(f"{name} is never mailed from now on.", fg="green")
    next_step(f"nurture suppress remove {name} --why REASON  (takes it back)")


@command.command("list")
@listing
def list_(format: str) -> None:
    """List what is suppressed, the newest first: when, why, by which evidence."""
    with open_nurture(Path.cwd()) as nurture:
        rows = nurture.store.read(suppressions.list_suppressions)
    names = ("covers", "reason", "scope", "at", "evidence")
    show(
        [{name: getattr(row, name) for name in names} for row in rows], format, empty="Nobody is suppressed."
    )


@command.command()
@click.argument("name")
@click.option("--why", default="", help="Evidence of a new consent; needed where the person had said no.")
def remove(name: str, why: str) -> None:
    """Mail NAME again. What a person asked for themselves is lifted only on evidence of a new consent."""
    with open_nurture(Path.cwd()) as nurture:
        work = partial(
            lift, name=_plain(name), key=nurture.secrets.suppression, why=why, now=clock.now(),
            programme=nurture.programme().hash,
        )  # fmt: skip
        lifted = nurture.store.write_now(work)
    if not lifted:
        raise Mistake(f"{name} is not suppressed")
    click.secho(f"{name} may be mailed again.", fg="green")
    next_step("nurture wake")


def _plain(name: str) -> str:
    """An address in its one spelling, or a domain in small letters."""
    try:
        return normalise(name) if "@" in name else normalise(f"anybody@{name}").partition("@")[2]
    except NoAddress as wrong:
        raise Mistake(f"{name} is neither an address nor a domain: {wrong}") from None

"""`nurture verify`: is everything what the facts say?"""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from nurture.assembly import open_nurture
from nurture.cli.printing import next_step
from nurture.engine.verifying import verify

_SHOWN = 50


@click.command("verify", short_help="Refold everybody from nothing and compare.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Refold every prospect from its facts, compare with what is stored, and account for every message.

    Prints the number of differences; exit code 1 if there are any.
    """
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} prospects"))
    with (
        open_nurture(Path.cwd()) as nurture,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("verify", total=None)
        found = nurture.store.read(
            lambda connection: verify(
                connection, nurture.shelf, lambda count: progress.update(task, completed=count)
            )
        )
    if as_json:
        click.echo(json.dumps(found._asdict(), indent=2))
    else:
        click.echo(f"{found.prospects:,} prospects, {found.facts:,} facts, {found.touches:,} messages")
        for difference in found.differences[:_SHOWN]:
            click.secho(difference, fg="red")
        if len(found.differences) > _SHOWN:
            click.echo(f"and {len(found.differences) - _SHOWN} more (--json prints all)")
        click.secho(f"{len(found.differences)} differences", fg="red" if found.differences else "green")
    if found.differences:
        raise click.exceptions.Exit(1)
    next_step("nurture run")

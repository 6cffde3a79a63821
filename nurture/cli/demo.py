"""`nurture demo`: see it work."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from nurture.assembly import open_nurture
from nurture.cli.printing import next_step, show
from nurture.core.timing import zone_of
from nurture.drivers import loop
from nurture.drivers.demo import START, Shown, play
from nurture.engine.asking import look_up
from nurture.telling import show as in_words

_LINES = 26


@click.command("demo", short_help="Watch 300 people for 60 days, in under a minute.")
@click.option("--days", default=60, show_default=True, type=click.IntRange(1, 365), help="How long to watch.")
@click.option("--seed", default=1, show_default=True, help="Another seed, other people.")
@click.option(
    "--folder",
    default=Path("nurture-demo"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON; equal for equal seeds.")
def command(days: int, seed: int, folder: Path, as_json: bool) -> None:
    """Play the shipped programme to 300 made-up people through the real program, in virtual time.

    Mail goes over real SMTP to a receiver on this machine, people click over real HTTP; nothing leaves it.
    Six kinds of people: evaluators, researchers, skimmers, people who have had enough, security scanners
    that click every link, and people who read everything and can never buy.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[mails]:,} messages"),
        TimeElapsedColumn(),
    )  # fmt: skip
    shown_bar = console.is_terminal and not as_json
    with Progress(*columns, console=console, transient=True, disable=not shown_bar) as progress:
        task = progress.add_task("day 0", total=days, mails=0)

        def tell(now: object, mails: int) -> None:
            day = (now - START).days  # type: ignore[operator]
            progress.update(task, completed=day, description=f"day {day}", mails=mails)

        shown = loop.run(play(folder, days, seed, tell))
    if as_json:
        click.echo(json.dumps(shown.results, indent=2))
        return
    _print(shown, folder)


def _print(shown: Shown, folder: Path) -> None:
    results = shown.results
    click.secho(f"{results['prospects']} people, {results['days']} days", bold=True)
    click.echo(
        f"{results['touches_sent']:,} messages received, {results['duplicates']} twice; "
        f"{results['clicks']:,} clicks by people, {results['machine_hits']:,} hits by machines, "
        f"{results['unsure_hits']} nobody can say"
    )
    click.echo(
        f"{results['promoted']} people promoted, {results['handed_off']} leads mailed to sales, "
        f"{results['accepted']} accepted, {results['suppressed']} unsubscribed"
    )
    click.echo(f"verify: {results['verify']} differences\n")
    show(shown.stages, "table")
    click.echo()
    by_persona = results["promoted_by_persona"].items()
    show([{"persona": name, "promoted": count} for name, count in by_persona], "table")
    for address in shown.examples:
        _journey(folder, address)
    click.echo(f"\nEvery message as it arrived: {folder / 'mails'}")
    click.echo(f"The database: {folder / 'nurture.db'}")
    if shown.examples:
        next_step(f"cd {folder} && nurture why {shown.examples[0]}  or  nurture handoff list")


def _journey(folder: Path, address: str) -> None:
    click.secho(f"\n{address}", bold=True)
    with open_nurture(folder) as nurture:
        record = nurture.store.read(lambda connection: look_up(connection, nurture.shelf, address, None))
    lines = record.lines()
    words = list(in_words(lines, lines[0].at, zone_of(record.journey.evidence, record.programme)))
    for line in words[:_LINES]:
        click.echo(line)
    if len(words) > _LINES:
        click.echo(f"... and {len(words) - _LINES} more lines: nurture journey {address}")

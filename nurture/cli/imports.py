"""`nurture import`: lists from elsewhere into the store."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from nurture.assembly import open_nurture
from nurture.cli.printing import mind_changed_files, next_step
from nurture.intake.prospects import Imported, import_prospects
from nurture.intake.rejects import MOST_KEPT

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group("import", short_help="Bring in a list of prospects.")
def command() -> None:
    """Bring in lists from elsewhere."""


@command.command("prospects")
@click.argument("file", type=_FILE)
@click.option("--map", "map_path", type=_FILE, required=True, help="Which column is what, a YAML file.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def prospects(file: Path, map_path: Path, dry_run: bool, as_json: bool) -> None:
    """Enter the people in FILE, a CSV file (or .csv.gz), under a map.

    Rows that cannot be read are written to a file beside it, each with its reason; the others go in.
    Running it again changes nothing but what is new in the list.
    """
    with open_nurture(Path.cwd()) as nurture, _bar(file, as_json) as progress:
        mind_changed_files(nurture)
        imported = import_prospects(
            nurture.store,
            nurture.programme(),
            nurture.secrets.suppression,
            file,
            map_path,
            nurture.now(),
            progress=progress,
            pretend=dry_run,
        )
    if as_json:
        click.echo(json.dumps(asdict(imported), default=str, indent=2))
        return
    _print(imported, dry_run)


@contextmanager
def _bar(file: Path, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar over the bytes of the file, on standard error, where somebody looks at it."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    shown = console.is_terminal and not quiet
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        size = file.stat().st_size if file.is_file() else None
        task = progress.add_task(file.name, total=size)
        yield lambda read: progress.update(task, completed=read)


def _print(imported: Imported, dry_run: bool) -> None:
    if dry_run:
        click.echo("Nothing was changed; this is what would happen:")
    if imported.encoding == "cp1252":
        click.echo("The file is not UTF-8 and was read as Windows-1252: look at a name with an accent.")
    where = f"  see {imported.rejects}" if imported.rejects else ""
    if imported.rejected > MOST_KEPT:
        where += f" (the first {MOST_KEPT:,})"
    for name, count, remark in (
        ("rows", imported.rows, ""),
        ("new", imported.new, ""),
        ("changed", imported.changed, ""),
        ("unchanged", imported.unchanged, ""),
        ("duplicates", imported.duplicates, "  the later row counts" if imported.duplicates else ""),
        ("rejected", imported.rejected, where),
        ("suppressed", imported.suppressed, "  never mailed" if imported.suppressed else ""),
    ):
        click.echo(f"{name:<12}{count:>9,}{remark}")
    if imported.rejects:
        next_step(f"correct {imported.rejects.name} and import it under the same map")
    elif dry_run:
        next_step("the same command without --dry-run")
    else:
        next_step("nurture run")

"""How listings look: a table for people, JSON or CSV for machines, and a next step in one line."""

import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from nurture.assembly import Nurture


def listing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--format table|json|csv` and `--json`; it receives `format`."""
    function = click.option("--json", "format", flag_value="json", help="Short for --format json.")(function)
    return click.option(
        "--format",
        "format",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        show_default=True,
        help="How to print.",
    )(function)


def show(rows: Sequence[Mapping[str, Any]], format: str, *, empty: str = "Nothing here yet.") -> None:
    """Print rows (all with the same keys) in the format asked for."""
    if format == "json":
        click.echo(json.dumps(list(rows), default=plain, indent=2, ensure_ascii=False))
    elif format == "csv":
        if rows:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(rows[0])
            writer.writerows([_cell(value) for value in row.values()] for row in rows)
    elif not rows:
        click.echo(empty)
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in rows[0]:
            table.add_column(name.replace("_", " "), overflow="fold")
        for row in rows:
            table.add_row(
                *(one_line(str(plain(value))) if value is not None else "-" for value in row.values())
            )
        console().print(table)


def one_line(text: str) -> str:
    """Words from outside as a terminal may show them: no control characters, which could move its cursor."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def mind_changed_files(nurture: "Nurture") -> None:
    """One line on standard error where the files of the folder are not what runs."""
    if not nurture.is_up_to_date():
        click.secho(
            "The files here are not the active programme; `nurture apply` makes them so.",
            fg="yellow",
            err=True,
        )


def show_one(row: Mapping[str, Any], format: str) -> None:
    """Print one thing: a line for each of its values, or JSON or CSV as `show` does."""
    if format != "table":
        show([row], format)
        return
    width = max(len(name) for name in row)
    for name, value in row.items():
        click.echo(f"{name.replace('_', ' '):<{width}}  {_words(value)}")


def console() -> Console:
    """Colours and width of the terminal; plain and wide where there is none. Brackets are just brackets."""
    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 200)


def next_step(text: str) -> None:
    """One line that says what to do now, on standard error so that pipes stay clean."""
    click.secho(f"Next: {text}", dim=True, err=True)


def plain(value: Any) -> Any:
    """A value as JSON and tables show it: instants as ISO text to the second, in UTC."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return value


def _cell(value: Any) -> Any:
    """A spreadsheet must not run a cell: formula signs are neutralised."""
    value = plain(value)
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"):
        return "'" + value
    return value


def _words(value: Any) -> str:
    """A value for people, on one line; a dash where there is none."""
    if isinstance(value, Mapping):
        value = ", ".join(f"{key} {one}" for key, one in value.items())
    return one_line(str(plain(value))) if value not in (None, "") else "-"

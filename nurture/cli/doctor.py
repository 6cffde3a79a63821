"""`nurture doctor`: what is right, doubtful and wrong here."""

import json
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from nurture.cli.printing import console, next_step, one_line
from nurture.doctor import Finding, examine

_COLOURS = {"ok": "green", "warn": "yellow", "wrong": "red"}


@click.command("doctor", short_help="Look at settings, database, sender and DNS.")
@click.option(
    "--integrity", is_flag=True, help="Read the whole database, however large, to see if it is whole."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(integrity: bool, as_json: bool) -> None:
    """Look at everything that delivery rests on, and change nothing.

    A line says ok, warn or wrong, what it means, and what to do. Where mail can reach the world the DNS is
    asked for SPF, DKIM, DMARC and PTR, ten seconds at most. Exit code 1 if something is wrong; warnings leave
    it at 0.
    """
    found = list(examine(Path.cwd(), integrity=integrity))
    count = Counter(finding.state for finding in found)
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in found], indent=2, ensure_ascii=False))
    else:
        _print(found)
        click.secho(
            f"{count['ok']} ok, {count['warn']} warnings, {count['wrong']} wrong",
            fg=_COLOURS["wrong" if count["wrong"] else "warn" if count["warn"] else "ok"],
        )
    if count["wrong"]:
        raise click.exceptions.Exit(1)
    next_step("nurture run")


def _print(found: Sequence[Finding]) -> None:
    """A table for each group, all with the same columns; what to do stands below what it is about."""
    width = max(len(finding.name) for finding in found)
    for group, findings in groupby(found, key=lambda finding: finding.group):
        click.secho(group, bold=True)
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=7)
        table.add_column(width=width)
        table.add_column(overflow="fold")
        for finding in findings:
            state = Text(f"  {finding.state}", style=_COLOURS[finding.state])
            table.add_row(state, finding.name, one_line(finding.says))
            if finding.do:
                table.add_row("", "", Text(f"-> {one_line(finding.do)}", style="bold"))
        console().print(table)

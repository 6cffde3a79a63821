"""`nurture journey`: what happened to one prospect, and why each time."""

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from nurture.assembly import open_nurture
from nurture.cli.instants import INSTANT
from nurture.cli.printing import listing, next_step, one_line, show
from nurture.core.timing import zone_of
from nurture.engine.asking import Record, look_up
from nurture.telling import show as in_words


@click.command("journey", short_help="What happened to one prospect, line by line.")
@click.argument("email")
@click.option("--at", type=INSTANT, help="As it was known at this instant, e.g. 2026-03-09T14:05Z.")
@listing
def command(email: str, at: datetime | None, format: str) -> None:
    """Print the journey of the prospect with this EMAIL.

    One line for everything that happened, in order; on the right what it did, or why it was decided.
    """
    with open_nurture(Path.cwd()) as nurture:
        record = nurture.store.read(lambda connection: look_up(connection, nurture.shelf, email, at))
    if format == "table":
        for line in _words(record):
            click.echo(one_line(line))
        next_step(f"nurture why {email}")
    else:
        show(_rows(record), format)


def _words(record: Record) -> list[str]:
    lines = record.lines()
    if not lines:
        return ["Nothing has happened yet."]
    return list(in_words(lines, lines[0].at, zone_of(record.journey.evidence, record.programme)))


def _rows(record: Record) -> list[dict[str, Any]]:
    lines = record.lines()
    zone = ZoneInfo(zone_of(record.journey.evidence, record.programme))
    days = [line.at.astimezone(zone).date() for line in lines]
    return [
        {
            "day": (day - days[0]).days,
            "at": line.at,
            "verb": line.verb,
            "what": line.what,
            "why": line.why,
            "decided": line.decided,
        }
        for line, day in zip(lines, days, strict=True)
    ]

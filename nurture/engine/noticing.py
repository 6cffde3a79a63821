"""What counts nowhere, as lines of a journey: hits of machines, and of nobody knows whom."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from nurture.core.weighing import place
from nurture.store import hits
from nurture.telling import Line

MOST = 500
"""Hits that are shown; older ones are named as left out."""

_VERBS = {"click": "clicked", "open": "opened", "page": "viewed"}


def noticed(
    connection: Connection, prospect: int, hosts: tuple[str, ...], known: datetime | None
) -> tuple[Line, ...]:
    """A line for each round of hits that were judged to be no person's, by `known` if given."""
    rows = hits.not_counted(connection, prospect, known, MOST)
    lines = tuple(_line(list(round), hosts) for _, round in groupby(rows, key=_round))
    if len(rows) < MOST:
        return lines
    return (Line(rows[0].at, "left out", "older hits of machines", f"the newest {MOST} are shown"), *lines)


def _round(row: Any) -> tuple[object, ...]:
    """What hits have in common that go on one line: message, minute, verdict and reasons."""
    return row.touch, row.kind, row.at.replace(second=0, microsecond=0), row.verdict, *row.reasons


def _line(round: list[Any], hosts: tuple[str, ...]) -> Line:
    first = round[0]
    said = f"{first.verdict}: {', '.join(first.reasons)}; counts nowhere"
    return Line(first.at, _VERBS[first.kind], _what(first.kind, round, hosts), said)


def _what(kind: str, round: Iterable[Any], hosts: tuple[str, ...]) -> str:
    places = list(_places(round, hosts))
    if kind == "open":
        return "the message"
    if len(set(places)) > 1:
        return f"{len(set(places))} links" if kind == "click" else f"{len(set(places))} pages"
    return places[0] if len(places) == 1 else f"{places[0]} ({len(places)} times)"


def _places(round: Iterable[Any], hosts: tuple[str, ...]) -> Iterator[str]:
    return (place(row.url, hosts) for row in round)

"""`nurture why`: where somebody stands, what would be done now, and the reasons."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from nurture import clock
from nurture.assembly import open_nurture
from nurture.cli.instants import INSTANT
from nurture.cli.printing import console, next_step, plain
from nurture.core.timing import zone_of
from nurture.engine.asking import Record, look_up
from nurture.telling import Why, moment, rounded, why

_INTENT_WORDS = ((70, "very high"), (40, "high"), (15, "some"), (0.05, "little"))


@click.command("why", short_help="Where one prospect stands, what comes next, and why.")
@click.argument("email")
@click.option("--at", type=INSTANT, help="As it was known at this instant, e.g. 2026-03-09.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(email: str, at: datetime | None, as_json: bool) -> None:
    """Explain the prospect with this EMAIL: fit, intent and timing, then the lines that add up to them,

    the verdict as it would be now with every reason, the pieces passed over, and when that changes by itself.
    """
    with open_nurture(Path.cwd()) as nurture:
        record = nurture.store.read(lambda connection: look_up(connection, nurture.shelf, email, at))
    now = at or clock.now()
    answer = why(record.journey, record.programme, now)
    if as_json:
        click.echo(json.dumps(_data(answer), default=plain, indent=2, ensure_ascii=False))
        return
    _print(email, answer, record)
    next_step(f"nurture journey {email}")


def _print(email: str, answer: Why, record: Record) -> None:
    zone = zone_of(record.journey.evidence, record.programme)
    out = console()
    fit = f"fit {answer.fit.grade}" + (
        f" to {answer.fit.best}" if answer.fit.best != answer.fit.grade else ""
    )
    out.print(f"[bold]{email}[/]  {answer.state}, stage {answer.stage}")
    out.print(
        f"[bold]{fit}, intent {_level(answer.intent)} ({answer.intent:.1f}), timing {answer.timing}[/]\n"
    )
    low, high = answer.fit.low, answer.fit.high
    out.print(f"Fit {low:.0f}" + (f" to {high:.0f}" if high > low else "") + " % of the agreement's weight")
    table = _table()
    for name, weight, holds, text in answer.fit_lines:
        table.add_row(f"{weight:g}", {"yes": "yes", "no": "no", "unknown": "?"}[holds], name, text)
    out.print(table)
    out.print(f"\nIntent {answer.intent:.1f} points, agreement v{record.programme.agreement.version}")
    table = _table()
    for line in rounded(answer.intent_lines, round(answer.intent, 1)):
        table.add_row(f"{line.points:.1f}", "", line.words)
    out.print(table if answer.intent_lines else "  none yet")
    out.print(f"\nTiming {answer.timing}: {answer.timing_words}")
    out.print(f"\n[bold]Now: {answer.verdict}[/]")
    for reason in answer.because:
        out.print(f"  because {reason}")
    if answer.passed_over:
        out.print("\nPassed over")
        table = _table()
        for piece, reason in answer.passed_over:
            table.add_row("", piece, reason)
        out.print(table)
    changes = moment(answer.changes, zone) if answer.changes else "never; only if something happens"
    out.print(f"\nThis changes by itself: {changes}")


def _table() -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right", width=6)
    return table


def _level(intent: float) -> str:
    return next((word for floor, word in _INTENT_WORDS if intent >= floor), "none")


def _data(answer: Why) -> dict[str, Any]:
    return {
        "state": answer.state,
        "stage": answer.stage,
        "fit": {"grade": answer.fit.grade, "best": answer.fit.best, "low": answer.fit.low, "high": answer.fit.high,
                "ask": answer.fit.ask,
                "lines": [dict(zip(("name", "weight", "holds", "words"), line, strict=True)) for line in answer.fit_lines]},
        "intent": {"points": answer.intent, "lines": [line._asdict() for line in answer.intent_lines]},
        "timing": {"state": answer.timing, "words": answer.timing_words},
        "verdict": answer.verdict,
        "because": answer.because,
        "passed_over": [{"piece": piece, "reason": reason} for piece, reason in answer.passed_over],
        "changes": answer.changes,
    }  # fmt: skip

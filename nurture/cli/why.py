"""`nurture why`: where somebody stands, what would be done now, and the reasons."""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from nurture import clock
from nurture.assembly import open_nurture
from nurture.cli.instants import INSTANT
from nurture.cli.printing import next_step, one_line, plain
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
    fit, version = answer.fit, record.programme.agreement.version
    grade = f"fit {fit.grade}" + (f" to {fit.best}" if fit.best != fit.grade else "")
    click.secho(f"{email}  {answer.state}, stage {answer.stage}", bold=True)
    three = f"{grade}, intent {_level(answer.intent)} ({answer.intent:.1f}), timing {answer.timing}"
    click.secho(three, bold=True, fg="cyan")
    span = f"{fit.low:.0f} to {fit.high:.0f}" if fit.high > fit.low else f"{fit.low:.0f}"
    _section(f"Fit {span} % of the agreement's weight", (_fit_line(*line) for line in answer.fit_lines))
    sums = rounded(answer.intent_lines, round(answer.intent, 1))
    intent = [f"{line.points:6.1f}  {line.words}" for line in sums]
    _section(f"Intent {answer.intent:.1f} points, agreement v{version}", intent or ["  none yet"])
    click.echo("\n" + one_line(f"Timing {answer.timing}: {answer.timing_words}"))
    click.secho(f"\nNow: {answer.verdict}", bold=True)
    for reason in answer.because:
        click.echo(one_line(f"  because {reason}"))
    if answer.passed_over:
        width = max(len(piece) for piece, _ in answer.passed_over)
        _section("Passed over", (f"  {piece:<{width}}  {reason}" for piece, reason in answer.passed_over))
    changes = moment(answer.changes, zone) if answer.changes else "never; only if something happens"
    click.echo(f"\nThis changes by itself: {changes}")


def _section(title: str, lines: Iterable[str]) -> None:
    click.echo(f"\n{title}")
    for line in lines:
        click.echo(one_line(line))


def _fit_line(name: str, weight: float, holds: str, words: str) -> str:
    return f"{weight:6g}  {'?' if holds == 'unknown' else holds:<4}{name}: {words}"


def _level(intent: float) -> str:
    return next((word for floor, word in _INTENT_WORDS if intent >= floor), "none")


def _data(answer: Why) -> dict[str, Any]:
    fit = answer.fit
    names = ("name", "weight", "holds", "words")
    return {
        "state": answer.state,
        "stage": answer.stage,
        "fit": {
            "grade": fit.grade,
            "best": fit.best,
            "low": fit.low,
            "high": fit.high,
            "ask": fit.ask,
            "lines": [dict(zip(names, line, strict=True)) for line in answer.fit_lines],
        },
        "intent": {"points": answer.intent, "lines": [line._asdict() for line in answer.intent_lines]},
        "timing": {"state": answer.timing, "words": answer.timing_words},
        "verdict": answer.verdict,
        "because": answer.because,
        "passed_over": [{"piece": piece, "reason": reason} for piece, reason in answer.passed_over],
        "changes": answer.changes,
    }

"""`nurture handoff`: what sales was given, and where sales answers."""

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from nurture import clock
from nurture.assembly import open_nurture
from nurture.cli.printing import console, listing, next_step, plain, show
from nurture.errors import Mistake
from nurture.store import handoffs

_STATES = ("open", "accepted", "rejected", "recycled", "opportunity", "won", "lost", "withdrawn", "recalled")


@click.group("handoff", short_help="What sales was given, and where sales answers.")
def command() -> None:
    """Leads given to sales: list them, read the packet, answer.

    \b
    nurture handoff list --state open
    nurture handoff show 12
    nurture handoff accept 12 --by tom
    nurture handoff reject 12 not_icp --by tom
    """


@command.command("list")
@click.option("--state", type=click.Choice(_STATES), help="Only those in this state.")
@click.option("--addresses/--no-addresses", default=None, help="Show addresses (in tables they are shown).")
@listing
def list_(state: str | None, addresses: bool | None, format: str) -> None:
    """List handoffs, the newest first."""
    with open_nurture(Path.cwd()) as nurture:
        rows = nurture.store.read(lambda connection: handoffs.list_handoffs(connection, state=state))
    shown = format == "table" if addresses is None else addresses
    show([_row(row, shown) for row in rows], format, empty="No handoffs.")
    if rows and format == "table":
        next_step(f"nurture handoff show {rows[0].id}")


@command.command("show")
@click.argument("id", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_(id: int, as_json: bool) -> None:
    """Show the packet of handoff ID as sales got it."""
    with open_nurture(Path.cwd()) as nurture:
        row = nurture.store.read(lambda connection: handoffs.get(connection, id))
    if as_json:
        click.echo(json.dumps({**_row(row, False), "packet": row.packet}, default=plain, indent=2))
        return
    _print(row)
    next_step(f"nurture handoff accept {id} --by YOU   or: reject, recycle")


def _answering(name: str, given: str, words: str, *, reason: bool = False, money: bool = False) -> None:
    def answer(id: int, by: str, reason: str = "", amount: str | None = None, currency: str = "") -> None:
        with open_nurture(Path.cwd()) as nurture:
            programme, now = nurture.programme(), clock.now()
            minor = _minor_units(amount) if amount is not None else None
            nurture.store.write_now(
                lambda connection: handoffs.answer(
                    connection, id, given, programme=programme, now=now, reason=reason, by=by,
                    amount=minor, currency=currency,
                )
            )  # fmt: skip
        click.secho(f"Handoff {id} is {given}.", fg="green")
        next_step("nurture handoff list --state open")

    answer = click.option("--by", default="", help="Who answers.")(answer)
    if money:
        answer = click.option("--currency", default="EUR", show_default=True, help="Of the amount.")(answer)
        answer = click.option("--amount", help="Value of the deal, e.g. 12500.00.")(answer)
    if reason:
        answer = click.argument("reason")(answer)
    answer = click.argument("id", type=int)(answer)
    command.command(name, help=words)(answer)


_answering("accept", "accepted", "Take lead ID: sales owns it from now on.")
_answering(
    "reject", "rejected", "Refuse lead ID before contact, with a REASON of the agreement.", reason=True
)
_answering(
    "recycle", "recycled", "Give lead ID back after contact, with a REASON of the agreement.", reason=True
)
_answering("opportunity", "opportunity", "Lead ID has become a deal.", money=True)
_answering("won", "won", "The deal of lead ID is won.", money=True)
_answering("lost", "lost", "The deal of lead ID is lost.", money=True)


def _minor_units(amount: str) -> int:
    try:
        return int((Decimal(amount.replace(",", "").replace("_", "")) * 100).to_integral_value())
    except (InvalidOperation, OverflowError):
        raise Mistake(f'"{amount}" is no amount; write 12500.00') from None


def _row(row: Any, addresses: bool) -> dict[str, Any]:
    shown = {
        "id": row.id,
        "state": row.state,
        "lane": row.lane,
        "grade": row.grade,
        "intent": row.intent,
        "account": row.account if addresses else None,
        "email": row.address if addresses else None,
        "promoted_at": row.promoted_at,
        "due_at": row.due_at,
        "mailed_at": row.mailed_at,
        "reason": row.reason,
        "by": row.by,
    }
    return (
        shown
        if addresses
        else {name: value for name, value in shown.items() if name not in ("email", "account")}
    )


def _print(row: Any) -> None:
    out, packet = console(), row.packet
    name = (
        " ".join(filter(None, (row.personal.get("first_name"), row.personal.get("last_name")))) or row.address
    )
    out.print(f"[bold]{name}[/]  {row.address}  {row.account}")
    out.print(f"[bold]grade {row.grade}, intent {row.intent:.1f}, {packet['timing']}[/]")
    out.print(f"handoff {row.id} is {row.state}; promised to be answered by {packet['due']}\n")
    if packet["review_overdue"]:
        out.print(f"[yellow]Agreement v{packet['agreement']} is past its review date.[/]")
    for title, lines in (
        ("Why now", packet["why_now"]),
        ("Intent", [f"{line['points']:6.1f}  {line['words']}" for line in packet["lines"]]),
        (
            "Fit",
            [
                f"{line['weight']:6g}  {line['holds']:8}{line['criterion']}: {line['words']}"
                for line in packet["fit"]
            ],
        ),
        ("Stages", [f"{line['at']}  {line['words']}" for line in packet["stages"]]),
        ("Read", [f"{line['at']}  {line['title']}" for line in packet["read"]]),
        ("Not known", packet["questions"]),
        ("Mind", packet["warnings"]),
    ):
        if lines:
            out.print(f"[bold]{title}[/]")
            for line in lines:
                out.print(f"  {line}", markup=False)
    out.print(
        f"[bold]Came from[/]\n  {packet['source']} ({packet['source_kind']}), {packet['days']} days ago"
    )
    if packet["opening"]:
        out.print(f"[bold]To start with[/]\n  {packet['opening']}")
    out.print("[bold]Journey[/]")
    for line in packet["journey"]:
        out.print(f"  {line}", markup=False)

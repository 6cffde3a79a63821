"""`nurture handoff`: what sales was given, and where sales answers."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from nurture import clock
from nurture.assembly import open_nurture
from nurture.cli.printing import listing, next_step, one_line, plain, show
from nurture.errors import Mistake
from nurture.store import handoffs

_STATES = ("open", "accepted", "rejected", "recycled", "opportunity", "won", "lost", "withdrawn", "recalled")
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_NUMBER = click.IntRange(1, 2**31 - 1)


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
@click.argument("id", type=_NUMBER)
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
            if money and not _CURRENCY.fullmatch(currency):
                raise Mistake(f'"{currency}" is no currency; write its three letters, like EUR')
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
    answer = click.argument("id", type=_NUMBER)(answer)
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
    """Strict, because 12.500,00 must not become 12.50."""
    if not _AMOUNT.fullmatch(amount):
        raise Mistake(
            f'"{amount}" is no amount; write 12500 or 12500.00, without signs between the thousands'
        )
    return int(Decimal(amount) * 100)


def _row(row: Any, addresses: bool) -> dict[str, Any]:
    who = {"email": row.address, "account": row.account} if addresses else {}
    return {
        "id": row.id,
        "state": row.state,
        **who,
        "lane": row.lane,
        "grade": row.grade,
        "intent": row.intent,
        "promoted_at": row.promoted_at,
        "due_at": row.due_at,
        "mailed_at": row.mailed_at,
        "reason": row.reason,
        "by": row.by,
    }


def _print(row: Any) -> None:
    packet = row.packet
    names = (row.personal.get("first_name"), row.personal.get("last_name"))
    name = " ".join(filter(None, names)) or row.address
    click.secho(one_line(f"{name}  {row.address}  {row.account}"), bold=True)
    click.secho(f"grade {row.grade}, intent {row.intent:.1f}, timing {packet['timing']}", bold=True)
    click.echo(f"handoff {row.id} is {row.state}; promised to be answered by {packet['due']}")
    if packet["review_overdue"]:
        click.secho(f"Agreement v{packet['agreement']} is past its review date.", fg="yellow")
    for title, lines in _sections(packet):
        if lines:
            click.secho(f"\n{title}", bold=True)
            for line in lines:
                click.echo(f"  {one_line(line)}")


def _sections(packet: dict[str, Any]) -> list[tuple[str, list[str]]]:
    fit = [f"{one['weight']:6g}  {one['holds']:8}{one['criterion']}: {one['words']}" for one in packet["fit"]]
    return [
        ("Why now", packet["why_now"]),
        ("To start with", [packet["opening"]] if packet["opening"] else []),
        ("Mind", packet["warnings"]),
        ("Intent", [f"{line['points']:6.1f}  {line['words']}" for line in packet["lines"]]),
        ("Fit", fit),
        ("Not known", packet["questions"]),
        ("Stages", [f"{line['at']}  {line['words']}" for line in packet["stages"]]),
        ("Read", [f"{line['at']}  {line['title']}" for line in packet["read"]]),
        ("Came from", [f"{packet['source']} ({packet['source_kind']}), {packet['days']} days ago"]),
        ("Journey", packet["journey"]),
    ]

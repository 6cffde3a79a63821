"""`nurture outbox`: messages on their way, how they ended, and the word of a person on those in doubt."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection, Row

from nurture import clock
from nurture.assembly import Nurture, open_nurture
from nurture.cli.printing import listing, next_step, one_line, plain, show, show_one
from nurture.engine.doubting import resolve_by_hand
from nurture.errors import Mistake
from nurture.store import breakers, messages
from nurture.store.limits import receiver_of
from nurture.store.messages import STATES, Event
from nurture.store.tallies import ACCOUNT

_TOUCH = click.IntRange(1, 2**63 - 1)
_SHOWN = (
    "sequence", "stage", "occurrence", "programme", "chosen_at", "opens", "closes", "expires", "zone",
    "due_at", "attempts", "cancelled", "owner", "epoch", "lease_until", "fenced_at", "ended_at", "resent_at",
    "held_at", "words", "hits",
)  # fmt: skip


@click.group("outbox", short_help="Messages on their way, how they ended; settle those in doubt.")
def command() -> None:
    """Messages: list them, show one, say what became of one that is in doubt.

    \b
    nurture outbox list --state in_doubt
    nurture outbox show 1048577
    nurture outbox resolve 1048577 sent --by tom --why "she has it"
    nurture outbox resume gmail.com
    """


@command.command("list", short_help="List messages, and what holds them up.")
@click.option("--state", type=click.Choice(list(STATES)), help="Only those in this state.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="At most so many.")
@click.option("--addresses", is_flag=True, help="Show addresses in JSON and CSV too.")
@listing
def list_(state: str | None, limit: int, addresses: bool, format: str) -> None:
    """List messages: those that wait by when they are due, then the others, the newest first.

    Tables begin with how many there are in each state, and with what holds them up.
    """
    with open_nurture(Path.cwd()) as nurture:
        found = nurture.store.read(partial(messages.list_messages, state=state, limit=limit + 1))
        if format == "table":
            nurture.store.read(_print_standing)
    rows = found[:limit]
    show([_line(row, addresses or format == "table") for row in rows], format, empty="No messages.")
    if len(found) > limit:
        click.secho(f"There are more than these {limit:,}; --limit shows more.", fg="yellow", err=True)
    if rows and format == "table":
        next_step(f"nurture outbox show {rows[0].id}")


@command.command("show", short_help="Show all that is known of one message.")
@click.argument("touch", type=_TOUCH)
@click.option("--addresses", is_flag=True, help="Show the address in JSON and CSV too.")
@listing
def show_(touch: int, addresses: bool, format: str) -> None:
    """Show all that is known of message TOUCH: its times, tries, claim, fence and what the server said."""
    with open_nurture(Path.cwd()) as nurture:
        row, events = nurture.store.read(partial(_look, touch=touch))
    about = {**_named(row, addresses or format == "table"), **{name: getattr(row, name) for name in _SHOWN}}
    if format == "json":
        told = [event._asdict() for event in events]
        click.echo(json.dumps({**about, "life": told}, default=plain, indent=2, ensure_ascii=False))
        return
    show_one(about, format)
    if format == "table":
        _tell(events)
        next_step(_after(row))


@command.command("resolve", short_help="Say what became of a message in doubt.")
@click.argument("touch", type=_TOUCH)
@click.argument("what", type=click.Choice(["sent", "failed", "resend"]))
@click.option("--by", required=True, help="Who says so.")
@click.option("--why", default="", help="How they know.")
def resolve(touch: int, what: str, by: str, why: str) -> None:
    """Say WHAT became of message TOUCH, which is in doubt: it was sent, it failed, or it is to be sent again.

    Sent again it keeps its Message-ID. That is done once at most, and only while it has not expired, the
    address may be mailed and nothing else is on its way to the same prospect.
    """
    words = f"{by} says so" + (f": {why}" if why else "")
    with open_nurture(Path.cwd()) as nurture:
        nurture.store.write_now(partial(_resolve, nurture, touch, what, words))
    said = "goes out once more, under the same Message-ID" if what == "resend" else f"is {what}"
    click.secho(f"Message {touch} {said}.", fg="green")
    next_step(
        "nurture wake  (or nurture run)" if what == "resend" else "nurture outbox list --state in_doubt"
    )


@command.command("resume", short_help="Let mail go again after a breaker opened.")
@click.argument("receiver", default="")
def resume(receiver: str) -> None:
    """Let mail go again to RECEIVER, a provider or domain whose breaker is open; without a name, through

    the whole account.
    """
    who = receiver_of(f"@{receiver}") if receiver else ""
    with open_nurture(Path.cwd()) as nurture:
        was_open = nurture.store.write_now(lambda connection: breakers.resume(connection, ACCOUNT, who))
    if not was_open:
        raise Mistake(f"nothing is stopped at {who or 'the account'}; `nurture outbox list` shows what is")
    click.secho(f"Mail goes again: {who or 'the account'}.", fg="green")
    next_step("nurture outbox list")


def _print_standing(connection: Connection) -> None:
    """How many in each state, and each limit or breaker that keeps messages waiting."""
    counted = messages.counts(connection)
    if counted:
        click.echo(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counted.items()))
    for one in breakers.standing(connection, clock.now()):
        if line := _held_up(one):
            click.secho(one_line(line), fg="yellow")


def _held_up(one: breakers.Standing) -> str:
    """Why messages to one receiver, or through the account, wait; nothing if they do not."""
    who, waiting = one.receiver or "the account", one.counts["waiting"]
    if one.state == "ok":
        rate = f", {one.rate} a minute" if one.rate is not None else ""
        return f"{who}: {waiting:,} wait for their turn{rate}" if waiting else ""
    until = f" until {plain(one.until)}" if one.until and one.state == "paused" else ""
    resume = f"; nurture outbox resume {one.receiver}".rstrip() if one.state in ("paused", "stopped") else ""
    return f"{who}: {one.state}{until}, {waiting:,} wait: {one.reason}{resume}"


def _resolve(nurture: Nurture, touch: int, what: str, words: str, connection: Connection) -> None:
    programme = nurture.shelf.active(connection).hash
    key = nurture.secrets.suppression
    resolve_by_hand(connection, touch, what, words, clock.now(), programme=programme, key=key)


def _look(connection: Connection, touch: int) -> tuple[Row[Any], list[Event]]:
    row = messages.message(connection, touch)
    if row is None:
        raise Mistake(f"there is no message {touch}; `nurture outbox list` shows their numbers")
    return row, messages.life(connection, row.prospect, row.decision)


def _named(row: Row[Any], addresses: bool) -> dict[str, Any]:
    who = {"email": row.address} if addresses else {"prospect": row.prospect}
    return {"touch": row.id, "state": row.now, **who, "piece": f"{row.stage}/{row.piece}"}


def _line(row: Row[Any], addresses: bool) -> dict[str, Any]:
    waits = row.state in STATES["waiting"]
    return {
        **_named(row, addresses),
        "at": row.due_at if waits else row.ended_at or row.fenced_at,
        "tries": row.attempts,
        "words": row.words,
    }


def _tell(events: list[Event]) -> None:
    click.echo()
    for event in events:
        click.echo(one_line(f"{plain(event.at)}  {event.what:<10}  {event.words}").rstrip())


def _after(row: Row[Any]) -> str:
    if row.outcome == "in_doubt":
        return f"nurture outbox resolve {row.id} sent|failed|resend --by YOU"
    return f"nurture journey {row.address}" if row.address else "nurture outbox list"

"""`nurture webhook`: where mail providers send to, what came, what waits for a person."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import click

from nurture import clock
from nurture.assembly import Nurture, open_nurture
from nurture.cli.printing import listing, next_step, show
from nurture.delivery.webhook import NotTaken, fetch
from nurture.engine import braking
from nurture.errors import Mistake
from nurture.intake.webhooks import Endpoint, asks_for, may_be_visited
from nurture.store import returns, webhooks
from nurture.store.webhooks import Counted
from nurture.web.endpoints import endpoints, path_of

LOOKED_AT = timedelta(days=7)


@click.group("webhook", short_help="Where mail providers send to, what came, what is held.")
def command() -> None:
    """Webhooks of mail providers: their addresses, what came over them, and what waits for you.

    \b
    nurture webhook list --secrets
    nurture webhook confirm ses-main
    nurture webhook release postmark
    """


@command.command("list", short_help="List the endpoints and what came over each.")
@click.option("--secrets", is_flag=True, help="Show the whole addresses, with the secrets in them.")
@listing
def list_(secrets: bool, format: str) -> None:
    """List every endpoint: the address to give to the provider, and what came over it in the last 7 days."""
    with open_nurture(Path.cwd()) as nurture:
        found = _endpoints(nurture)
        counted = nurture.store.read(partial(webhooks.counts, since=clock.now() - LOOKED_AT))
    rows = [_line(one, nurture.settings.web.public, secrets, counted) for one in found.values()]
    show(rows, format, empty="No webhooks; docs/webhooks.md says how to add one.")
    if any(row["held"] for row in rows):
        next_step("nurture webhook release NAME  (or discard NAME), after a look at the provider's own log")


@command.command("secret", short_help="Make a secret for an endpoint's address.")
def secret() -> None:
    """Print a new random secret, for secrets.toml [webhooks.NAME]."""
    click.echo(token_urlsafe(32))


@command.command("confirm", short_help="Confirm the subscription that SNS asks for.")
@click.argument("name")
def confirm(name: str) -> None:
    """Confirm the newest subscription that SNS asked of the endpoint NAME, if the topic is one of its own."""
    with open_nurture(Path.cwd()) as nurture:
        endpoint = _endpoint(nurture, name)
        row, url, topic = _asked(nurture, endpoint)
        try:
            fetch(url)
        except NotTaken as wrong:
            raise Mistake(f"SNS was not told: {wrong}; after three days subscribe the topic anew") from None
        nurture.store.write_now(lambda connection: returns.let_go(connection, row, None))
    click.secho(f"Confirmed: {topic} is sent to {name} from now on.", fg="green")
    next_step("nurture webhook list")


@command.command("release", short_help="Believe what the brake holds of an endpoint.")
@click.argument("name")
def release(name: str) -> None:
    """Do what follows from all that came too fast over the endpoint NAME and is held."""
    with open_nurture(Path.cwd()) as nurture:
        _endpoint(nurture, name)
        ground = nurture.ground()
        count = nurture.store.write_now(lambda connection: braking.release(connection, name, ground))
    _done(count, name, "released: those people are not written to any more")


@command.command("discard", short_help="Let nothing follow from what is held.")
@click.argument("name")
def discard(name: str) -> None:
    """Let nothing follow from what came too fast over the endpoint NAME. It is kept, and never counts."""
    with open_nurture(Path.cwd()) as nurture:
        _endpoint(nurture, name)
        now = clock.now()
        count = nurture.store.write_now(lambda connection: braking.discard(connection, name, now))
    _done(count, name, "discarded; change the endpoint's secret in secrets.toml if it was forged")


def _done(count: int, name: str, what: str) -> None:
    if not count:
        raise Mistake(f"nothing of {name} is held; `nurture webhook list` shows what is")
    click.secho(f"{count} {what}.", fg="green")
    next_step("nurture webhook list")


def _endpoints(nurture: Nurture) -> dict[str, Endpoint]:
    return endpoints(nurture.settings.webhooks, nurture.secrets.webhooks)


def _endpoint(nurture: Nurture, name: str) -> Endpoint:
    found = _endpoints(nurture).get(name)
    if found is None:
        raise Mistake(f"there is no [webhooks.{name}] in nurture.toml; `nurture webhook list` shows all")
    return found


def _asked(nurture: Nurture, endpoint: Endpoint) -> tuple[int, str, str]:
    """The row, the address to visit, and the topic, of the newest subscription that asks."""
    since = clock.now() - braking.ASKS_FOR
    for one in nurture.store.read(partial(webhooks.asking, since=since)):
        url, topic = asks_for(one.said)
        mine = one.channel == webhooks.PREFIX + endpoint.name and topic in endpoint.topics
        if mine and may_be_visited(url):
            return one.id, url, topic
    raise Mistake(
        f"no topic of {endpoint.name} asks to be confirmed; subscribe its address to the topic first"
    )


def _line(one: Endpoint, public: str, secrets: bool, counted: Sequence[Counted]) -> dict[str, Any]:
    mine = [each for each in counted if each.channel == webhooks.PREFIX + one.name]
    address = public + path_of(one, one.secrets[0] if secrets else "SECRET")
    if one.basic:
        pair = one.basic[0] if secrets else "USER:PASSWORD"
        address = address.replace("://", f"://{pair}@", 1)
    return {
        "name": one.name,
        "provider": one.provider,
        "takes": one.takes,
        "address": address,
        "last 7 days": ", ".join(f"{each.many} {each.kind}" for each in mine if each.many),
        "held": sum(each.held for each in mine),
    }

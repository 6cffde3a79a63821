"""Webhooks of providers become what came back, and a flood of them that would silence people is stopped.

Who signs nothing can be impersonated by whoever learns the address of an endpoint; what such a one could do
is silence the whole list. So of an endpoint without a signature over the body, only so many people may be
silenced in an hour; what comes beyond is kept and waits for a person. docs/webhooks.md#the-brake.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture.engine import returning
from nurture.engine.proof import Ground
from nurture.engine.returning import Taken
from nurture.intake.returns import Return
from nurture.intake.webhooks import Heard, Notice, returned
from nurture.store import returns, webhooks
from nurture.store.alerts import Found

SHARE = 0.05
"""Of the list, within AN_HOUR."""
AT_LEAST = 20
"""People that may always be silenced: 5 % of a small list is nobody."""
AN_HOUR = timedelta(hours=1)
ASKS_FOR = timedelta(days=3)
"""How long a topic of SNS waits to be confirmed."""


class Forged(Exception):
    """A token that was used before came with another body."""


def take(connection: Connection, heard: Heard, name: str, ground: Ground, *, signed: bool) -> list[Taken]:
    """Keep what an endpoint heard and do what follows, except for what the brake holds. Raises Forged.

    `signed`: whether only the provider can have written it, so that there is nothing to hold.
    """
    webhooks.lock(connection)
    channel = webhooks.PREFIX + name
    found = [one for event in heard.events for one in returned(event, ground.now)]
    if heard.once:
        _refuse_other_content(connection, channel, found)
    notices = [_notice(one) for one in heard.notices]
    asking = {one.key for one in heard.notices if one.confirm}
    found += [one for one in notices if one.id not in asking]
    held = set() if signed else _held(connection, channel, found, ground.now)
    taken = returning.take(connection, [one for one in found if one.id not in held], channel, ground)
    taken += returning.take(connection, [one for one in found if one.id in held], channel, ground, held=True)
    waiting = [one for one in notices if one.id in asking]
    return taken + returning.take(connection, waiting, channel, ground, held=True)


def release(connection: Connection, name: str, ground: Ground) -> int:
    """Do what follows from all that the brake holds of an endpoint; how many. A person has looked."""
    channel = webhooks.PREFIX + name
    webhooks.lock(connection)
    if not webhooks.holds_any(connection, channel):
        return 0
    webhooks.keep_release(connection, channel, ground.now)
    return returning.release(connection, channel, ground)


def discard(connection: Connection, name: str, now: datetime) -> int:
    """Let nothing follow from what the brake holds of an endpoint; how many. A person has looked."""
    webhooks.lock(connection)
    discarded = webhooks.discard(connection, webhooks.PREFIX + name, "discarded by a person")
    if discarded:
        webhooks.keep_release(connection, webhooks.PREFIX + name, now)
    return discarded


def troubles(connection: Connection, now: datetime) -> list[Found]:
    """What a person has to look at: endpoints that are held, topics that ask."""
    found = []
    for channel, count in webhooks.held_by_channel(connection).items():
        name = channel.removeprefix(webhooks.PREFIX)
        words = f"{count} suppressions of the endpoint {name} came too fast and are held; look at them, then"
        found.append(Found("webhook held", name, f"{words} nurture webhook release|discard {name}", count))
    for channel in sorted({one.channel for one in webhooks.asking(connection, now - ASKS_FOR)}):
        name = channel.removeprefix(webhooks.PREFIX)
        words = f"a topic of SNS asks to be confirmed: nurture webhook confirm {name}"
        found.append(Found("webhook asks", name, words))
    return found


def _notice(one: Notice) -> Return:
    return Return(one.key, "other", words=one.words[:300], raw=one.said)


def _refuse_other_content(connection: Connection, channel: str, found: Sequence[Return]) -> None:
    for one in found:
        before = webhooks.content_of(connection, channel, one.id)
        if before is not None and before != one.raw[: returning.LONGEST_RAW]:
            raise Forged(one.id)


def _held(connection: Connection, channel: str, found: Sequence[Return], now: datetime) -> set[str]:
    """Which of these are held: everything that silences, once one was, else what is beyond the limit."""
    silencing = [one.id for one in found if _silences(one)]
    known = {row.external_id for row in returns.known(connection, channel, silencing)}
    fresh = [id for id in dict.fromkeys(silencing) if id not in known]
    if not fresh:
        return set()
    if webhooks.holds_any(connection, channel):
        return set(fresh)
    since = max(now - AN_HOUR, webhooks.released_at(connection, channel) or now - AN_HOUR)
    before = webhooks.silenced_since(connection, channel, since)
    if before + len(fresh) <= AT_LEAST:
        return set()
    limit = max(AT_LEAST, int(webhooks.size_of_list(connection) * SHARE))
    return set(fresh[max(limit - before, 0) :])


def _silences(one: Return) -> bool:
    return one.kind in ("complained", "unsubscribed") or (one.kind == "bounced" and one.bounce == "hard")

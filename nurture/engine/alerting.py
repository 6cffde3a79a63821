"""Trouble that a person should know of, told by mail or webhook: docs/operators.md#alerts.

What there is to tell is read from rows and from this process's pulse. It goes past pace and breakers, at
least once, and nothing waits for it. No person, no secret is in it. Trouble with the store itself is
remembered here, because there is nowhere else.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from hashlib import blake2b
from html import escape

from sqlalchemy import Connection

from nurture import clock
from nurture.core.programme import Sender
from nurture.delivery.mime import Letter, Mailbox, build
from nurture.delivery.outcomes import Accepted, InDoubt
from nurture.delivery.transports.seam import Mail, Transport
from nurture.delivery.webhook import NotTaken, post
from nurture.engine import braking
from nurture.engine.pulse import Pulse
from nurture.store import Store, alerts, breakers, stuck
from nurture.store.alerts import Found, News
from nurture.store.probe import why_not

logger = logging.getLogger(__name__)

PATIENCE = timedelta(minutes=15)
"""What is due for longer, though nothing holds it, is stuck."""

UNPROVEN_FOR = timedelta(days=7)
"""How long a letter that we cannot act on by ourselves is spoken of."""

UNWRITABLE = 60.0
"""Seconds for which the store may refuse writes before a person hears of it."""

TELLING = 20.0
"""Seconds that telling may take, all told."""

_WORKED_OFF_BY = {"messages": "deliver", "prospects": "wake"}

Tell = Callable[[News], Awaitable[None]]
"""Tells somebody. Raises where nobody took it: then it is told again later."""


class Alerting:
    """What is watched, and who is told."""

    def __init__(self, store: Store, pulse: Pulse, tell: Tell) -> None:
        self.store, self.pulse, self.tell = store, pulse, tell
        self._sending_stopped: float | None = None
        self._unread: float | None = None
        self._unwritable: float | None = None
        self._store_told: datetime | None = None

    async def look(self, sending: str, now: datetime, mailbox: str = "") -> None:
        """See what there is and tell what is new. `sending`: why sending stopped, or nothing; `mailbox`: why
        mail that comes back is not read."""
        try:
            read = await self.store.aread(partial(_in_rows, now=now))
            found = [
                *filter(self._stands_still, read),
                *self._in_memory(sending, mailbox),
                *self._stuck_duties(),
            ]
            news = await self.store.write(lambda connection: alerts.keep(connection, found, now))
        except Exception as error:
            await self._unwritten(why_not(error), now)
            return
        await self._written(now)
        for each in news:
            if await self._told(each):
                await self.store.write(partial(alerts.told, news=each, now=now))

    def _in_memory(self, sending: str, mailbox: str) -> list[Found]:
        tick = clock.tick()
        self._sending_stopped = (self._sending_stopped or tick) if sending else None
        self._unread = (self._unread or tick) if mailbox else None
        found: list[Found] = []
        if self.pulse.clock.in_doubt:
            found.append(Found("clock", "", f"{self.pulse.clock.trouble}: nothing is decided or sent"))
        if self._sending_stopped is not None and tick - self._sending_stopped >= PATIENCE.total_seconds():
            found.append(Found("stuck", "sending", f"sending is stopped: {sending}"))
        if self._unread is not None and tick - self._unread >= PATIENCE.total_seconds():
            found.append(Found("stuck", "mailbox", f"mail that comes back is not read: {mailbox}"))
        return found

    def _stands_still(self, found: Found) -> bool:
        """A long queue is not stuck while it gets shorter."""
        duty = _WORKED_OFF_BY.get(found.subject) if found.kind == "stuck" else None
        return duty is None or clock.tick() - self.pulse.progress[duty] >= PATIENCE.total_seconds()

    def _stuck_duties(self) -> list[Found]:
        late = self.pulse.stuck(clock.tick())
        return [Found("stuck", name, f"the duty {name!r} does not come round") for name in late]

    async def _unwritten(self, words: str, now: datetime) -> None:
        """The store takes nothing, so this is remembered here, and told once a day."""
        self._unwritable = self._unwritable or clock.tick()
        lasts = clock.tick() - self._unwritable >= UNWRITABLE
        fresh = self._store_told is None or now - self._store_told >= alerts.TOLD_AGAIN
        if (
            lasts
            and fresh
            and await self._told(News("raised", "store", "", f"{words}: nothing is sent", now))
        ):
            self._store_told = now

    async def _written(self, now: datetime) -> None:
        self._unwritable = None
        if self._store_told is not None:
            since = self._store_told
            if await self._told(News("over", "store", "", "the store can be written again", since)):
                self._store_told = None

    async def _told(self, news: News) -> bool:
        """Whether somebody has taken it."""
        logger.warning("alert, %s: %s: %s", news.state, named(news), news.words)
        try:
            await asyncio.wait_for(self.tell(news), TELLING)
        except Exception as error:
            said = str(error) if isinstance(error, NotTaken) else type(error).__name__
            logger.error("an alert could not be told, it is tried again: %s", said)
            return False
        return True


def _in_rows(connection: Connection, now: datetime) -> list[Found]:
    """What the store knows of."""
    found: list[Found] = []
    many, held = stuck.doubts(connection)
    if many:
        waiting = f", {held} of them wait for a person" if held else ""
        words = f"messages in doubt: {many}{waiting}; nurture outbox list --state in_doubt"
        found.append(Found("in doubt", "", words, many))
    for one in breakers.standing(connection, now):
        if one.state in ("paused", "stopped"):
            kind, who = ("breaker", one.receiver) if one.receiver else ("account stopped", one.account)
            resume = f"nurture outbox resume {one.receiver}".strip()
            found.append(Found(kind, one.receiver, f"{who} is {one.state}: {one.reason}; {resume}"))
    if untold := stuck.untold(connection):
        words = f"leads and answers that no colleague's server takes: {untold}"
        found.append(Found("untold", "", f"{words}; look at [sales] to and [sender] reply_to", untold))
    if unproven := stuck.unproven(connection, now - UNPROVEN_FOR):
        words = f"letters that ask to stop and name no message of ours: {unproven}; nobody was silenced"
        hint = "nurture intake list --unknown, then nurture suppress add"
        found.append(Found("unproven", "", f"{words}; {hint}", unproven))
    found += braking.troubles(connection, now)
    waits = {"messages": stuck.oldest_touch(connection, now), "prospects": stuck.oldest_wake(connection, now)}
    for name, since in waits.items():
        if since is not None and now - since >= PATIENCE:
            found.append(Found("stuck", name, f"{name} are due since {since:%Y-%m-%d %H:%M} UTC"))
    return found


def named(news: News) -> str:
    """Kind and subject as a title."""
    return f"{news.kind} {news.subject}".strip()


def nobody() -> Tell:
    """Only the log hears of it."""

    async def tell(news: News) -> None:
        return None

    return tell


def by_webhook(url: str) -> Tell:
    """POST it as JSON."""

    async def tell(news: News) -> None:
        said = {**news._asdict(), "type": "nurture.alert", "raised_at": news.raised_at.isoformat()}
        await asyncio.to_thread(post, url, json.dumps(said).encode())

    return tell


def by_mail(transport: Transport, sender: Callable[[], Sender], address: str) -> Tell:
    """Mail it, past pace and breakers. `sender` may have to ask the store the first time."""

    async def tell(news: News) -> None:
        who = await asyncio.to_thread(sender)
        letter = _letter(news, who, address)
        mail = Mail(letter.message_id.strip("<>"), who.address, address, build(letter))
        outcome = await transport.send(mail, _always)
        if not isinstance(outcome, Accepted | InDoubt):
            raise NotTaken(getattr(outcome, "words", "refused"))

    return tell


def _letter(news: News, sender: Sender, address: str) -> Letter:
    id = blake2b(repr(news).encode(), digest_size=16).hexdigest()
    text = f"{named(news)}: {news.words}\n\n{news.state}, first seen {news.raised_at:%Y-%m-%d %H:%M} UTC\n"
    return Letter(
        message_id=f"<alert.{id}@{sender.domain}>",
        nurture_id=f"alert.{id}",
        date=clock.now(),
        sender=Mailbox(sender.address, "nurture"),
        to=Mailbox(address),
        subject=f"[nurture] {news.state}: {named(news)}",
        text=text,
        html=f"<pre>{escape(text)}</pre>",
    )


async def _always() -> bool:
    return True

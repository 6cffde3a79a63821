"""From the outbox to the world: claim, write, send over all slots at once, record.

Fences of all connections that wait at a moment share one transaction, and so do endings. A message that
cannot be written fails alone. Nothing is tried again after its fence; before it, by the schedule below.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, NamedTuple, TypeVar
from zlib import crc32

from sqlalchemy import Connection

from nurture.delivery.mime import BadLetter, Letter, build
from nurture.delivery.outcomes import Accepted, Deferred, Failed, InDoubt, Outcome, Refused
from nurture.delivery.replies import bounce_kind
from nurture.delivery.transports.seam import Mail, Transport
from nurture.rendering import CannotRender
from nurture.store import Store, outbox
from nurture.store.outbox import Claim, Deferral, Ending

logger = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

BATCH = 200
RETRIES = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 30, 60, 120, 240, 480, 720))
"""Pauses after the first, second, ... try; the last one goes on (docs/delivery.md)."""
SERVER_PAUSE = timedelta(minutes=1)
"""After trouble that is not this message's: the server is down, or does not let us in."""
LONGEST_WAIT = timedelta(hours=24)
_JITTER = 0.2


class Delivered(NamedTuple):
    """What one batch came to. `refused`: suppressed or cancelled at the fence, or no longer ours."""

    claimed: int = 0
    sent: int = 0
    failed: int = 0
    deferred: int = 0
    in_doubt: int = 0
    refused: int = 0


async def deliver(
    store: Store,
    transport: Transport,
    compose: Callable[[Claim], Letter],
    *,
    owner: str,
    key: bytes,
    now: Callable[[], datetime],
    limit: int = BATCH,
) -> Delivered:
    """Send up to `limit` touches that may leave now. Call again while `claimed` equals `limit`.

    `compose` writes the letter of a claim; `key` hashes suppressions; `owner` names this process.
    """
    claims = await store.write(
        lambda connection: outbox.claim_touches(connection, now(), limit, owner=owner, key=key)
    )
    if not claims:
        return Delivered()
    round_ = _Round(store, transport, compose, key, now)
    outcomes = await asyncio.gather(*(round_.carry(claim) for claim in claims))
    count = [type(outcome) for outcome in outcomes].count
    return Delivered(
        len(claims), count(Accepted), count(Failed), count(Deferred), count(InDoubt), count(Refused)
    )


def retry_at(claim: Claim, wait: float, now: datetime) -> datetime:
    """When to try again: what the server asked for, else the schedule, each moved by up to a fifth.

    The move hangs on touch and try alone, so it is the same wherever it is computed.
    """
    pause = RETRIES[min(claim.attempts, len(RETRIES) - 1)]
    share = crc32(f"{claim.touch}.{claim.attempts}".encode()) / 2**32
    pause *= 1 - _JITTER + 2 * _JITTER * share
    return now + min(max(pause, timedelta(seconds=wait)), LONGEST_WAIT)


class _Round:
    """One batch on its way."""

    def __init__(
        self,
        store: Store,
        transport: Transport,
        compose: Callable[[Claim], Letter],
        key: bytes,
        now: Callable[[], datetime],
    ) -> None:
        self.store, self.transport, self.compose, self.key, self.now = store, transport, compose, key, now
        self.slots = asyncio.Semaphore(transport.slots)
        self.fence = _Together(self._fence)
        self.record = _Together(self._record)

    async def carry(self, claim: Claim) -> Outcome:
        """Bring one touch to its end, or put it back."""
        async with self.slots:
            outcome = await self._send(claim)
        if not isinstance(outcome, Refused):  # what the fence refuses, it has ended already
            await self.record(self._result(claim, outcome))
        return outcome

    async def _send(self, claim: Claim) -> Outcome:
        try:
            letter = self.compose(claim)
            raw = build(letter)
        except (CannotRender, BadLetter, LookupError) as wrong:
            return Failed(0, f"cannot be written: {wrong}")
        mail = Mail(letter.message_id.strip("<>"), letter.sender.address, claim.address, raw)
        return await self.transport.send(mail, partial(self._may_leave, claim))

    async def _may_leave(self, claim: Claim) -> bool:
        return await self.fence(claim) == outbox.GO

    def _result(self, claim: Claim, outcome: Outcome) -> Ending | Deferral:
        match outcome:
            case Accepted(words=words):
                return Ending(claim, "sent", words)
            case Failed(code=code, words=words):
                return Ending(claim, "failed", words, code > 0 and bounce_kind(code, words) == "hard")
            case Deferred(words=words, whose="message", wait=wait):
                due_at = retry_at(claim, wait, self.now())
                if due_at >= claim.expires:
                    return Ending(claim, "expired", words)
                return Deferral(claim, due_at, words)
            case Deferred(words=words, wait=wait):
                pause = max(SERVER_PAUSE, timedelta(seconds=wait))
                return Deferral(claim, self.now() + pause, words, counts=False)
            case InDoubt(words=words):
                return Ending(claim, "in_doubt", words)
        raise AssertionError(outcome)

    async def _fence(self, claims: Sequence[Claim]) -> list[str]:
        verdicts = await self.store.write(
            lambda connection: outbox.fence(connection, claims, self.now(), key=self.key), urgent=True
        )
        return [verdicts[claim.touch] for claim in claims]

    async def _record(self, results: Sequence[Ending | Deferral]) -> list[None]:
        endings = [result for result in results if isinstance(result, Ending)]
        deferrals = [result for result in results if isinstance(result, Deferral)]
        now = self.now()

        def work(connection: Connection) -> None:
            outbox.end(connection, endings, now)
            outbox.suppress_hard(connection, endings, now, key=self.key)
            outbox.defer(connection, deferrals)

        await self.store.write(work, urgent=True)
        return [None] * len(results)


class _Together(Generic[T, R]):
    """Calls that wait at the same moment are one call: while one batch runs, the next one gathers."""

    def __init__(self, work: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> None:
        self._work = work
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, item: T) -> R:
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                results = await self._work([item for item, _ in batch])
            except Exception as trouble:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(trouble)
            else:
                for (_, future), result in zip(batch, results, strict=True):
                    if not future.done():
                        future.set_result(result)
        self._running = None

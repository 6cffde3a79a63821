"""From the outbox to the world: claim, compose, send over all slots at once, record.

Fences of all connections that wait at a moment share one transaction, and so do endings. A message that
cannot be written fails alone. Trouble with the server or the account is no message's fault: the pass ends,
and what was claimed goes back untried. What cannot be recorded stops the pass before more is sent.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from nurture import failpoints
from nurture.delivery.mime import BadLetter
from nurture.delivery.outcomes import Accepted, Deferred, Failed, InDoubt, Outcome, Refused
from nurture.delivery.replies import bounce_kind
from nurture.delivery.retry import SERVER_PAUSE, next_wait
from nurture.delivery.together import Together
from nurture.delivery.transports.seam import Mail, Transport
from nurture.rendering import CannotRender
from nurture.store import Store, claims, outbox
from nurture.store.outbox import LEASE, Claim, Deferral, Ending

logger = logging.getLogger(__name__)

BATCH = 200
"""Touches in one pass, unless a limit says otherwise."""

RECORD_AGAIN = (0.1, 1, 5)
"""Seconds before each further try to record what a server answered."""

_OUTCOMES = {Accepted: "sent", Failed: "failed", InDoubt: "in_doubt"}
_TOLD = ("hard", "soft", "block")
"""Bounces that are facts about the prospect's address; a refused text is ours."""


class Delivered(NamedTuple):
    """What one pass came to. `refused`: suppressed, cancelled or too late at claim or fence, or lost.

    `trouble`: why the pass ended early, or nothing.
    """

    claimed: int = 0
    sent: int = 0
    failed: int = 0
    deferred: int = 0
    in_doubt: int = 0
    refused: int = 0
    trouble: str = ""


async def deliver(
    store: Store,
    transport: Transport,
    compose: Callable[[Claim], Mail],
    *,
    owner: str,
    key: bytes,
    now: Callable[[], datetime],
    limit: int = BATCH,
    lease: timedelta = LEASE,
    stop: asyncio.Event | None = None,
) -> Delivered:
    """Send up to `limit` touches that may leave now. Call again while `claimed` equals `limit`.

    `compose` writes the message of a claim, or raises CannotRender or BadLetter where it cannot be written;
    `key` hashes suppressions; `owner` names this process and no other. Once `stop` is set nothing more is
    begun: what is on its way ends, the rest goes back.
    """
    sender = _Pass(store, transport, compose, key, now, lease, stop or asyncio.Event())
    return await sender.run(owner, limit)


@dataclass(slots=True)
class _Attempt:
    """One touch in one slot, and what the fence said about it, once asked."""

    claim: Claim
    answer: outbox.Answer | None = None


class _Pass:
    """One batch on its way."""

    def __init__(
        self,
        store: Store,
        transport: Transport,
        compose: Callable[[Claim], Mail],
        key: bytes,
        now: Callable[[], datetime],
        lease: timedelta,
        stop: asyncio.Event,
    ) -> None:
        self.store, self.transport, self.compose, self.key = store, transport, compose, key
        self.now, self.lease, self.stop = now, lease, stop
        self.trouble = ""
        self.outcomes: list[Outcome] = []
        self.queue: deque[Claim] = deque()
        self.fence = Together(self._fence)
        self.record = Together(self._record)

    async def run(self, owner: str, limit: int) -> Delivered:
        claimed = await self.store.write(
            lambda connection: claims.claim_touches(
                connection, self.now(), limit, owner=owner, key=self.key, lease=self.lease
            )
        )
        failpoints.hit("claim.after")
        barred = [Ending(claim, why.outcome, why.words) for claim, why in claimed.barred]
        if barred:
            await self._record(barred)
        self.queue.extend(claimed.ready)
        workers = min(self.transport.slots, len(self.queue))
        ends = await asyncio.gather(*(self._work() for _ in range(workers)), return_exceptions=True)
        for unrecorded in (end for end in ends if end is not None):
            raise unrecorded  # only now: what was on its way beside it has ended
        if self.queue:
            await self._record([self._untried(claim) for claim in self.queue])
        count = [type(outcome) for outcome in self.outcomes].count
        return Delivered(
            len(claimed.ready) + len(barred),
            count(Accepted),
            count(Failed),
            count(Deferred),
            count(InDoubt),
            count(Refused) + len(barred),
            self.trouble,
        )

    async def _work(self) -> None:
        """One slot's work, until nothing is left or the pass ends."""
        while self.queue and not self.trouble and not self.stop.is_set():
            attempt = _Attempt(self.queue.popleft())
            outcome = await self._send(attempt)
            self.outcomes.append(outcome)
            if isinstance(outcome, Deferred) and not outcome.is_a_try:
                self.trouble = self.trouble or outcome.words
            result = (
                self._refused(attempt) if isinstance(outcome, Refused) else self._result(attempt, outcome)
            )
            if result is not None:
                await self.record(result)

    async def _send(self, attempt: "_Attempt") -> Outcome:
        try:
            mail = self.compose(attempt.claim)
        except (CannotRender, BadLetter) as wrong:
            return Failed(0, f"cannot be written: {wrong}")
        except Exception as bug:
            logger.exception("Touch %d cannot be written.", attempt.claim.touch)
            return Failed(0, f"cannot be written: {type(bug).__name__}, see the log")
        try:
            return await self.transport.send(mail, partial(self._may_leave, attempt))
        except Exception as bug:
            logger.exception("Touch %d: the transport broke.", attempt.claim.touch)
            words = f"the transport broke: {type(bug).__name__}, see the log"
            may_have_left = isinstance(attempt.answer, outbox.Go)
            return InDoubt(words) if may_have_left else Deferred(0, words, whose="server")

    async def _may_leave(self, attempt: "_Attempt") -> bool:
        try:
            attempt.answer = await self.fence(attempt.claim)
        except Exception as trouble:
            logger.exception("The fence cannot be recorded, so nothing leaves.")
            self.trouble = f"the store: {type(trouble).__name__}"
        return isinstance(attempt.answer, outbox.Go)

    def _refused(self, attempt: "_Attempt") -> Ending | Deferral | None:
        """What becomes of a touch that our own fence kept back: nothing of it has left."""
        match attempt.answer:
            case None:
                return self._untried(attempt.claim)
            case outbox.Refused(outcome="late"):
                return Deferral(attempt.claim, attempt.claim.due_at)
            case outbox.Refused(outcome=outcome, words=words):
                return Ending(attempt.claim, outcome, words)
        return None  # lost: somebody else's now

    def _untried(self, claim: Claim) -> Deferral:
        """Back as it was; after trouble, not at once."""
        if not self.trouble:
            return Deferral(claim, claim.due_at)
        due_at = min(self.now() + SERVER_PAUSE, claim.expires)
        return Deferral(claim, due_at, self.trouble, counted=False)

    def _result(
        self, attempt: "_Attempt", outcome: Accepted | Deferred | Failed | InDoubt
    ) -> Ending | Deferral:
        claim = attempt.claim
        if isinstance(outcome, Deferred):
            due_at = self.now() + next_wait(outcome, claim.attempts, claim.touch)
            return Deferral(claim, min(due_at, claim.expires), outcome.words, outcome.is_a_try)
        kind = (
            bounce_kind(outcome.code, outcome.words) if isinstance(outcome, Failed) and outcome.code else ""
        )
        return Ending(claim, _OUTCOMES[type(outcome)], outcome.words, kind if kind in _TOLD else "")

    async def _fence(self, claims: Sequence[Claim]) -> list[outbox.Answer]:
        answers = await self.store.write(
            lambda connection: outbox.fence(connection, claims, self.now(), key=self.key, lease=self.lease),
            urgent=True,
        )
        failpoints.hit("fence.after")
        return [answers[claim.touch] for claim in claims]

    async def _record(self, results: Sequence[Ending | Deferral]) -> list[None]:
        def work(connection: Connection) -> None:
            now = self.now()
            outbox.end(connection, [each for each in results if isinstance(each, Ending)], now, key=self.key)
            outbox.defer(connection, [each for each in results if isinstance(each, Deferral)])
            failpoints.hit("record.before")

        await _again(partial(self.store.write, work, urgent=True), self._cannot_record)
        failpoints.hit("record.after")
        return [None] * len(results)

    def _cannot_record(self, trouble: Exception) -> None:
        logger.error("What servers answered cannot be recorded: %s", type(trouble).__name__)
        self.trouble = f"the store: {type(trouble).__name__}"


async def _again(work: Callable[[], Awaitable[None]], tell: Callable[[Exception], None]) -> None:
    """Try a few times; what the last try raises comes out."""
    for pause in RECORD_AGAIN:
        try:
            return await work()
        except Exception as trouble:
            tell(trouble)
            await asyncio.sleep(pause)
    return await work()

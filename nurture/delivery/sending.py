"""From the outbox to the world: claim, compose, send over all slots at once, record.

A pass goes on until nothing more is due: when fewer messages wait than there are slots, the next ones are
claimed while the last ones are on their way. Fences of all connections that wait at a moment share one
transaction, and what came back meanwhile is recorded in it. A message that cannot be written fails alone.
Trouble with the server or the account is no message's fault: the pass ends, and what was claimed goes back
untried. While the store cannot take an answer, or answers wait in the journal, nothing is claimed.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from nurture import failpoints
from nurture.delivery.mime import BadLetter
from nurture.delivery.outcomes import Accepted, Deferred, Failed, InDoubt, Outcome, Refused
from nurture.delivery.recording import Recorder, told
from nurture.delivery.replies import bounce_kind
from nurture.delivery.retry import SERVER_PAUSE, next_wait
from nurture.delivery.together import Together
from nurture.delivery.transports.seam import Mail, Transport
from nurture.rendering import CannotRender
from nurture.store import Store, claims, is_unavailable, outbox
from nurture.store.journal import Journal
from nurture.store.limits import UNLIMITED, Limits
from nurture.store.outbox import LEASE, Answer, Claim, Deferral, Ending, Result

logger = logging.getLogger(__name__)

BATCH = 200
"""Touches claimed at once, unless a limit says otherwise."""

LOOK_AGAIN = 1.0
"""Seconds after which free slots look for more while others still wait for an answer."""

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
    lined_up: int = 0
    """Put in line for their receiver's pace instead."""


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
    journal: Journal | None = None,
    limits: Limits = UNLIMITED,
) -> Delivered:
    """Send what may leave, `limit` touches claimed at a time, until nothing more is due.

    `compose` writes the message of a claim, or raises CannotRender or BadLetter where it cannot be written;
    `key` hashes suppressions; `owner` names this process and no other. Once `stop` is set nothing more is
    begun: what is on its way ends, the rest goes back. `journal` takes the answers that the store cannot;
    without one, what the last try to record them raises comes out.
    """
    if journal is not None and (trouble := _cannot_keep(journal)):
        return Delivered(trouble=trouble)
    recorder = Recorder(store, journal, key=key, now=now, lease=lease)

    def take(connection: Connection) -> claims.Claimed:
        return claims.claim_touches(
            connection, now(), limit, owner=owner, key=key, lease=lease, limits=limits
        )

    sender = _Pass(store, transport, compose, take, recorder, now, stop or asyncio.Event())
    return await sender.run()


def _cannot_keep(journal: Journal) -> str:
    """Why an answer that the store does not take could not be kept, or was not brought in yet."""
    if journal.waiting:
        return f"the store: what it could not take waits in {journal.path.name}"
    try:
        journal.reserve()
    except OSError as full:
        return f"{journal.path.name}: {full.strerror}"
    return ""


@dataclass(slots=True)
class _Attempt:
    """One touch in one slot, and what the fence said about it, once asked."""

    claim: Claim
    answer: Answer | None = None
    broken: bool = False
    """The last look broke over this touch."""


class _Pass:
    """Batches on their way, until nothing more is due."""

    def __init__(
        self,
        store: Store,
        transport: Transport,
        compose: Callable[[Claim], Mail],
        take: Callable[[Connection], claims.Claimed],
        recorder: Recorder,
        now: Callable[[], datetime],
        stop: asyncio.Event,
    ) -> None:
        self.store, self.transport, self.compose, self.take = store, transport, compose, take
        self.recorder, self.now, self.stop = recorder, now, stop
        self.working: set[asyncio.Task[None]] = set()
        self.fence = Together(recorder.fence, expected=lambda: len(self.working))
        self.queue: deque[Claim] = deque()
        self.claiming: asyncio.Task[None] | None = None
        self.is_dry = False
        """Nothing was due when last looked."""
        self.claimed = self.barred = self.lined_up = 0
        self.came: Counter[type[Outcome]] = Counter()
        self._trouble = ""

    @property
    def trouble(self) -> str:
        return self._trouble or self.recorder.trouble

    @property
    def is_over(self) -> bool:
        return bool(self.trouble) or self.stop.is_set()

    async def run(self) -> Delivered:
        await self._claim()
        ends = await self._send_all()
        for claim in self.queue:
            self.recorder.add(self._untried(claim))
        await self.recorder.close()
        for bug in filter(None, (end.exception() for end in ends)):
            raise bug  # only now: what was on its way beside it has ended and is recorded
        return Delivered(
            self.claimed,
            self.came[Accepted],
            self.came[Failed],
            self.came[Deferred],
            self.came[InDoubt],
            self.came[Refused] + self.barred,
            self.trouble,
            self.lined_up,
        )

    async def _send_all(self) -> list[asyncio.Task[None]]:
        """Work in all slots until nothing is left and nothing on its way; how the workers ended.

        A slot that waits long for its server's answer does not keep the others idle: they look again.
        """
        ends: list[asyncio.Task[None]] = []
        working = self.working
        try:
            while True:
                idle = self.transport.slots - len(working)
                if self.queue and not self.is_over:
                    working |= {asyncio.create_task(self._work()) for _ in range(idle)}
                elif not working and self.claiming is None:
                    return ends
                under_way = working if self.claiming is None else {*working, self.claiming}
                done, _ = await asyncio.wait(under_way, timeout=LOOK_AGAIN)
                ends += done
                working -= done
                if self.claiming in done:
                    self.claiming = None
                if 0 < len(working) < self.transport.slots and not (self.is_over or self.claiming):
                    await self._claim()
        except asyncio.CancelledError:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            raise

    async def _claim(self) -> None:
        try:
            claimed = await self.store.write(self.take)
        except Exception as trouble:
            if not is_unavailable(trouble):
                raise
            self._trouble = told(trouble)
            return
        failpoints.hit("claim.after")
        for claim, why in claimed.barred:
            self.recorder.add(Ending(claim, why.outcome, why.words))
        self.queue.extend(claimed.ready)
        self.claimed += len(claimed.ready) + len(claimed.barred)
        self.barred += len(claimed.barred)
        self.lined_up += claimed.lined_up
        self.is_dry = not (claimed.ready or claimed.barred or claimed.lined_up)

    async def _next(self) -> Claim | None:
        """The next touch to send; None once there is none, or nothing more is begun."""
        while not self.is_over:
            if self.claiming is not None and self.claiming.done():
                self.claiming = self.claiming.result()  # raises a bug in claiming
            if self.claiming is None and not self.is_dry and len(self.queue) < self.transport.slots:
                self.claiming = asyncio.create_task(self._claim())
            if self.queue:
                return self.queue.popleft()
            if self.claiming is None:
                return None
            await asyncio.wait({self.claiming})
        return None

    async def _work(self) -> None:
        """One slot's work, until nothing is left or the pass ends."""
        while (claim := await self._next()) is not None:
            attempt = _Attempt(claim)
            outcome = await self._send(attempt)
            self.came[type(outcome)] += 1
            if isinstance(outcome, Deferred) and not outcome.is_a_try:
                self._trouble = self._trouble or outcome.words
            result = self._refused(attempt) if isinstance(outcome, Refused) else self._result(claim, outcome)
            if result is not None:
                self.recorder.add(result)

    async def _send(self, attempt: _Attempt) -> Outcome:
        try:
            mail = self.compose(attempt.claim)
        except Exception as wrong:
            await asyncio.sleep(0)  # nothing else here gives the loop a turn
            return _cannot_be_written(attempt.claim, wrong)
        try:
            return await self.transport.send(mail, partial(self._may_leave, attempt))
        except Exception as bug:
            logger.exception("Touch %d: the transport broke.", attempt.claim.touch)
            words = f"the transport broke: {type(bug).__name__}, see the log"
            may_have_left = isinstance(attempt.answer, outbox.Go)
            return InDoubt(words) if may_have_left else Deferred(0, words, whose="server")

    async def _may_leave(self, attempt: _Attempt) -> bool:
        if self.recorder.trouble:
            return False
        try:
            attempt.answer = await self.fence(attempt.claim)
        except Exception as trouble:
            logger.error("The fence cannot be recorded, so nothing leaves: %s", told(trouble))
            return False
        attempt.broken = attempt.answer is None
        return isinstance(attempt.answer, outbox.Go)

    def _refused(self, attempt: _Attempt) -> Result | None:
        """What becomes of a touch that our own fence kept back: nothing of it has left."""
        match attempt.answer:
            case None if attempt.broken:
                words = "the last look broke, see the log"
                return self._result(attempt.claim, Deferred(0, words))
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
        return Deferral(claim, due_at, self.trouble, counted=False, whose="server")

    def _result(self, claim: Claim, outcome: Accepted | Deferred | Failed | InDoubt) -> Result:
        now = self.now()
        if isinstance(outcome, Deferred):
            due_at = now + next_wait(outcome, claim.attempts, claim.touch)
            due_at = min(due_at, claim.expires)
            return Deferral(claim, due_at, outcome.words, outcome.is_a_try, outcome.whose)
        kind = (
            bounce_kind(outcome.code, outcome.words) if isinstance(outcome, Failed) and outcome.code else ""
        )
        return Ending(claim, _OUTCOMES[type(outcome)], outcome.words, kind if kind in _TOLD else "", now)


def _cannot_be_written(claim: Claim, wrong: Exception) -> Failed:
    if isinstance(wrong, (CannotRender, BadLetter)):
        return Failed(0, f"cannot be written: {wrong}")
    logger.error("Touch %d cannot be written.", claim.touch, exc_info=wrong)
    return Failed(0, f"cannot be written: {type(wrong).__name__}, see the log")

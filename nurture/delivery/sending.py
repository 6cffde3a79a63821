"""From the outbox to the world: claim, compose, send over all slots at once, record.

A pass goes on until nothing more is due: when fewer messages wait than there are slots, the next ones are
claimed while the last ones are on their way. Fences of all connections that wait at a moment share one
transaction, and what came back meanwhile is recorded in it. A message that cannot be written fails alone.
Trouble with the server or the account is no message's fault: the pass ends, and what was claimed goes back
untried. While the store cannot take an answer, or answers wait in the journal, nothing is claimed.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from nurture import failpoints
from nurture.delivery.attempt import Attempt, NothingLeaves, untried
from nurture.delivery.outcomes import Accepted, Deferred, Failed, InDoubt, Outcome, Refused
from nurture.delivery.recording import Recorder, told
from nurture.delivery.together import Together
from nurture.delivery.transports.seam import Mail, Transport
from nurture.store import Store, claims, is_unavailable
from nurture.store.journal import Journal
from nurture.store.limits import UNLIMITED, Limits
from nurture.store.outbox import LEASE
from nurture.store.touches import Answer, Claim, Ending

BATCH = 200
"""Touches claimed at once, unless a limit says otherwise."""

LOOK_AGAIN = 1.0
"""Seconds after which free slots look for more while others still wait for an answer."""


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

    `compose` writes the message of a claim, or raises CannotRender or BadLetter where it cannot be written,
    and NotYet where it cannot before its prospect is woken: then it is woken, and the touch waits for that;
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
            self.recorder.add(untried(claim, self.now(), self.trouble))
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
            attempt = Attempt(claim, self._ask)
            outcome = await attempt.run(self.transport, self.compose)
            self.came[type(outcome)] += 1
            if isinstance(outcome, Deferred) and not outcome.is_a_try:
                self._trouble = self._trouble or outcome.words
            result = attempt.result(outcome, self.now(), self.trouble)
            if result is not None:
                self.recorder.add(result)

    def _ask(self, claim: Claim) -> Awaitable[Answer | None]:
        """The fence."""
        if self.recorder.trouble:
            raise NothingLeaves
        return self.fence(claim)

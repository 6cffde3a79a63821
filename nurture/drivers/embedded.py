"""One process: duties ticked by APScheduler, delivery and web in one loop.

APScheduler's defaults drop a tick that is a second late; harmless only because a duty looks at what is due,
and written out all the same. It holds no jobs of its own: `wake_at` and the outbox are the queue.
"""

import asyncio
import logging
import signal
from datetime import UTC
from typing import NamedTuple

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from nurture import clock
from nurture.assembly import Nurture
from nurture.engine.duties import DUTIES, Duty, Engine, rescue_orphans, run_due
from nurture.web.serving import serving

logger = logging.getLogger("nurture")

DRAIN_SECONDS = 90
"""How long messages on their way may take after the signal to stop."""


async def run(nurture: Nurture) -> None:
    """Until SIGTERM or SIGINT: everything that is due, when it is due. Then drain and stop.

    Raises Mistake on SQLite where another process delivers already.
    """
    with nurture.store.alone():
        transport = nurture.transport()
        engine = nurture.engine(transport, logger.error)
        await rescue_orphans(engine, clock.now())
        _stop_on_signals(engine.stopping)
        ticker = _Ticker(engine)
        host, _, port = nurture.settings.web.bind.rpartition(":")
        try:
            async with serving(nurture.app(), host, int(port)) as listening:
                logger.info("nurture runs; public pages on %s:%s", host, listening)
                ticker.start()
                await engine.stopping.wait()
                logger.info("stopping: nothing new is begun, what is on its way ends")
                await ticker.drain()
        finally:
            await transport.close()


class Pass(NamedTuple):
    """What one pass did, and why sending stopped early, if it did."""

    done: int
    trouble: str


async def one_pass(nurture: Nurture) -> Pass:
    """Everything that is due, and what follows from it at once."""
    with nurture.store.alone():
        transport = nurture.transport()
        engine = nurture.engine(transport, logger.error)
        try:
            await rescue_orphans(engine, clock.now())
            total = 0
            while done := await run_due(engine, DUTIES, clock.now()):
                total += done
            return Pass(total, engine.trouble)
        finally:
            await transport.close()


class _Ticker:
    """APScheduler as a metronome; it never runs a duty twice at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._busy: set[asyncio.Task[None]] = set()
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        for duty in DUTIES:
            self._scheduler.add_job(
                self._tick, "interval", seconds=duty.every, args=[duty], id=duty.name,
                coalesce=True, max_instances=1, misfire_grace_time=None,
            )  # fmt: skip

    def start(self) -> None:
        self._scheduler.start()

    async def drain(self) -> None:
        self._scheduler.shutdown(wait=False)
        while self._scheduler.running:  # it stops in the loop's next round; until then ticks may begin
            await asyncio.sleep(0)
        if self._busy:
            await asyncio.wait(self._busy, timeout=DRAIN_SECONDS)

    async def _tick(self, duty: Duty) -> None:
        # Shielded: stopping the scheduler cancels its jobs, and a message on its way must not be cut.
        task = asyncio.create_task(self._do(duty))
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        await asyncio.shield(task)

    async def _do(self, duty: Duty) -> None:
        try:
            while not self._engine.stopping.is_set() and await run_due(self._engine, [duty], clock.now()):
                await asyncio.sleep(0)
        except Exception:
            logger.exception("the duty %r failed; it runs again in %s s", duty.name, duty.every)


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for which in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(which, stop.set)

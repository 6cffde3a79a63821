"""One process: duties ticked by APScheduler, delivery and web in one loop.

Every duty is a job of its own, so those who are due are decided for while messages leave. APScheduler's
defaults drop a tick that is a second late; harmless only because a duty looks at what is due, and written
out all the same. It holds no jobs of its own: `wake_at` and the outbox are the queue.

While the clock is in doubt (`engine/pulse.py`) nothing is decided or sent; what comes in is kept.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from nurture import clock
from nurture.assembly import Nurture
from nurture.drivers import loop
from nurture.drivers.systemd import notify, watchdog_seconds
from nurture.engine.alerting import Alerting
from nurture.engine.aside import second_core
from nurture.engine.duties import DUTIES, Duty, run_due
from nurture.engine.engine import Engine
from nurture.engine.outgoing import deliver_due, rescue_orphans, wake_due
from nurture.engine.pulse import Pulse
from nurture.store.engines import is_unavailable
from nurture.store.outbox import LEASE
from nurture.store.probe import why_not
from nurture.web.serving import serving

logger = logging.getLogger("nurture")

DRAIN_SECONDS = 90
"""How long messages on their way may take after the signal to stop."""

WATCH_SECONDS = 0.5
"""How often the clock is compared and systemd is told."""

INTERRUPTED = 130
"""The exit code after a second Ctrl-C."""


async def run(
    nurture: Nurture,
    *,
    duties: Sequence[Duty] = DUTIES,
    lease: timedelta = LEASE,
    drain: float = DRAIN_SECONDS,
) -> None:
    """Until SIGTERM or SIGINT: everything that is due, when it is due. Then drain and stop.

    `duties` say how often each is looked at, `lease` how long a claim counts (PostgreSQL), `drain` how many
    seconds are left to what is on its way: tests hurry all three. A second SIGINT ends the process at once.

    Raises Mistake on SQLite where another process delivers already.
    """
    with nurture.store.alone(), second_core(nurture.store, logger.warning) as drafting:
        transport = nurture.transport()
        engine = nurture.engine(transport, logger.error)
        engine.lease = lease
        await rescue_orphans(engine, clock.now())
        pulse = Pulse(clock.tick(), [(duty.name, duty.every) for duty in duties])
        engine.now = lambda: _believed(pulse)
        engine.alerting = Alerting(nurture.store, pulse, nurture.tell(transport))
        engine.drafting = drafting
        stop = _stop_on_signals(engine, pulse)
        ticker = _Ticker(engine, duties, pulse)
        host, _, port = nurture.settings.web.bind.rpartition(":")
        try:
            async with serving(nurture.app(pulse), host, int(port)) as listening:
                logger.info("nurture runs; public pages on %s:%s", host, listening)
                ticker.start()
                loop.settle_in()
                await _watch(engine, pulse, stop)
                notify("STOPPING=1", "STATUS=stopping: what is on its way ends")
                logger.info("stopping: nothing new is begun, what is on its way ends")
                await ticker.drain(drain)
        finally:
            await transport.close()


class Pass(NamedTuple):
    """What one pass did, and why sending stopped early, if it did."""

    done: int
    trouble: str


async def one_pass(nurture: Nurture) -> Pass:
    """Everything that is due, and what follows from it at once; a signal to stop ends it early."""
    with nurture.store.alone():
        transport = nurture.transport()
        engine = nurture.engine(transport, logger.error)
        _stop_on_signals(engine)
        try:
            await rescue_orphans(engine, clock.now())
            total = 0
            while not engine.stopping.is_set() and (done := await _round(engine)):
                total += done
            return Pass(total, engine.trouble)
        finally:
            await transport.close()


_WAKING = [duty for duty in DUTIES if duty.run is wake_due]
_DELIVERING = [duty for duty in DUTIES if duty.run is deliver_due]
_OTHERS = [duty for duty in DUTIES if duty not in (*_WAKING, *_DELIVERING)]


async def _round(engine: Engine) -> int:
    """What is due but waking and sending; then these two side by side."""
    done = await run_due(engine, _OTHERS, clock.now())
    waking = asyncio.create_task(_all(engine, _WAKING))
    while not waking.done() and not engine.stopping.is_set():
        sent = await run_due(engine, _DELIVERING, clock.now())
        done += sent
        if not sent:
            await asyncio.wait({waking}, timeout=0.05)
    return done + await waking + await _all(engine, _DELIVERING)


async def _all(engine: Engine, duties: Sequence[Duty]) -> int:
    total = 0
    while not engine.stopping.is_set() and (done := await run_due(engine, duties, clock.now())):
        total += done
    return total


class _Ticker:
    """APScheduler as a metronome; it never runs a duty twice at once."""

    def __init__(self, engine: Engine, duties: Sequence[Duty], pulse: Pulse) -> None:
        self._engine = engine
        self._pulse = pulse
        self._busy: set[asyncio.Task[None]] = set()
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        for duty in duties:
            self._scheduler.add_job(
                self._tick, "interval", seconds=duty.every, args=[duty], id=duty.name,
                coalesce=True, max_instances=1, misfire_grace_time=None,
            )  # fmt: skip

    def start(self) -> None:
        self._scheduler.start()

    async def drain(self, seconds: float) -> None:
        """Wait for what is on its way; what takes longer is cut off and looked at by the next start."""
        self._scheduler.shutdown(wait=False)
        while self._scheduler.running:  # it stops in the loop's next round; until then ticks may begin
            await asyncio.sleep(0)
        if not self._busy:
            return
        _, late = await asyncio.wait(self._busy, timeout=seconds)
        if late:
            logger.warning("what is on its way takes longer than %s s: cut off", seconds)
            for task in late:
                task.cancel()
            await asyncio.wait(late, timeout=1)

    async def _tick(self, duty: Duty) -> None:
        # Shielded: stopping the scheduler cancels its jobs, and a message on its way must not be cut.
        task = asyncio.create_task(self._do(duty))
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        await asyncio.shield(task)

    async def _do(self, duty: Duty) -> None:
        self._pulse.began(duty.name, clock.tick())
        trouble = ""
        try:
            while await self._once(duty):
                await asyncio.sleep(0)
        except Exception as error:
            trouble = why_not(error)
            bug = error if not is_unavailable(error) else None  # whose trace says nothing, every second
            logger.error("the duty %r failed: %s", duty.name, trouble, exc_info=bug)
        self._pulse.ended(duty.name, clock.tick(), trouble)

    async def _once(self, duty: Duty) -> int:
        """Run it at an instant that is to be believed."""
        _look_at_the_clock(self._engine, self._pulse)
        now = _believed(self._pulse)
        if self._engine.stopping.is_set() and not (duty.always and not self._pulse.stopping):
            return 0
        done = await run_due(self._engine, [duty], now)
        self._pulse.did(duty.name, clock.tick(), done)
        return done


def _believed(pulse: Pulse) -> datetime:
    now = clock.now()
    return now if clock.is_virtual() else pulse.clock.believed(now, clock.tick())


def _look_at_the_clock(engine: Engine, pulse: Pulse) -> None:
    """Begin nothing while the clock is in doubt."""
    if clock.is_virtual():
        return
    news = pulse.clock.look(clock.now(), clock.tick())
    if news:
        logger.warning(news)
    if pulse.stopping:
        return
    if pulse.clock.trouble:
        engine.stopping.set()
    else:
        engine.stopping.clear()


async def _watch(engine: Engine, pulse: Pulse, stop: asyncio.Event) -> None:
    """Until the signal: compare the clocks, and tell systemd how it goes."""
    told = _Told()
    while not stop.is_set():
        _look_at_the_clock(engine, pulse)
        told.tell(pulse)
        try:
            await asyncio.wait_for(stop.wait(), WATCH_SECONDS)
        except TimeoutError:
            continue


class _Told:
    """What systemd has heard of us. Fed by the loop itself: a loop that stalls feeds no watchdog."""

    def __init__(self) -> None:
        self._ready = False
        self._status = ""
        self._every = watchdog_seconds()
        self._fed = 0.0
        self._ends = 0

    def tell(self, pulse: Pulse) -> None:
        """Ready after the first run that went well, a word when that changes, the watchdog its food.

        A run that failed feeds it too: a restart mends no full disk. Duties that never come round do not.
        """
        now = clock.tick()
        if not self._ready and pulse.successes:
            self._ready = True
            notify("READY=1")
        status = "; ".join(pulse.problems(now)) or ("running" if self._ready else "starting")
        if status != self._status:
            self._status = status
            notify(f"STATUS={status}")
        if (
            self._every
            and now - self._fed >= self._every
            and pulse.ends > self._ends
            and not pulse.stuck(now)
        ):
            self._fed, self._ends = now, pulse.ends
            notify("WATCHDOG=1")


def _stop_on_signals(engine: Engine, pulse: Pulse | None = None) -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; from then on nothing begins. A second SIGINT ends at once."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def asked() -> None:
        if pulse is not None:
            pulse.stopping = True
        engine.stopping.set()
        stop.set()

    def interrupted() -> None:
        if stop.is_set():
            logger.warning("stopped at once: what was on its way is looked at by the next start")
            os._exit(INTERRUPTED)  # as a kill, which every step is made for
        asked()

    loop.add_signal_handler(signal.SIGTERM, asked)
    loop.add_signal_handler(signal.SIGINT, interrupted)
    return stop

"""The duties that send: who is due is decided for, what was decided leaves, colleagues are told."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from itertools import chain

from sqlalchemy import Connection

from nurture import failpoints
from nurture.authoring import Workspace
from nurture.core.evidence import Evidence, Known
from nurture.core.journey import Journey
from nurture.core.timing import Opening, opening
from nurture.delivery.sending import Delivered, deliver
from nurture.delivery.transports.seam import Mail
from nurture.drafting import Draft, Due
from nurture.drafting.codec import Unreadable, decode_journey
from nurture.engine.composing import compose
from nurture.engine.confirming import mail_confirmations
from nurture.engine.engine import Engine
from nurture.engine.handing import mail_handoffs
from nurture.engine.incoming import replay_journal
from nurture.engine.relaying import relay_answers
from nurture.engine.shelf import Shelf
from nurture.engine.wake import BATCH, Seen, Woken, look, record, wake
from nurture.errors import Mistake
from nurture.rendering import CannotRender
from nurture.store import overdue, programmes
from nurture.store.touches import Claim

BATCHES = 10
"""Of a wake, one after the other, before the clock is looked at again."""

TENDED = 200
"""Rows of the outbox looked after in one transaction."""


async def wake_due(engine: Engine, now: datetime) -> int:
    """Decide for everybody who is due."""
    if await engine.store.aread(programmes.is_rewaking):
        await engine.store.write(partial(programmes.rewake, now=now))
    woken = await (_wake_locked if engine.store.database is None else _wake_apart)(engine, now)
    for error in chain.from_iterable(each.errors for each in woken):
        engine.log(error)
    return sum(each.prospects for each in woken)


async def tend_outbox(engine: Engine, now: datetime) -> int:
    """End what is over, give what missed its window the next one."""
    tended = await engine.store.write(partial(_tend, engine.shelf, now))
    failpoints.hit("tend.after")
    return tended


async def rescue_lapsed(engine: Engine, now: datetime) -> int:
    """On PostgreSQL: take over from processes whose leases have ended. On SQLite nobody else delivers."""
    if engine.store.database is not None:
        return 0
    return sum(await _rescue(engine, now))


async def rescue_orphans(engine: Engine, now: datetime) -> None:
    """At the start, under the run lock: what a dead process claimed goes back, what it fenced is in doubt."""
    if engine.store.database is not None:
        await _rescue(engine, now)


async def deliver_due(engine: Engine, now: datetime) -> int:
    """Send what may leave now."""
    await _load_programmes(engine)
    if engine.stopping.is_set():
        return 0
    delivered: Delivered = await deliver(
        engine.store,
        engine.transport,
        partial(_compose, engine),
        owner=engine.owner,
        key=engine.suppression_key,
        now=engine.now,
        lease=engine.lease,
        stop=engine.stopping,
        journal=engine.journal,
        limits=engine.limits,
    )
    engine.trouble = delivered.trouble
    if delivered.trouble:
        engine.log(f"Sending stopped for now: {delivered.trouble}")
        return 0  # what was claimed waits a little: going on at once would only knock again
    return delivered.claimed + delivered.lined_up


async def mail_sales(engine: Engine, now: datetime) -> int:
    """Tell sales of new leads."""
    return await mail_handoffs(engine.store, engine.shelf, engine.transport, engine.keys, now)


async def ask_for_confirmations(engine: Engine, now: datetime) -> int:
    """Ask owners of addresses whether a consent was theirs."""
    return await mail_confirmations(
        engine.store, engine.shelf, engine.transport, engine.keys, engine.public, engine.suppression_key, now,
        returns=engine.returns,
    )  # fmt: skip


async def relay(engine: Engine, now: datetime) -> int:
    """Tell colleagues of what people wrote."""
    return await relay_answers(engine.store, engine.shelf, engine.transport, engine.keys, now)


async def alert(engine: Engine, now: datetime) -> int:
    """Tell people of trouble. Never anything to go on with."""
    if engine.alerting is not None:
        await engine.alerting.look(engine.trouble, now, engine.unread)
    return 0


async def _wake_locked(engine: Engine, now: datetime) -> list[Woken]:
    """Several processes may wake: what one has looked at stays locked until it is written."""
    work = partial(wake, shelf=engine.shelf, now=now, drafting=engine.drafting)
    woken = await engine.store.write(work)
    failpoints.hit("wake.after")
    return [woken]


async def _wake_apart(engine: Engine, now: datetime) -> list[Woken]:
    """Nobody else wakes, and whoever writes keeps out all others: settle while the store is free.

    While one batch is written the next one is settled, and nobody is in both.
    """
    woken: list[Woken] = []
    last: Sequence[Due] = ()
    writing: asyncio.Task[Woken] | None = None
    try:
        for _ in range(BATCHES):
            seen = await engine.store.aread(partial(look, shelf=engine.shelf, now=now, without=last))
            if not seen.due:
                break
            drafts = await asyncio.to_thread(engine.drafting, seen.due, seen.programme, now)
            if writing is not None:
                woken.append(await writing)
            writing, last = asyncio.create_task(_record(engine, seen, drafts, now)), seen.due
            if len(last) < BATCH or engine.stopping.is_set():
                break
    finally:  # whatever stopped us, what is being written is waited for
        if writing is not None:
            woken.append(await writing)
    return woken


async def _record(engine: Engine, seen: Seen, drafts: Sequence[Draft], now: datetime) -> Woken:
    woken = await engine.store.write(partial(record, seen=seen, drafts=drafts, now=now))
    failpoints.hit("wake.after")
    return woken


def _tend(shelf: Shelf, now: datetime, connection: Connection) -> int:
    over = overdue.expire(connection, now, TENDED)
    late = overdue.reopen(connection, now, TENDED, partial(_next_opening, connection, shelf))
    failpoints.hit("tend.before")
    return over + late


def _next_opening(connection: Connection, shelf: Shelf, late: overdue.Late, moment: datetime) -> Opening:
    """The next opening of the calendar that a waiting touch was chosen under."""
    programme = shelf.of(connection, late.programme).programme
    sequence = programme.sequence(late.sequence)
    calendar = (sequence.calendar if sequence else None) or programme.calendar
    return opening(calendar, _journey(late), programme, moment)


def _journey(late: overdue.Late) -> Journey:
    """Whose touch it is; where another version of this program folded it, at least their zone."""
    try:
        return decode_journey(late.snapshot) if late.snapshot else Journey(late.prospect)
    except Unreadable:
        known = {"zone": Known(late.zone, late.due_at, 0)}
        return Journey(late.prospect, evidence=Evidence(attributes=known))


async def _rescue(engine: Engine, now: datetime) -> overdue.Rescued:
    await replay_journal(engine, now)  # what was answered is in no doubt
    rescued = await engine.store.write(partial(overdue.rescue, now=now))
    failpoints.hit("rescue.after")
    return rescued


async def _load_programmes(engine: Engine) -> None:
    """Composing runs beside the event loop's work and must not wait for the store: load what may be named."""
    await engine.store.aread(engine.shelf.all_live)


def _compose(engine: Engine, claim: Claim) -> Mail:
    now = engine.now()  # a pass may last for hours
    try:
        workspace = engine.shelf.loaded(claim.programme)
    except KeyError:  # applied and chosen under by another process since we looked
        workspace = engine.store.read(partial(_usable, engine.shelf, claim.programme))
    if why := engine.bars(workspace):
        raise CannotRender(why)
    return compose(
        claim, workspace, engine.keys, now,
        public=engine.public, tracked=engine.tracked, returns=engine.returns,
    )  # fmt: skip


def _usable(shelf: Shelf, programme: str, connection: Connection) -> Workspace:
    try:
        return shelf.of(connection, programme)
    except Mistake as wrong:
        raise CannotRender(str(wrong)) from None

"""The one list of recurring work. Drivers run it by the clock, `nurture wake` and the demo until all is done.

Every duty claims only what is due, may run at any time, in any number of processes, and says how much it
did; 0 means that nothing is due.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Connection

from nurture import clock, failpoints
from nurture.authoring import Workspace
from nurture.core.evidence import Evidence, Known
from nurture.core.journey import Journey
from nurture.core.timing import Opening, opening
from nurture.delivery import journalled
from nurture.delivery.sending import Delivered, deliver
from nurture.delivery.tokens import Keys
from nurture.delivery.transports.seam import Mail, Transport
from nurture.drafting import Draft, Due, draft_all
from nurture.drafting.codec import Unreadable, decode_journey
from nurture.engine import doubting, settling, unsubscribing
from nurture.engine.alerting import Alerting
from nurture.engine.composing import compose
from nurture.engine.confirming import mail_confirmations
from nurture.engine.fetching import Taking, fetch
from nurture.engine.handing import mail_handoffs
from nurture.engine.mailboxes import Place, Unreachable
from nurture.engine.relaying import relay_answers
from nurture.engine.shelf import Shelf, links_in
from nurture.engine.wake import BATCH, Drafting, Seen, Woken, look, record, wake
from nurture.errors import Mistake
from nurture.intake.networks import NO_NETWORKS, Networks
from nurture.rendering import CannotRender
from nurture.store import Store, confirmations, doubt, handoffs, overdue, programmes, returns, waking
from nurture.store.journal import Journal
from nurture.store.limits import UNLIMITED, Limits
from nurture.store.outbox import LEASE
from nurture.store.touches import Claim

_LONG_AGO = datetime.min.replace(tzinfo=UTC)

BATCHES = 10
"""Of a wake, one after the other, before the clock is looked at again."""

TENDED = 200
"""Rows of the outbox looked after in one transaction."""


@dataclass
class Engine:
    """What the duties work with. `log` is told of internal errors, one sentence each.

    `trouble`: why sending stopped when it was last tried; empty if it did not. `unread`: the same of the
    mailbox.
    """

    store: Store
    shelf: Shelf
    journal: Journal
    transport: Transport
    keys: Keys
    suppression_key: bytes = field(repr=False)
    public: str
    tracked: bool
    owner: str
    log: Callable[[str], None]
    in_doubt: doubting.Policy = "assume_sent"
    lease: timedelta = LEASE
    """How long a claim of ours counts (PostgreSQL)."""
    limits: Limits = UNLIMITED
    """How much may leave."""
    mailbox: Place | None = None
    """Where mail comes back to; None where nobody reads it here."""
    returns: str = ""
    """The domain whose mail comes back to us, so that messages name themselves in addresses of it."""
    bars: Callable[[Workspace], str] = lambda _: ""
    """Why nothing written under this programme may be sent, or nothing."""
    networks: Networks = NO_NETWORKS
    """From where machines ask: the operator's list."""
    now: Callable[[], datetime] = clock.now
    """Business time while messages are on their way, as far as it is to be believed."""
    drafting: Drafting = draft_all
    """Where prospects are settled."""
    alerting: Alerting | None = None
    """Who tells people of trouble; nobody, but in a daemon."""
    trouble: str = ""
    unread: str = ""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Once it is set nothing more is begun, and what was claimed and not begun goes back."""


class Duty(NamedTuple):
    """Recurring work: its name, how often a driver looks at it (seconds), the work, and when it is due.

    `due` reads the earliest instant at which there is something to do; without it, the work looks itself.
    """

    name: str
    every: float
    run: Callable[[Engine, datetime], Awaitable[int]]
    due: Callable[[Connection], datetime | None] | None = None
    always: bool = False
    """Whether it is right at any time: run also while nobody knows what time it is."""


async def replay_journal(engine: Engine, now: datetime) -> int:
    """Bring in what the store could not take. Before anything is claimed: there may be unsubscribes, and
    answers of servers about messages that would else be in doubt."""
    if not engine.journal.waiting:
        return 0
    active = await engine.store.aread(lambda connection: programmes.active(connection).programme)
    takers = {
        unsubscribing.KIND: unsubscribing.taker(
            engine.store, engine.suppression_key, lambda: active, lambda: now
        ),
        journalled.KIND: journalled.taker(engine.store, engine.suppression_key, now),
    }
    return await asyncio.to_thread(engine.journal.replay, takers)


async def settle_hits(engine: Engine, now: datetime) -> int:
    """Judge hits whose neighbours are known by now."""
    settled = await engine.store.write(partial(_settle, engine, now))
    failpoints.hit("settle.after")
    return settled.messages


async def judge_again(engine: Engine, now: datetime) -> int:
    """Judge hits anew where the rules or the operator's list are others than when they settled."""
    judged = 0
    while await engine.store.aread(partial(settling.is_stale, now=now, networks=engine.networks)):
        done = (await engine.store.write(partial(_judge_again, engine, now))).messages
        judged += done
        if not done or engine.stopping.is_set():
            break
    return judged


async def resolve_doubts(engine: Engine, now: datetime) -> int:
    """Settle messages in doubt that are proven, or that waited long enough."""
    resolved: doubting.Resolved = await engine.store.write(partial(_resolve, engine, now))
    return sum(resolved)


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


async def fetch_mail(engine: Engine, now: datetime) -> int:
    """Take in the mail that came back."""
    if engine.mailbox is None:
        return 0
    taking = Taking(engine.store, engine.shelf, engine.keys, engine.suppression_key)
    try:
        done = await asyncio.to_thread(fetch, engine.mailbox, taking, now, engine.stopping.is_set)
    except Unreachable as trouble:
        engine.unread = str(trouble)
        engine.log(f"mail is not read for now: {trouble}")
        return 0
    engine.unread = ""
    return done


async def relay(engine: Engine, now: datetime) -> int:
    """Tell colleagues of what people wrote."""
    return await relay_answers(engine.store, engine.shelf, engine.transport, engine.keys, now)


async def alert(engine: Engine, now: datetime) -> int:
    """Tell people of trouble. Never anything to go on with."""
    if engine.alerting is not None:
        await engine.alerting.look(engine.trouble, now, engine.unread)
    return 0


def _next_wake(connection: Connection) -> datetime | None:
    return _LONG_AGO if programmes.is_rewaking(connection) else waking.next_wake(connection)


DUTIES = (
    Duty("replay journal", 5, replay_journal, always=True),
    Duty("rescue orphans", 15, rescue_lapsed, always=True),
    Duty("fetch mail", 60, fetch_mail),
    Duty("settle hits", 15, settle_hits, settling.next_settlement),
    Duty("judge again", 60, judge_again, always=True),
    Duty("resolve doubts", 15, resolve_doubts, doubt.next_doubt),
    Duty("wake", 1, wake_due, _next_wake),
    Duty("tend outbox", 5, tend_outbox, overdue.next_due),
    Duty("deliver", 1, deliver_due, overdue.next_due),
    Duty("mail sales", 5, mail_sales, handoffs.next_mail),
    Duty("relay answers", 5, relay, returns.next_mail),
    Duty("ask for confirmations", 5, ask_for_confirmations, confirmations.next_mail),
    Duty("alert", 15, alert, always=True),
)


async def run_due(engine: Engine, duties: Sequence[Duty], now: datetime) -> int:
    """Those of these duties that are due, once; how much was done. Looking takes no lock."""
    due = await engine.store.aread(partial(_due, duties, now))
    return sum([await duty.run(engine, now) for duty in due])


async def run_all(engine: Engine, now: datetime) -> int:
    """Every duty, over and over, until nothing is due at this instant; how much was done."""
    total = 0
    while done := await run_due(engine, DUTIES, now):
        total += done
    return total


def next_moment(connection: Connection) -> datetime | None:
    """The earliest instant at which some duty will have something to do, as far as is known now."""
    questions = {duty.due for duty in DUTIES if duty.due is not None}
    moments = (question(connection) for question in questions)
    return min((moment for moment in moments if moment is not None), default=None)


def _due(duties: Sequence[Duty], now: datetime, connection: Connection) -> list[Duty]:
    answers = {duty.due: duty.due(connection) for duty in duties if duty.due is not None}
    moments = [(duty, answers[duty.due] if duty.due is not None else now) for duty in duties]
    return [duty for duty, moment in moments if moment is not None and moment <= now]


def _settle(engine: Engine, now: datetime, connection: Connection) -> settling.Settled:
    active, links = programmes.active(connection).programme, partial(links_in, connection, engine.shelf)
    return settling.settle_hits(connection, now, active, links, networks=engine.networks)


def _judge_again(engine: Engine, now: datetime, connection: Connection) -> settling.Settled:
    active, links = programmes.active(connection).programme, partial(links_in, connection, engine.shelf)
    return settling.reclassify(connection, now, active, links, networks=engine.networks)


def _resolve(engine: Engine, now: datetime, connection: Connection) -> doubting.Resolved:
    active = programmes.active(connection).programme
    return doubting.resolve_doubts(connection, now, engine.in_doubt, active, key=engine.suppression_key)


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


async def rescue_orphans(engine: Engine, now: datetime) -> None:
    """At the start, under the run lock: what a dead process claimed goes back, what it fenced is in doubt."""
    if engine.store.database is not None:
        await _rescue(engine, now)


async def _rescue(engine: Engine, now: datetime) -> overdue.Rescued:
    await replay_journal(engine, now)  # what was answered is in no doubt
    rescued = await engine.store.write(partial(overdue.rescue, now=now))
    failpoints.hit("rescue.after")
    return rescued

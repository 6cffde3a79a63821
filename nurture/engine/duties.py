"""The one list of recurring work. Drivers run it by the clock, `nurture wake` and the demo until all is done.

Every duty claims only what is due, may run at any time, in any number of processes, and says how much it
did; 0 means that nothing is due.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from nurture.engine import incoming, outgoing, settling
from nurture.engine.engine import Engine
from nurture.store import confirmations, doubt, handoffs, overdue, programmes, returns, waking

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


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


def _next_wake(connection: Connection) -> datetime | None:
    return _LONG_AGO if programmes.is_rewaking(connection) else waking.next_wake(connection)


DUTIES = (
    Duty("replay journal", 5, incoming.replay_journal, always=True),
    Duty("rescue orphans", 15, outgoing.rescue_lapsed, always=True),
    Duty("fetch mail", 60, incoming.fetch_mail),
    Duty("settle hits", 15, incoming.settle_hits, settling.next_settlement),
    Duty("judge again", 60, incoming.judge_again, always=True),
    Duty("forget agents", 600, incoming.forget_agents),
    Duty("resolve doubts", 15, incoming.resolve_doubts, doubt.next_doubt),
    Duty("wake", 1, outgoing.wake_due, _next_wake),
    Duty("tend outbox", 5, outgoing.tend_outbox, overdue.next_due),
    Duty("deliver", 1, outgoing.deliver_due, overdue.next_due),
    Duty("mail sales", 5, outgoing.mail_sales, handoffs.next_mail),
    Duty("relay answers", 5, outgoing.relay, returns.next_mail),
    Duty("ask for confirmations", 5, outgoing.ask_for_confirmations, confirmations.next_mail),
    Duty("alert", 15, outgoing.alert, always=True),
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

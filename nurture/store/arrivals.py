"""Hits as they arrive: all that wait are written together, and each is answered after the commit.

A click on its own costs a statement to find its message, another to keep it, and a commit. Under load the
three are shared: while one group is committed, the next one gathers, and the writer takes it the moment it
has its hands free. No timer, so nobody waits for company.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from sqlalchemy import Connection, select

from nurture.errors import Mistake
from nurture.store import sql
from nurture.store.door import Store
from nurture.store.engines import is_unavailable
from nurture.store.hits import Seen
from nurture.store.tables import TOUCHES

Leads = Callable[[Connection, str, str, int], str | None]
"""Programme, piece and number of a link -> where it leads; None if nowhere. Asked inside the transaction."""

LARGEST_GROUP = 250
"""Hits of one piece of work, so that the sender's own work is never kept waiting for long."""


class _Arriving(NamedTuple):
    touch: int
    seen: Seen
    answer: "asyncio.Future[str | None]"


class Arrivals:
    """Takes the hits of one event loop."""

    def __init__(self, store: Store, leads: Leads) -> None:
        self._store = store
        self._leads = leads
        self._waiting: deque[_Arriving] = deque()
        self._is_announced = False
        self._writing: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def keep(self, touch: int, seen: Seen) -> str | None:
        """Keep a request to an address of message `touch`; comes back once that is committed and synced.

        Gives where a click leads, and '' for other kinds. None where there is no such message (any more) or
        no such link in it: then nothing is kept. Raises what the store raises where it cannot take it.
        """
        if self._loop is None or self._loop.is_closed():  # to ask for it each time costs a call of the kernel
            self._loop = asyncio.get_running_loop()
        answer: asyncio.Future[str | None] = self._loop.create_future()
        self._waiting.append(_Arriving(touch, seen, answer))
        self._announce()
        return await answer

    def _announce(self) -> None:
        """Ask the store to write whatever waits by the time it gets to it."""
        if self._waiting and not self._is_announced:
            self._is_announced = True
            task = asyncio.create_task(self._write([]))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    def _gather(self, group: list[_Arriving]) -> None:
        """In the writer's thread. What comes from now on is announced anew, so none is left behind."""
        self._is_announced = False
        with suppress(IndexError):
            while len(group) < LARGEST_GROUP:
                group.append(self._waiting.popleft())

    async def _write(self, group: list[_Arriving]) -> None:
        """Write these, or where there are none whoever waits by then.

        A hit that the store refuses for what it holds must not take its neighbours with it.
        """

        def work(connection: Connection) -> list[str | Mistake | None]:
            if not group:  # there are some where PostgreSQL does the work again
                self._gather(group)
            return keep_hits(connection, [(each.touch, each.seen) for each in group], self._leads)

        try:
            _answer(group, await self._store.write(work))
        except Exception as error:
            if not group:  # it was not even begun
                self._gather(group)
            if len(group) > 1 and not is_unavailable(error):
                for each in group:
                    await self._write([each])
            else:
                _refuse(group, error)
        self._announce()  # what was too much for one group


def _answer(group: Sequence[_Arriving], kept: Sequence[str | Mistake | None]) -> None:
    for each, leads in zip(group, kept, strict=True):
        if isinstance(leads, Mistake):
            _refuse([each], leads)
        elif not each.answer.done():
            each.answer.set_result(leads)


def _refuse(group: Sequence[_Arriving], error: Exception) -> None:
    for each in group:
        if not each.answer.done():
            each.answer.set_exception(error)


def keep_hits(
    connection: Connection, hits: Sequence[tuple[int, Seen]], leads: Leads
) -> list[str | Mistake | None]:
    """Keep requests to addresses of messages, each with its touch; gives for each what `Arrivals.keep` says.

    A Mistake stands for a hit whose programme cannot be read any more: it is not kept, its neighbours are.
    """
    statements, driver = sql.of(connection)
    messages = statements.messages(driver, sorted({touch for touch, _ in hits}))
    answers: list[str | Mistake | None] = []
    rows: list[tuple[object, ...]] = []
    for touch, seen in hits:
        message = messages.get(touch)
        url = _leads_to(connection, message, seen, leads) if message is not None else None
        answers.append(url)
        if message is not None and isinstance(url, str):
            kind, _, *others = seen
            rows.append((message.prospect, touch, kind, url, *others))
    if rows:
        statements.keep_hits(driver, Seen._fields, rows)
    return answers


def leads_to(touch: int, link: int, leads: Leads, connection: Connection) -> str | None:
    """Where a link of message `touch` leads, where nothing is to be kept."""
    message = select(TOUCHES.c.programme, TOUCHES.c.piece).where(TOUCHES.c.id == touch)
    found = connection.execute(message).one_or_none()
    return leads(connection, *found, link) if found is not None else None


def _leads_to(connection: Connection, message: sql.Message, seen: Seen, leads: Leads) -> str | Mistake | None:
    if seen.kind != "click":
        return ""
    try:
        return leads(connection, message.programme, message.piece, seen.link)
    except Mistake as mistake:
        return mistake

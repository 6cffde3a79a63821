"""What came back from servers, on its way into the store.

It rides with the next fence, in the same transaction, so that recording costs no commit of its own; where
no fence comes, it goes alone, soon. So a process that dies leaves at most one doubt for each connection.
What the store cannot take after some tries goes into the journal beside it. Until then nothing more is begun:
nobody may send who cannot record.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from nurture import failpoints
from nurture.delivery.journalled import entry_of
from nurture.errors import Mistake
from nurture.store import Store, is_unavailable, outbox
from nurture.store.journal import Journal
from nurture.store.touches import Answer, Claim, Refused, Result

logger = logging.getLogger(__name__)

SOON = 0.05
"""Seconds that an answer waits for a fence to take it along."""

RECORD_AGAIN = (0.1, 1, 5)
"""Seconds before each further try to record what a server answered; the store itself waits 5 in each."""


class Recorder:
    """The one who writes for a pass. `trouble`: why the store could not take something; empty if it could."""

    def __init__(
        self,
        store: Store,
        journal: Journal | None,
        *,
        key: bytes,
        now: Callable[[], datetime],
        lease: timedelta,
    ) -> None:
        self.trouble = ""
        self._store, self._journal = store, journal
        self._key, self._now, self._lease = key, now, lease
        self._waiting: list[Result] = []
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None

    def add(self, result: Result) -> None:
        """Record this with the next fence, or soon."""
        self._waiting.append(result)
        self._soon()

    async def fence(self, claims: Sequence[Claim]) -> list[Answer | None]:
        """The last look at these claims, in their order; what waits is recorded with it.

        None for a touch that breaks the look by itself. Raises what the store raises if it can do nothing
        now; then nothing has been recorded either, and waits on.
        """
        results = self._take()
        try:
            answers = await self._commit(results, claims)
        except Exception as trouble:
            self._give_back(results)
            if is_unavailable(trouble):
                self._stop_for(trouble)
                raise
            logger.exception("A last look broke, so each touch is looked at alone.")
            answers = await self._each_looked_at(claims)
        failpoints.hit("fence.after")
        return [answers.get(claim.touch) for claim in claims]

    async def close(self) -> None:
        """Return once everything is recorded or in the journal.

        Without a journal, raises what the last try to record raised.
        """
        if self._timer is not None:
            self._timer.cancel()
        if self._flushing is not None:
            await self._flushing
        await self._flush()

    def _soon(self) -> None:
        if self._waiting and self._timer is None and self._flushing is None:
            self._timer = asyncio.get_running_loop().call_later(SOON, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._flushing = asyncio.create_task(self._flush_soon())

    async def _flush_soon(self) -> None:
        try:
            await self._flush()
        finally:
            self._flushing = None
            self._soon()  # what came while the last of it was under way

    async def _flush(self) -> None:
        """Record what waits; after some tries, keep it in the journal."""
        for pause in RECORD_AGAIN:
            if await self._recorded() is None:
                return
            await asyncio.sleep(pause)
        while (trouble := await self._recorded()) is not None:
            if self._journal is None:
                raise trouble
            if await self._journalled(self._journal):
                return
            await asyncio.sleep(RECORD_AGAIN[-1])

    async def _recorded(self) -> Exception | None:
        """Try once; why not, if the store can do nothing now."""
        results = self._take()
        if not results:
            return None
        try:
            await self._commit(results, ())
        except Exception as trouble:
            if not is_unavailable(trouble):
                logger.exception("Ends cannot be recorded together, so each is recorded alone.")
                return await self._each_recorded(results)
            self._give_back(results)
            self._stop_for(trouble)
            return trouble
        return None

    async def _each_recorded(self, results: Sequence[Result]) -> Exception | None:
        """One that cannot be recorded spoils no other; it stays as it is, and is in doubt one day."""
        for number, result in enumerate(results):
            try:
                await self._commit([result], ())
            except Exception as trouble:
                if is_unavailable(trouble):
                    self._give_back(results[number:])
                    self._stop_for(trouble)
                    return trouble
                logger.exception("Touch %d: what became of it cannot be recorded.", result.claim.touch)
        return None

    async def _each_looked_at(self, claims: Sequence[Claim]) -> dict[int, Answer]:
        answers: dict[int, Answer] = {}
        for claim in claims:
            try:
                answers.update(await self._commit((), [claim]))
            except Exception:
                logger.exception("Touch %d: the last look broke.", claim.touch)
        return answers

    async def _commit(self, results: Sequence[Result], claims: Sequence[Claim]) -> dict[int, Answer]:
        def work(connection: Connection) -> dict[int, Answer]:
            held = claims if self._is_anything_unread() else ()
            asked = () if held else claims
            answers = outbox.turn(connection, results, asked, self._now(), key=self._key, lease=self._lease)
            if results:
                failpoints.hit("record.before")
            return answers | {claim.touch: Refused("late") for claim in held}

        answers = await self._store.write(work, urgent=True)
        if results:
            failpoints.hit("record.after")
        return answers

    def _is_anything_unread(self) -> bool:
        """Whether the journal holds what the store does not know: somebody may have unsubscribed in it."""
        return self._journal is not None and self._journal.waiting

    async def _journalled(self, journal: Journal) -> bool:
        """Whether what waits is on the disk beside the store."""
        results = self._take()
        entries = [entry_of(result, self._now()) for result in results]
        try:
            await asyncio.to_thread(journal.append, *entries)
        except OSError as full:
            logger.error("The journal cannot be written either: %s", full.strerror)
            self._give_back(results)
            return False
        logger.error("The store takes nothing: %d answers wait in %s", len(results), journal.path.name)
        return True

    def _take(self) -> list[Result]:
        results, self._waiting = self._waiting, []
        return results

    def _give_back(self, results: Sequence[Result]) -> None:
        self._waiting[:0] = results
        self._soon()

    def _stop_for(self, trouble: Exception) -> None:
        self.trouble = told(trouble)
        logger.error("What servers answered cannot be recorded: %s", self.trouble)


def told(trouble: Exception) -> str:
    """Why the store could not do it: a person's sentence where there is one."""
    return f"the store: {trouble if isinstance(trouble, Mistake) else type(trouble).__name__}"

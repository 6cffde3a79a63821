"""Calls that wait at the same moment become one: while one batch is under way, the next one gathers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

LINGER = 0.002
"""Seconds that a batch waits for those who are expected. Without it half of them wait while the other half
are elsewhere, and every batch is half as large as it could be."""


class Together(Generic[T, R]):
    """`work` takes a batch and answers in its order. What it raises comes out at everybody in the batch.

    `expected`: how many may come; a batch of so many waits for nobody.
    """

    def __init__(
        self, work: Callable[[Sequence[T]], Awaitable[Sequence[R]]], expected: Callable[[], int]
    ) -> None:
        self._work, self._expected = work, expected
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running: asyncio.Task[None] | None = None
        self._complete: asyncio.Future[None] | None = None

    def __call__(self, item: T) -> "asyncio.Future[R]":
        """The answer for this item, to be awaited. Who is cancelled meanwhile spoils it for nobody else."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        elif self._complete is not None and len(self._waiting) >= self._expected():
            self._go(self._complete)
        return future

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                batch = [waiting for waiting in self._waiting if not waiting[1].done()]
                self._waiting = []
                if batch:
                    await self._do(batch)
        finally:
            self._running = None

    async def _gather(self) -> None:
        """Let everybody of this turn of the loop come along, and whoever comes soon."""
        await asyncio.sleep(0)
        if len(self._waiting) >= self._expected():
            return
        loop = asyncio.get_running_loop()
        self._complete = loop.create_future()
        timer = loop.call_later(LINGER, self._go, self._complete)
        try:
            await self._complete
        finally:
            timer.cancel()
            self._complete = None

    def _go(self, complete: "asyncio.Future[None]") -> None:
        if not complete.done():
            complete.set_result(None)

    async def _do(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._work([item for item, _ in batch])
        except Exception as trouble:
            for _, future in batch:
                if not future.done():
                    future.set_exception(trouble)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)

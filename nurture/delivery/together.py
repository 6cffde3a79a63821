"""Calls that wait at the same moment become one: while one batch is under way, the next one gathers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """`work` takes a batch and answers in its order. What it raises comes out at everybody in the batch."""

    def __init__(self, work: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> None:
        self._work = work
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running: asyncio.Task[None] | None = None

    def __call__(self, item: T) -> "asyncio.Future[R]":
        """The answer for this item, to be awaited. Who is cancelled meanwhile spoils it for nobody else."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return future

    async def _run(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # let everybody of this turn of the loop come along
                batch = [waiting for waiting in self._waiting if not waiting[1].done()]
                self._waiting = []
                if batch:
                    await self._do(batch)
        finally:
            self._running = None

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

"""Calls become batches: as large as expected, as late as allowed, and nobody spoils another's."""

import asyncio
from collections.abc import Sequence

import pytest

from nurture.delivery import together
from nurture.delivery.together import Together


class Work:
    """Doubles what it gets, and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def __call__(self, batch: Sequence[int]) -> list[int]:
        self.batches.append(list(batch))
        await asyncio.sleep(0)
        if 13 in batch:
            raise ValueError("thirteen")
        return [2 * each for each in batch]


async def come(ask: Together[int, int], number: int, turns: int) -> int:
    """Ask after so many turns of the loop."""
    for _ in range(turns):
        await asyncio.sleep(0)
    return await ask(number)


def test_a_batch_waits_for_everybody_expected_and_not_a_moment_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(together, "LINGER", 3600)

    async def go() -> tuple[list[int], list[list[int]]]:
        work = Work()
        ask = Together(work, expected=lambda: 4)
        return await asyncio.gather(*(come(ask, n, 3 * n) for n in range(8))), work.batches

    answers, batches = asyncio.run(asyncio.wait_for(go(), 5))
    assert answers == [0, 2, 4, 6, 8, 10, 12, 14]
    assert batches == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_who_is_expected_and_does_not_come_is_not_waited_for_long() -> None:
    async def go() -> list[list[int]]:
        work = Work()
        ask = Together(work, expected=lambda: 4)
        assert list(await asyncio.gather(ask(1), ask(2))) == [2, 4]
        return work.batches

    assert asyncio.run(asyncio.wait_for(go(), 5)) == [[1, 2]]


def test_trouble_comes_out_at_everybody_of_the_batch_and_at_nobody_else() -> None:
    async def go() -> list[object]:
        ask = Together(Work(), expected=lambda: 2)
        first = await asyncio.gather(ask(1), ask(13), return_exceptions=True)
        return [*map(type, first), *await asyncio.gather(ask(3), ask(4))]

    assert asyncio.run(go()) == [ValueError, ValueError, 6, 8]


def test_who_is_cancelled_is_left_out() -> None:
    async def go() -> list[list[int]]:
        work = Work()
        ask = Together(work, expected=lambda: 3)
        gone, stays = ask(1), ask(2)
        gone.cancel()
        assert await stays == 4
        return work.batches

    assert asyncio.run(go()) == [[2]]

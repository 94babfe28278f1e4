"""Short calls carried out together: each gets its own result, and cancelling loses no thread."""

from __future__ import annotations

import random
import threading

import anyio
import pytest
from anyio.lowlevel import checkpoint

from providers.local_drive.crew import Crew


async def test_each_caller_gets_what_its_own_call_returned() -> None:
    crew = Crew(2)
    results: dict[int, int] = {}

    async def ask(number: int) -> None:
        results[number] = await crew.call(lambda: number * 2)

    async with anyio.create_task_group() as tasks:
        for number in range(100):
            tasks.start_soon(ask, number)

    assert results == {number: number * 2 for number in range(100)}


async def test_an_error_is_raised_to_its_own_caller_alone() -> None:
    crew = Crew(1)
    raised: list[bool] = []

    async def ask(divisor: int) -> None:
        try:
            await crew.call(lambda: 1 // divisor)
        except ZeroDivisionError:
            raised.append(divisor == 0)

    async with anyio.create_task_group() as tasks:
        for divisor in (1, 0, 2):
            tasks.start_soon(ask, divisor)

    assert raised == [True]


async def test_a_task_that_asks_without_end_can_be_cancelled() -> None:
    crew = Crew(1)

    async def ask() -> None:
        while True:
            await crew.call(int)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await checkpoint()
            tasks.cancel_scope.cancel()


async def test_a_call_that_has_begun_has_ended_when_its_cancelled_caller_goes_on() -> None:
    crew = Crew(1)
    begun, over = threading.Event(), threading.Event()
    ended: list[bool] = []

    def call() -> None:
        begun.set()
        assert over.wait(10)
        ended.append(True)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(crew.call, call)
        await anyio.to_thread.run_sync(begun.wait, 10)
        tasks.cancel_scope.cancel()
        over.set()

    assert ended == [True]


@pytest.mark.parametrize("seed", range(30))
async def test_whoever_is_cancelled_whenever_all_threads_serve_on(seed: int) -> None:
    crew = Crew(3)
    chance = random.Random(seed)

    async def ask(patience: int) -> None:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(crew.call, int)
                for _ in range(patience):
                    await checkpoint()
                scope.cancel()

    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(ask, chance.randrange(12))

    assert crew._free == 3
    assert not crew._waiting

"""What comes while its taker is busy is taken together."""

from __future__ import annotations

import anyio
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint

from reactor.gathering import Basket


async def test_what_has_gathered_is_taken_together_in_its_order() -> None:
    basket = Basket[int]()
    for number in range(3):
        basket.put(number)

    assert await basket.take(9) == [0, 1, 2]
    assert len(basket) == 0


async def test_no_more_is_taken_than_asked_for_and_the_rest_stays() -> None:
    basket = Basket[int]()
    for number in range(3):
        basket.put(number)

    assert await basket.take(2) == [0, 1]
    assert await basket.take(2) == [2]


async def test_an_empty_basket_is_waited_for() -> None:
    basket = Basket[int]()
    basket.put(0)
    await basket.take(1)
    taken: list[int] = []

    async def take() -> None:
        taken.extend(await basket.take(9))

    async with anyio.create_task_group() as takers:
        takers.start_soon(take)
        await wait_all_tasks_blocked()
        assert taken == []
        basket.put(1)

    assert taken == [1]


async def test_nothing_is_lost_when_its_taker_is_cancelled() -> None:
    basket = Basket[int]()

    with anyio.CancelScope() as scope:
        scope.cancel()
        await checkpoint()
        await basket.take(1)
    basket.put(1)

    assert await basket.take(1) == [1]


async def test_nobody_waits_for_more_than_can_be_expected() -> None:
    basket = Basket[int]()
    basket.put(0)
    taken: list[int] = []

    async def take() -> None:
        taken.extend(await basket.take(9, 3600, lambda: 2))

    async with anyio.create_task_group() as takers:
        takers.start_soon(take)
        await wait_all_tasks_blocked()
        assert taken == []
        basket.put(1)

    assert taken == [0, 1]

"""Many files published in one call, each by itself."""

from __future__ import annotations

import anyio
import anyio.lowlevel

from providers.base import Facts, FileError, Handle, Location, SiteError
from providers.together import publish_each


def _handles(count: int) -> list[tuple[Handle, int | None]]:
    return [(Handle(Location("work", f"{n}.exr"), f"c{n}"), n) for n in range(count)]


async def test_each_has_its_own_outcome_in_order() -> None:
    async def publish(_: Handle, mtime_ns: int | None) -> Facts:
        assert mtime_ns is not None
        await anyio.sleep(0.001 * (5 - mtime_ns))
        if mtime_ns == 2:
            raise FileError("locked")
        return Facts(mtime_ns)

    outcomes = await publish_each(_handles(5), publish, anyio.CapacityLimiter(8))

    assert [isinstance(one, FileError) for one in outcomes] == [False, False, True, False, False]
    assert [one.size for one in outcomes if isinstance(one, Facts)] == [0, 1, 3, 4]


async def test_where_the_site_fails_the_rest_is_not_tried() -> None:
    tried: list[str] = []

    async def publish(handle: Handle, _: int | None) -> Facts:
        tried.append(handle.claim)
        raise SiteError("unreachable", "nobody is there")

    outcomes = await publish_each(_handles(5), publish, anyio.CapacityLimiter(1))

    assert tried == ["c0"]
    assert all(isinstance(one, SiteError) for one in outcomes)


async def test_no_more_are_under_way_at_once_than_may_be() -> None:
    limit, seen = anyio.CapacityLimiter(3), list[int]()

    async def publish(_handle: Handle, _: int | None) -> Facts:
        seen.append(int(limit.borrowed_tokens))
        await anyio.lowlevel.checkpoint()
        return Facts(1)

    await publish_each(_handles(20), publish, limit)

    assert max(seen) == 3


async def test_publishing_nothing_is_no_error() -> None:
    async def publish(_handle: Handle, _: int | None) -> Facts:
        raise AssertionError

    assert list(await publish_each([], publish, anyio.CapacityLimiter(1))) == []

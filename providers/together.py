"""One call for many files: each by itself, some at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio

from providers.base import Facts, Handle, ProviderError, SiteError


async def publish_each(
    handles: Sequence[tuple[Handle, int | None]],
    publish: Callable[[Handle, int | None], Awaitable[Facts]],
    at_once: anyio.CapacityLimiter,
) -> Sequence[Facts | ProviderError]:
    """
    Return what became of each, in order, for a service that publishes one file a request.

    `publish` raises why a file was not published. Where the site fails, the rest is not tried.
    """
    outcomes: dict[int, Facts | ProviderError] = {}
    trouble: list[SiteError] = []

    async def publish_one(index: int) -> None:
        async with at_once:
            try:
                outcomes[index] = trouble[0] if trouble else await publish(*handles[index])
            except ProviderError as error:
                outcomes[index] = error
                if isinstance(error, SiteError):
                    trouble.append(error)

    async with anyio.create_task_group() as tasks:
        for index in range(len(handles)):
            tasks.start_soon(publish_one, index)
    return [outcomes[index] for index in range(len(handles))]

"""The operating system's events, through watchfiles, so that listening ends when it is told to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import anyio
from watchfiles.main import FileChange, awatch  # pyright: ignore[reportUnknownVariableType] - it names trio, which is not installed

from reactor.tasks import plain_errors

Heard = Callable[[Sequence[str]], None]

_DEBOUNCE_MS = 200
_SOON_MS = 10_000


async def listen(heard: Heard, *folders: Path, recursive: bool, step_ms: int = 40) -> None:
    """
    Tell which paths something happened to, for ever; none from time to time.

    `step_ms` is how often the library looks: each look costs a little, all day. Raises what the system says where it cannot listen.
    """
    stop = anyio.Event()
    changes = awatch(
        *folders,
        watch_filter=None,
        debounce=_DEBOUNCE_MS,
        step=step_ms,
        stop_event=stop,
        rust_timeout=_SOON_MS,
        yield_on_timeout=True,
        recursive=recursive,
        ignore_permission_denied=True,
    )
    with plain_errors():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_tell, changes, heard)
            try:
                await anyio.sleep_forever()
            finally:
                stop.set()  # the library's own thread looks at nothing else


async def _tell(changes: AsyncIterator[set[FileChange]], heard: Heard) -> None:
    async for told in changes:
        heard([path for _, path in told])

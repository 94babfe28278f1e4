"""What task groups lack: one error that comes out of them as itself, and a race."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

from anyio import CancelScope


@contextmanager
def plain_errors() -> Generator[None]:
    """Let the first error of a task group come out as itself, so that callers can name it."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType] - the group's type parameter is lost in the loop
        raise error from None


async def then_cancel(wait: Callable[[], Awaitable[None]], scope: CancelScope) -> None:
    """Cancel a scope when something is over: of several such tasks, the first ends it."""
    await wait()
    scope.cancel()

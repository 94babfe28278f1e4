"""What task groups lack: one error that comes out of them as itself."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager


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

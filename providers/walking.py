"""
A tree of folders, walked in the order of whole paths, whatever it is stored in.

What is held is what a few folders contain: the one that is gone through, those above it, and the
next ones, which are read together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Generic, TypeVar

T = TypeVar("T")

FOLDERS_AT_ONCE = 16

# Names in order, those of folders with a slash at their end: so paths come in order, too.
Names = deque[tuple[str, T]]


def in_order(names: Iterable[tuple[str, T]]) -> Names[T]:
    """Return the names of a folder as they are walked."""
    return deque(sorted(names, key=itemgetter(0)))


def comes_after(path: str, after: str) -> bool:
    """Return whether a file, or anything below a folder (`path/`), comes after a path."""
    return path > after or (path.endswith("/") and after.startswith(path))


@dataclass(slots=True)
class _Open(Generic[T]):
    """A folder that is gone through, and what of it is left."""

    below: str
    names: Names[T]


@dataclass(slots=True)
class Walk(Generic[T]):
    """Walks a tree; `read` returns what some folders (`a/b/`, the top is "") contain, by folder."""

    read: Callable[[Sequence[str]], Awaitable[Mapping[str, Names[T]]]]
    _read_ahead: dict[str, Names[T]] = field(default_factory=dict[str, Names[T]], init=False)

    async def files(self, folder: str) -> AsyncIterator[tuple[str, T]]:
        """Yield the paths of files below a folder, each with what was read of it."""
        below = f"{folder}/" if folder else ""
        begun = [_Open(below, await self._names(below, []))]
        while begun:
            current = begun[-1]
            if not current.names:
                begun.pop()
                continue
            name, told = current.names.popleft()
            path = current.below + name
            if name.endswith("/"):
                begun.append(_Open(path, await self._names(path, begun)))
            else:
                yield path, told

    async def _names(self, below: str, begun: Sequence[_Open[T]]) -> Names[T]:
        """Return what a folder holds, and read those that come after it along with it."""
        if below not in self._read_ahead:
            room = FOLDERS_AT_ONCE - len(self._read_ahead)
            some = [below]
            for path in _following(begun):
                if len(some) >= room:
                    break
                if path not in self._read_ahead:
                    some.append(path)
            self._read_ahead.update(await self.read(some))
        return self._read_ahead.pop(below)


def _following(begun: Sequence[_Open[T]]) -> Iterator[str]:
    """Yield the folders that come next, the nearest first."""
    for current in reversed(begun):
        yield from (current.below + name for name, _ in current.names if name.endswith("/"))

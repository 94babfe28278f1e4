"""
A tree of folders as one listing, in the order of whole paths.

Folders are read a few at a time, those that come next along with the one that is needed; what
is held is what these few contain, however large the tree is.
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
from typing import Generic, TypeAlias, TypeVar

import anyio

from providers.base import ProviderError

_FOLDERS_AT_ONCE = 16

T = TypeVar("T")

# Names in order, those of folders with a slash at their end: so paths come in order, too.
_Names: TypeAlias = deque[tuple[str, T]]


@dataclass(slots=True)
class _Open(Generic[T]):
    """A folder that is gone through, and what of it is left."""

    below: str
    names: _Names[T]


@dataclass(slots=True)
class Walk(Generic[T]):
    """
    Walks a tree, from the first path after `after` on.

    `read` is given the paths of some folders ("" for the top) and returns what is in each, in
    any order: names, those of folders with a slash at their end, each with what is known of it.
    """

    read: Callable[[Sequence[str]], Awaitable[Mapping[str, Iterable[tuple[str, T]]]]]
    after: str = ""
    _read_ahead: dict[str, _Names[T]] = field(default_factory=dict[str, _Names[T]], init=False)

    async def files(self, folder: str) -> AsyncIterator[tuple[str, T]]:
        """Yield the path of every file below a folder, with what is known of it."""
        below = f"{folder}/" if folder else ""
        begun = [_Open(below, await self._names(below, []))]
        while begun:
            current = begun[-1]
            if not current.names:
                begun.pop()
                continue
            name, known = current.names.popleft()
            path = current.below + name
            if name.endswith("/"):
                begun.append(_Open(path, await self._names(path, begun)))
            else:
                yield path, known

    async def _names(self, below: str, begun: list[_Open[T]]) -> _Names[T]:
        """Return what a folder holds, and read those that come after it along with it."""
        if below not in self._read_ahead:
            room = _FOLDERS_AT_ONCE - len(self._read_ahead)
            some = [below]
            for path in _following(begun):
                if len(some) >= room:
                    break
                if path not in self._read_ahead:
                    some.append(path)
            await self._read_together(some)
        return self._read_ahead.pop(below)

    async def _read_together(self, folders: Sequence[str]) -> None:
        found = await self.read([below.rstrip("/") for below in folders])
        for below in folders:
            entries = found[below.rstrip("/")]
            wanted = (entry for entry in entries if self._is_wanted(below + entry[0]))
            self._read_ahead[below] = deque(sorted(wanted, key=itemgetter(0)))

    def _is_wanted(self, path: str) -> bool:
        return path > self.after or (path.endswith("/") and self.after.startswith(path))


def each_by_itself(
    read: Callable[[str], Awaitable[Iterable[tuple[str, T]]]],
) -> Callable[[Sequence[str]], Awaitable[Mapping[str, Iterable[tuple[str, T]]]]]:
    """Return what reads some folders at the same time, each with a request of its own."""

    async def read_some(folders: Sequence[str]) -> Mapping[str, Iterable[tuple[str, T]]]:
        found: dict[str, Iterable[tuple[str, T]]] = {}
        failures: list[ProviderError] = []

        async def read_one(folder: str) -> None:
            try:
                found[folder] = await read(folder)
            except ProviderError as error:
                failures.append(error)

        async with anyio.create_task_group() as tasks:
            for folder in folders:
                tasks.start_soon(read_one, folder)
        if failures:
            raise failures[0]
        return found

    return read_some


def _following(begun: list[_Open[T]]) -> Iterator[str]:
    """Yield the folders that come next, the nearest first."""
    for current in reversed(begun):
        yield from (current.below + name for name, _ in current.names if name.endswith("/"))

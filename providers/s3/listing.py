"""
All objects below a prefix, in the order of their keys' bytes.

That is how S3 lists them: page by page, a thousand at a time. A server that lists in another
order (SeaweedFS, directory buckets of AWS) is gone through folder by folder.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import anyio

from providers.base import Facts, Listed, Location, PermanentFileError, SiteError, Unlisted
from providers.names import components, is_ours
from providers.s3 import requests
from providers.s3.connecting import Bucket
from providers.s3.places import Root
from providers.s3.requests import Object, Page

_FOLDERS_AT_ONCE = 16
_FOLDER = -1  # in place of a size


@dataclass(frozen=True, slots=True)
class Listing:
    """
    Lists one root of a site, for files whose paths come after `after`.

    Objects that stand for folders are no files. `unlisted` is told of keys that no document
    can hold.
    """

    bucket: Bucket
    name: str
    root: Root
    after: str
    unlisted: Callable[[Unlisted], None] | None

    async def files(self, prefix: str) -> AsyncGenerator[Listed]:
        """Yield the files below a prefix."""
        found = self._in_pages(prefix) if self.bucket.is_ordered else self._by_folders(prefix)
        async with aclosing(found):
            async for one in found:
                path = one.key.removeprefix(self.root.prefix)
                if path > self.after and self._is_file(path):
                    yield Listed(Location(self.name, path), Facts(one.size))

    async def _in_pages(self, prefix: str) -> AsyncGenerator[Object]:
        """Yield what the server lists, the next page already asked for."""
        last = ""
        coming = asyncio.create_task(self._page(prefix, self.root.prefix + self.after, None))
        try:
            while True:
                page = await coming
                if page.token is not None:
                    coming = asyncio.create_task(self._page(prefix, "", page.token))
                for one in page.objects:
                    if one.key < last:
                        raise self._disordered()
                    last = one.key
                    yield one
                if page.token is None:
                    return
        finally:
            await _ended([coming])

    async def _by_folders(self, prefix: str) -> AsyncGenerator[Object]:
        """Yield what lies in folders, those that come next already asked for."""
        begun = [deque(await self._folder(prefix))]
        ahead: dict[str, asyncio.Task[list[Object]]] = {}
        try:
            while begun:
                if not begun[-1]:
                    begun.pop()
                    continue
                one = begun[-1].popleft()
                if one.size != _FOLDER:
                    yield one
                elif self._goes_into(one.key):
                    for key in (one.key, *self._following(begun)):
                        if key not in ahead and len(ahead) < _FOLDERS_AT_ONCE:
                            ahead[key] = asyncio.create_task(self._folder(key))
                    begun.append(deque(await ahead[one.key]))
                    del ahead[one.key]
        finally:
            await _ended(ahead.values())

    def _following(self, begun: list[deque[Object]]) -> Iterator[str]:
        """Yield the folders that come next, the nearest first."""
        for names in reversed(begun):
            yield from (
                one.key for one in names if one.size == _FOLDER and self._goes_into(one.key)
            )

    def _goes_into(self, key: str) -> bool:
        after = self.root.prefix + self.after
        return key > after or after.startswith(key)

    async def _page(self, prefix: str, after: str, token: str | None) -> Page:
        with self.bucket.speaker.explained(prefix, "looking"):
            return await requests.page(self.bucket.wire, prefix, after, token)

    async def _folder(self, prefix: str) -> list[Object]:
        """Return what a folder holds, in order; folders end with a slash and have no size."""
        names: list[Object] = []
        token: str | None = None
        while True:
            with self.bucket.speaker.explained(prefix, "looking"):
                page = await requests.page(self.bucket.wire, prefix, "", token, "/")
            names += page.objects
            names += [Object(folder, _FOLDER) for folder in page.folders]
            token = page.token
            if token is None:
                return sorted(names)

    def _is_file(self, path: str) -> bool:
        if path.endswith("/"):
            return False
        try:
            components(Location(self.name, path))
        except PermanentFileError as error:
            if self.unlisted is not None and not any(map(is_ours, path.split("/"))):
                self.unlisted(Unlisted(Location(self.name, path), str(error)))
            return False
        return True

    def _disordered(self) -> SiteError:
        self.bucket.is_ordered = False
        return SiteError(
            "unreachable",
            f"site {self.bucket.speaker.site!r} lists its files in an order of its own; run this "
            "once more: from now on its folders are gone through one by one",
        )


async def _ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Leave nothing under way, and nothing unsaid that failed."""
    waiting = [*tasks]
    for task in waiting:
        task.cancel()
    with anyio.CancelScope(shield=True):
        await asyncio.gather(*waiting, return_exceptions=True)

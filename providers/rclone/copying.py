"""
Copies that a remote's service makes by itself, from one of its folders to another.

Where the service declines one, rclone sends the bytes without asking us: the proof is the same.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio

from providers.base import Copied, Facts, Handle
from providers.rclone.errors import location, revoked
from providers.rclone.facts import Item, checksum_of
from providers.rclone.jobs import Job
from providers.rclone.looks import Looks
from providers.rclone.places import Place
from providers.rclone.remote import Remote
from providers.rclone.requests import RcError
from providers.services import CopyRefusedError

_EVERY = 0.5
# As for what is moved: never taken for the same file; and under the name that was asked for.
_OPTIONS = {"IgnoreTimes": True, "Inplace": True}


class Copy:
    """One copy under way."""

    def __init__(self, remote: Remote, handle: Handle, source: Place, target: Place) -> None:
        self._remote = remote
        self._handle = handle
        self._is_revoked = False
        self._told = 0
        self._job = Job(
            remote,
            handle,
            "operations/copyfile",
            srcFs=source.fs,
            srcRemote=source.path,
            dstFs=target.fs,
            dstRemote=target.path,
            _config=_OPTIONS,
        )

    async def finish(self, size: int, progress: Callable[[int], None]) -> None:
        """Return when the service has made it; `progress` is told what rclone knows of it."""
        try:
            ended = False
            while not ended:
                with anyio.move_on_after(_EVERY):
                    await self._job.ended()
                    ended = True
                if not ended:
                    self._tell(min(size, await self._copied()), progress)
        except BaseException:
            await self._job.stop()
            raise
        if self._is_revoked:
            raise revoked(self._handle)
        self._job.answer()
        self._tell(size, progress)

    async def revoke(self) -> None:
        """Break it off for good."""
        self._is_revoked = True
        await self._job.stop()

    def _tell(self, done: int, progress: Callable[[int], None]) -> None:
        if done > self._told:
            progress(done - self._told)
            self._told = done

    async def _copied(self) -> int:
        """Return how many bytes rclone says are copied."""
        try:
            stats = await self._remote.call("core/stats", group=self._job.group)
        except RcError:
            return 0  # it keeps none of a copy that is over
        return int(stats["bytes"])


class Original:
    """The file that is copied: what was told of it before must be so afterwards, too."""

    def __init__(self, looks: Looks, handle: Handle, facts: Facts) -> None:
        self._looks = looks
        self._where = location(handle)
        self._facts = facts

    async def place(self) -> Place:
        """Return where it lies, if it is still what it was."""
        await self.checked()
        return await self._looks.place(self._where)

    async def checked(self, *hashes: str) -> Item:
        """Return what is told of it now; raises where that is not what was told before."""
        item = await self._looks.item(self._where, *hashes)
        if item is None:
            raise self._looks.errors.missing(self._where)
        if self._looks.facts(item) != self._facts:
            raise self._looks.errors.changed(self._where)
        return item


def proved(original: Item, copy: Item, algorithm: str, facts: Facts) -> Copied:
    """Return both checksums, as the service tells them."""
    told = [checksum_of(item, algorithm) for item in (original, copy)]
    if not all(told):
        raise CopyRefusedError("its service tells no checksum of this file")
    return Copied(facts, str(told[0]), str(told[1]))

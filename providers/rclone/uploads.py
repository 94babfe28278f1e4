"""One file on its way through rclone: rclone fetches it from us, and puts it where it belongs."""

from __future__ import annotations

import asyncio
import secrets

import anyio

from providers.base import FileError, ProviderError
from providers.rclone.errors import Where, location, revoked
from providers.rclone.feed import NoMoreError
from providers.rclone.places import Place
from providers.rclone.remote import Remote
from providers.rclone.requests import RcError

# How long an upload that is broken off may take to end, before we hang up on rclone.
_PATIENCE = 10.0


class Upload:
    """
    An upload under way. `start` it, then `finish` or `stop` it: nothing of it is left after either.

    It runs in a task of its own, so that whoever cancels its writer does not cut off the call that
    tells when rclone has let go.
    """

    def __init__(self, remote: Remote, what: Where, place: Place) -> None:
        self._remote = remote
        self._what = what
        self._place = place
        self._group = f"sitesync/{secrets.token_hex(16)}"
        self._is_revoked = False
        self.size = 0

    def start(self, size: int, mtime_ns: int | None) -> None:
        """Have rclone fetch a file of this size, and give it this time."""
        self.size = size
        self._offer = self._remote.feed.offer(size, mtime_ns)
        self._task = asyncio.create_task(self._run())

    async def send(self, chunk: bytes) -> None:
        """Pass bytes on; raises what became of the upload where rclone takes no more."""
        try:
            await self._offer.send(chunk)
        except NoMoreError:
            await asyncio.wait({self._task})
            raise self._outcome() or self._cut_short() from None

    async def finish(self) -> None:
        """Return when all of the file is at the remote."""
        self._offer.end()
        await asyncio.wait({self._task})
        if error := self._outcome():
            raise error

    async def stop(self) -> None:
        """
        Break off, and return when rclone has let go: nothing writes on.

        Not interrupted by cancellation; an rclone that does not answer is hung up on.
        """
        with anyio.CancelScope(shield=True):
            self._offer.cut()
            with anyio.move_on_after(_PATIENCE):
                await self._stop_job()
                await asyncio.wait({self._task})
            self._task.cancel()
            await asyncio.wait({self._task})

    async def revoke(self) -> None:
        """Break off for good: whoever still writes is told that it was revoked."""
        self._is_revoked = True
        await self.stop()

    def refuse_if_revoked(self) -> None:
        """Raise `RevokedError` where it was."""
        if self._is_revoked:
            raise revoked(self._what)

    async def _stop_job(self) -> None:
        try:
            await self._remote.call("job/stopgroup", group=self._group)
        except (RcError, ProviderError):
            return  # there is no job, or no rclone: `_run` ends by itself

    async def _run(self) -> ProviderError | None:
        """Have rclone fetch the file; return what went wrong."""
        try:
            await self._remote.about(
                self._what,
                "operations/copyurl",
                fs=self._place.fs,
                remote=self._place.path,
                url=self._offer.url,
                _group=self._group,
            )
        except ProviderError as error:
            return error
        finally:
            self._remote.feed.withdraw(self._offer)
            self._offer.end()
        return None

    def _outcome(self) -> ProviderError | None:
        """Return why the upload has failed, or None where it has not."""
        if self._is_revoked:
            return revoked(self._what)
        return self._cut_short() if self._task.cancelled() else self._task.result()

    def _cut_short(self) -> FileError:
        return FileError(f"{location(self._what)}: rclone did not take all of it; it is sent again")

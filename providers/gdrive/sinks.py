"""
Bytes into an upload: a piece is sent while the next one fills, and the last byte is held back.

Only `publish` sends a file's last byte: what is written here can never become visible.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import anyio

from providers.base import ChangedFileError, ProviderError, RevokedError
from providers.gdrive.errors import Words
from providers.gdrive.refusals import RefusedError
from providers.gdrive.sessions import GRAIN, is_gone
from providers.gdrive.uploads import Upload, Uploads
from providers.gdrive.wire import Body

HELD = 1024 * 1024


class UploadSink:
    """Writes to one upload, in order."""

    def __init__(self, words: Words, uploads: Uploads, upload: Upload) -> None:
        self._words = words
        self._uploads = uploads
        self._upload = upload
        self._task: asyncio.Task[None] | None = None
        self._flying = 0
        self._lock = anyio.Lock()  # who writes a journal flushes while others write

    async def write(self, chunk: bytes) -> None:
        """Append a chunk; raises what became of earlier ones."""
        async with self._lock:
            upload = self._uploads.get(self._upload.handle)
            if upload.staged + self._flying + len(chunk) > upload.size:
                raise ChangedFileError(
                    f"{upload.handle.where} became larger while it was read; it is sent again"
                )
            upload.held.add(chunk)
            piece = self._uploads.piece
            while upload.session is not None and self._has(piece):
                await self._send(piece)

    async def flush(self) -> None:
        """Return when Google has all but what is held back for the end."""
        async with self._lock:
            upload = self._uploads.get(self._upload.handle)
            if upload.session is not None:
                await self._landed()
                await self._send_most(upload)
            await self._landed()

    async def end(self) -> None:
        """Return when nothing is under way any more; raises what became of it."""
        await self._landed()

    async def give_up(self) -> None:
        """Leave nothing under way: late writes are nobody's then."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with anyio.CancelScope(shield=True), suppress(asyncio.CancelledError, RefusedError):
                await task
            if task.cancelled() or task.exception() is not None:
                self._is_lost()

    def _has(self, piece: int) -> bool:
        """Return whether a piece can be sent: it is whole, and the file's last byte is not in it."""
        upload = self._upload
        is_all = upload.staged + self._flying == upload.size
        return len(upload.held) >= piece + is_all

    async def _send_most(self, upload: Upload) -> None:
        """Send all that can be sent; of a file's end a little is spared, which saves a request."""
        is_all = upload.staged == upload.size
        size = (len(upload.held) - is_all) // GRAIN * GRAIN
        if size and not (is_all and len(upload.held) <= HELD):
            await self._send(size)

    async def _send(self, size: int) -> None:
        await self._landed()
        piece, self._flying = self._upload.held.take(size), size
        self._task = asyncio.create_task(self._put(piece))

    async def _put(self, piece: Body) -> None:
        upload = self._upload
        assert upload.session is not None  # noqa: S101 - only then is anything sent
        reached = await upload.session.send(upload.committed, piece, upload.size)
        assert isinstance(reached, int)  # noqa: S101 - the last byte was not among them
        # In one step: until somebody waits for it, a piece that landed would be counted twice.
        upload.committed, self._flying = reached, 0

    async def _landed(self) -> None:
        if self._task is None:
            return
        task = self._task
        try:
            await task
        except RefusedError as error:
            self._is_lost()
            raise self._trouble(error) from error
        finally:
            if task.done():
                self._task, self._flying = None, 0

    def _trouble(self, error: RefusedError) -> ProviderError:
        where = self._upload.handle.where
        if is_gone(error):
            return RevokedError(f"{where}: Google knows nothing of this upload any more")
        return self._words.of(error, where)

    def _is_lost(self) -> None:
        """Take note that a piece is nowhere: how far the upload came, its session must tell."""
        self._upload.held.clear()
        self._upload.is_sure = False

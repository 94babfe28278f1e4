"""Bytes on their way into an upload: cut into parts, some of them under way at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial

import anyio
import anyio.to_thread

from providers.base import Handle, RevokedError
from providers.s3 import requests
from providers.s3.parts import Budget, digests_of, is_refuted, part_length, size_of
from providers.s3.refusals import RefusedError
from providers.s3.requests import Part
from providers.s3.uploads import Upload, is_obstructed, is_open

AT_ONCE = 4
_WORTH_A_THREAD = 128 * 1024


class PartSink:
    """
    Writes on where an upload's parts end.

    The last part is sent by `flush`, once there are as many bytes as were announced; before
    that, what does not fill a part stays here: no server takes a short one in the middle.
    """

    def __init__(self, handle: Handle, upload: Upload, budget: Budget) -> None:
        self._handle = handle
        self._upload = upload
        self._budget = budget
        self._number = len(upload.parts) + 1
        self._begun = size_of(upload.parts.values())  # where the part that is being filled begins
        self._pieces: list[bytes] = []
        self._filled = 0
        self._tail = -1  # how many bytes of this part were sent already, as the last one
        self._sending: deque[asyncio.Task[None]] = deque()
        self._flushing = anyio.Lock()

    async def write(self, chunk: bytes) -> None:
        """Take a chunk; raises what became of earlier ones."""
        while chunk:
            length = part_length(self._upload.size, self._begun)
            piece = chunk[: length - self._filled]
            chunk = chunk[len(piece) :]
            self._pieces.append(piece)
            self._filled += len(piece)
            if self._filled == length:
                await self._send_full()
        while self._sending and self._sending[0].done():
            await self._first()

    async def flush(self) -> None:
        """
        Return when the server has, and has proved, all parts that can be sent by now.

        What others write meanwhile is not waited for: else a journal would be written at the end.
        """
        async with self._flushing:
            is_last = self._begun + self._filled >= self._upload.size
            if is_last and self._tail != self._filled and (self._filled or self._number == 1):
                tail = self._filled
                await self._put(self._number, tuple(self._pieces))
                self._tail = tail
            if under_way := tuple(self._sending):
                await asyncio.wait(under_way)
                for task in under_way:
                    task.result()

    async def end(self) -> None:
        """Return when nothing is under way any more; raises what became of it."""
        try:
            await self._all()
        finally:
            await self.give_up()

    async def give_up(self) -> None:
        """Leave nothing under way: parts that arrive late belong to nobody."""
        for task in self._sending:
            task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.gather(*self._sending, return_exceptions=True)
        self._sending.clear()

    async def _send_full(self) -> None:
        number, pieces, size = self._number, tuple(self._pieces), self._filled
        self._number += 1
        self._begun += size
        self._pieces, self._filled, self._tail = [], 0, -1
        if len(self._sending) >= AT_ONCE:
            await self._first()
        if self._budget.take(size):
            self._sending.append(asyncio.create_task(self._put_from_budget(number, pieces, size)))
        else:
            await self._put(number, pieces)

    async def _put_from_budget(self, number: int, pieces: Sequence[bytes], size: int) -> None:
        try:
            await self._put(number, pieces)
        finally:
            self._budget.give(size)

    async def _put(self, number: int, pieces: Sequence[bytes]) -> None:
        wire, size = self._upload.bucket.wire, sum(map(len, pieces))
        hashing = partial(digests_of, pieces, signed=wire.signs_bodies)
        quick = size < _WORTH_A_THREAD
        digests = hashing() if quick else await anyio.to_thread.run_sync(hashing)
        upload = {"partNumber": str(number), "uploadId": self._upload.id}
        with self._upload.bucket.speaker.explained(self._handle, "writing"):
            try:
                answer = await requests.put_part(wire, self._upload.key, upload, pieces, digests)
            except RefusedError as error:
                if error.status >= 500:
                    await self._find_fault(error)
                raise
        if is_refuted(answer.headers, digests.md5):
            raise self._upload.bucket.speaker.damaged(self._handle)
        etag = answer.headers.get("ETag", "")
        self._upload.parts[number] = Part(number, etag, size)

    async def _find_fault(self, error: RefusedError) -> None:
        """Raise what some servers fail at, where they should say what is wrong."""
        if not await is_open(self._upload):
            raise RevokedError(f"{self._handle.where}: its upload was ended") from error
        if await is_obstructed(self._upload):
            raise self._upload.bucket.speaker.obstructed(self._handle) from error

    async def _all(self) -> None:
        while self._sending:
            await self._first()

    async def _first(self) -> None:
        """Raise what became of the part that is under way for longest, once it is decided."""
        task = self._sending[0]
        await asyncio.wait([task])
        if self._sending and self._sending[0] is task:
            self._sending.popleft()
            task.result()

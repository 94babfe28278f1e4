"""Bytes of an object in order, blocks ahead of them asked for at the same time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple

import anyio

from providers.base import ChangedFileError, Facts, Location
from providers.s3 import requests
from providers.s3.connecting import Bucket
from providers.s3.parts import Budget
from providers.s3.refusals import RefusedError
from providers.s3.requests import Block, Head
from providers.s3.times import facts_of

BLOCK = 4 * 1024 * 1024
_AHEAD = 4


@dataclass(frozen=True, slots=True)
class Subject:
    """What is read, and what is wanted of it again after a while."""

    where: Location
    bucket: Bucket
    key: str


class _Coming(NamedTuple):
    """A block that was asked for; `counted` in the budget, or not."""

    task: asyncio.Task[bytes]
    length: int
    counted: bool


class BlockReader:
    """
    A file being read from an offset to its end, all of it of one version.

    A block is asked for under the condition that the object is still the one that was opened.
    """

    def __init__(self, subject: Subject, first: Block, offset: int, budget: Budget) -> None:
        self._subject = subject
        self._first = first
        self._asked = offset + len(first.content)
        self._budget = budget
        self._coming: deque[_Coming] = deque()

    @property
    def facts(self) -> Facts:
        """Size, time and version as they were when the file was opened."""
        return facts_of(self._first.head)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Hand on the bytes in order, the next ones already asked for."""
        self._ask_ahead()
        content = self._first.content
        while content:
            yield content
            content = await self._next()

    async def unchanged(self) -> bool:
        """Return whether the key still leads to what was opened."""
        with self._subject.bucket.speaker.explained(self._subject.where, "reading"):
            found = await requests.head(self._subject.bucket.wire, self._subject.key)
        return found is not None and _identity(found) == _identity(self._first.head)

    async def close(self) -> None:
        """Ask for nothing any more."""
        for one in self._coming:
            one.task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.gather(*(one.task for one in self._coming), return_exceptions=True)
        while self._coming:
            self._done(self._coming.popleft())

    async def _next(self) -> bytes:
        self._ask_ahead()
        if not self._coming:
            return b""
        one = self._coming[0]
        with self._subject.bucket.speaker.explained(self._subject.where, "reading"):
            content = await one.task
        self._done(self._coming.popleft())
        if len(content) != one.length:
            raise ChangedFileError(
                f"{self._subject.where} became shorter while it was read; it is read again once it "
                "is at rest"
            )
        self._ask_ahead()
        return content

    def _ask_ahead(self) -> None:
        """Ask for one block at least, and for more where the budget allows it."""
        while self._asked < self._first.head.size and len(self._coming) < _AHEAD:
            length = min(BLOCK, self._first.head.size - self._asked)
            counted = self._budget.take(length)
            if not counted and self._coming:
                return
            task = asyncio.create_task(self._block(self._asked, length))
            self._coming.append(_Coming(task, length, counted))
            self._asked += length

    async def _block(self, start: int, length: int) -> bytes:
        bucket, key = self._subject.bucket, self._subject.key
        return (await requests.get(bucket.wire, key, start, length, self._first.head)).content

    def _done(self, one: _Coming) -> None:
        if one.counted:
            self._budget.give(one.length)


async def opened(subject: Subject, offset: int, budget: Budget) -> BlockReader:
    """Return a reader that has its first block."""
    wire, key = subject.bucket.wire, subject.key
    with subject.bucket.speaker.explained(subject.where, "reading"):
        try:
            first = await requests.get(wire, key, offset, BLOCK)
        except RefusedError as error:
            if error.code != "InvalidRange":
                raise
            head = await requests.head(wire, key)
            if head is None:
                raise subject.bucket.speaker.missing(subject.where) from error
            first = Block(head, b"")  # an empty file, or nothing after the offset
    return BlockReader(subject, first, offset, budget)


def _identity(head: Head) -> tuple[str, str | None, int]:
    return head.etag, head.version, head.size

"""
Calls of rclone's that change something: whoever makes one sees it end, cancelled or not.

Hanging up would not do: what rclone has begun goes on for a while, and would come upon what
others do at the same place later.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable

import anyio

from providers.base import FileError, ProviderError
from providers.rclone.errors import BusyFileError, Where, location
from providers.rclone.remote import Remote
from providers.rclone.requests import Answer, RcError

# How long a caller that was cancelled waits for a call to end, and then for it to be stopped; and
# how long anybody waits for what is locked.
PATIENCE = 10.0
_A_MOMENT = 0.2


class Job:
    """One call under way, in a task of its own, so that nobody's cancellation cuts its answer off."""

    def __init__(self, remote: Remote, what: Where, function: str, /, **parameters: object) -> None:
        self._remote = remote
        self._what = what
        self.group = f"sitesync/{secrets.token_hex(16)}"
        asked = remote.about(what, function, **parameters, _group=self.group)
        self._task = asyncio.create_task(asked)

    async def ended(self) -> None:
        """Return when rclone has answered."""
        await asyncio.wait({self._task})

    def when_ended(self, act: Callable[[], None]) -> None:
        """Have something done as soon as rclone has answered."""
        self._task.add_done_callback(lambda _: act())

    def answer(self) -> Answer:
        """Return what it has answered; raises what went wrong."""
        if self._task.cancelled():
            raise FileError(
                f"{location(self._what)}: rclone did not end in time; it is tried again"
            )
        return self._task.result()

    async def stop(self) -> None:
        """
        Have rclone stop, and return when it has.

        Not interrupted by cancellation; an rclone that does not answer is hung up on.
        """
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(PATIENCE):
                await self._stop_group()
                await self.ended()
            self._task.cancel()
            await self.ended()
            if not self._task.cancelled():
                self._task.exception()  # nobody else asks for it

    async def settle(self) -> None:
        """Let it come to its end, or have it stopped if that takes too long."""
        with anyio.move_on_after(PATIENCE, shield=True):
            await self.ended()
        await self.stop()

    async def _stop_group(self) -> None:
        if not self._task.done():
            try:
                await self._remote.call("job/stopgroup", group=self.group)
            except (RcError, ProviderError):
                return  # there is no such job, or no rclone


class Waiting:
    """
    How long it is asked again for what is locked for a moment.

    rclone itself asks ten times, which is not enough where many files meet in one folder: it has
    the folder made for each, and servers lock one while they make it.
    """

    def __init__(self) -> None:
        self._until = anyio.current_time() + PATIENCE

    async def once_more(self, refused: BusyFileError) -> None:
        """Wait until it is worth another try; raises what it was refused with if none is."""
        if anyio.current_time() > self._until:
            raise refused
        await anyio.sleep(random.uniform(0.5, 1.0) * _A_MOMENT)  # noqa: S311 - jitter


async def carried_out(
    remote: Remote, what: Where, function: str, /, **parameters: object
) -> Answer:
    """Call a function to its end; a caller that is cancelled meanwhile is so afterwards."""
    waiting = Waiting()
    while True:
        job = Job(remote, what, function, **parameters)
        try:
            await job.ended()
        except BaseException:
            await job.settle()
            raise
        try:
            return job.answer()
        except BusyFileError as error:
            await waiting.once_more(error)

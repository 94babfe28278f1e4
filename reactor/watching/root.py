"""
One root under the operating system's watch, and the proof that the watch lives.

Events get lost without a word: a stalled consumer overflows the kernel's queue, a disk is
unmounted under the watch, a network mount tells of nothing. A canary file proves each minute
that they come; where they do not, the root is surveyed instead.
"""

from __future__ import annotations

import os
import random
import stat
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import psutil
import structlog
from anyio import to_thread

from providers.base import Facts, ProviderError
from providers.names import staged_name
from reactor.backoff import RECONNECT
from reactor.sites import Site
from reactor.tasks import plain_errors
from reactor.watching.listening import listen
from reactor.watching.news import is_news
from reactor.watching.telling import Mode, Told

log = structlog.stdlib.get_logger()

CANARY_SECONDS = 60.0
CANARY_PATIENCE = 5.0
_START_PATIENCE = 60.0
_MANY = 1_000
_BURST_SECONDS = 2.0  # a burst is over by then
_STALL_SECONDS = 3.0
_TICK_SECONDS = 1.0
_NETWORK = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "afpfs",
        "afs",
        "fuse.sshfs",
        "9p",
        "ceph",
        "glusterfs",
    }
)


@dataclass(slots=True)
class RootWatch:
    """
    One root of one site on a disk of this machine: a `RootSource`.

    `mode` is live where events are proved to come; else the root is surveyed from time to
    time, and `why` says what is wrong.
    """

    site: Site
    root: str
    path: Path
    canary: str
    told: Told
    mode: Mode = field(default="starting", init=False)
    why: str = field(default="", init=False)
    _sung: anyio.Event = field(default_factory=anyio.Event, init=False)

    @property
    def folder(self) -> str:
        """The folder on this machine."""
        return str(self.path)

    async def run(self) -> None:
        """Listen for ever, and say of what cannot be heard that it has to be surveyed."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._notice_stalls)
            await self._listen()

    async def seen(self, paths: Sequence[str]) -> dict[str, Facts | None]:
        """Return what is there now; what is in folders is told by itself."""
        found = await to_thread.run_sync(_look_at, self.path, paths)
        seen: dict[str, Facts | None] = {}
        for path, there in found.items():
            if there is not None and stat.S_ISDIR(there.st_mode):
                async for listed in self.site.provider.listing(self.root, path):
                    self.told.happened(listed.where.path)
            if there is None:
                seen[path] = None
            elif stat.S_ISREG(there.st_mode):
                seen[path] = Facts(there.st_size, there.st_mtime_ns)
        return seen

    def again(self) -> None:
        """Ask for a survey: events are told once."""
        self.told.unsure(0.0)

    async def _notice_stalls(self) -> None:
        """Distrust events after this process did not run: the kernel's queue is short."""
        while True:
            before = time.monotonic()
            await anyio.sleep(_TICK_SECONDS)
            if time.monotonic() - before > _STALL_SECONDS:
                self.told.unsure(0.0)

    async def _listen(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await self.site.marker(self.root)
                await self._listen_and_prove()
            except ProviderError as error:
                self._deaf(str(error))
            except Exception as error:  # noqa: BLE001 - the library raises what its Rust side says
                self._deaf(_explained(error))
            failures = 1 if time.monotonic() - began > CANARY_SECONDS else failures + 1
            await anyio.sleep(RECONNECT.delay(failures, random.random()))  # noqa: S311 - jitter

    async def _listen_and_prove(self) -> None:
        """Return when the canary is heard no more; raise what the watch raises."""
        with plain_errors():
            await self._listen_while_proved()

    async def _listen_while_proved(self) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(listen, self._heard, self.path, recursive=True))
            await self._prove()
            tasks.cancel_scope.cancel()

    def _heard(self, paths: Sequence[str]) -> None:
        prefix = str(self.path)
        for path in paths:
            below = path[len(prefix) :].lstrip("/\\").replace("\\", "/")
            if below == self.canary:
                self._sung.set()
            elif is_news(below):
                self.told.happened(below)
        if len(paths) > _MANY:
            self.told.unsure(_BURST_SECONDS)

    async def _prove(self) -> None:
        """Let the canary sing each minute; return when it is not heard."""
        sings = await self._sings(_START_PATIENCE)  # a large tree takes a while to be watched
        if sings:
            self._live()
        while sings:
            await anyio.sleep(CANARY_SECONDS)
            sings = await self._sings(CANARY_PATIENCE)
        self._deaf("no event came for a file that was written there")

    async def _sings(self, patience: float) -> bool:
        """Return whether the canary is heard; until the watch stands, it sings again."""
        self._sung = anyio.Event()
        with anyio.move_on_after(patience):
            while not self._sung.is_set():
                await to_thread.run_sync(_touch, self.path / self.canary)
                with anyio.move_on_after(1.0):
                    await self._sung.wait()
        return self._sung.is_set()

    def _live(self) -> None:
        """From now on events come; what happened before only a survey can tell."""
        network = network_mount(self.path)
        self.mode = "surveyed" if network else "live"
        self.why = f"{network}: what other machines do there is not told" if network else ""
        self.told.unsure(0.0)
        log.info("watching", site=self.site.label, folder=self.folder, why=self.why or None)

    def _deaf(self, why: str) -> None:
        if (self.mode, self.why) != ("surveyed", why):
            log.warning("not watching", site=self.site.label, folder=self.folder, why=why)
        self.mode, self.why = "surveyed", why
        self.told.unsure(0.0)


def canary_name(process: str) -> str:
    """Return the canary's name: one that nobody takes for a published file."""
    return staged_name(f"canary-{process}")


def network_mount(folder: Path) -> str:
    """Return the kind of network file system that a folder is on, or ""."""
    try:
        mounts = psutil.disk_partitions(all=True)
    except OSError:
        return ""
    real = folder.resolve()
    above = [mount for mount in mounts if real.is_relative_to(mount.mountpoint)]
    kind = max(above, key=lambda mount: len(mount.mountpoint)).fstype if above else ""
    return kind if kind in _NETWORK else ""


def _look_at(folder: Path, paths: Sequence[str]) -> dict[str, os.stat_result | None]:
    """Return what is at each path; None where there is nothing. Links are not followed."""
    found: dict[str, os.stat_result | None] = {}
    for path in paths:
        try:
            found[path] = (folder / path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            found[path] = None
    return found


def _touch(canary: Path) -> None:
    canary.unlink(missing_ok=True)
    canary.touch()
    canary.unlink()


def _explained(error: Exception) -> str:
    """Return what to do about an error of the watch."""
    text = str(error)
    if "limit" in text.lower() or "No space left" in text:
        return (
            "the system's limit of watched folders is used up: raise it with "
            "`sysctl fs.inotify.max_user_watches=1048576`"
            if sys.platform == "linux"
            else text
        )
    if "decode" in text:
        return f"a name there is not Unicode, so no document can mean it; rename it ({text})"
    return f"the watch ended: {text or type(error).__name__}"

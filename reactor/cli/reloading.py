"""Settings that change under a running reactor: read again, and refused where they are wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import structlog

from config.errors import SettingsError
from config.models import Settings
from reactor.watching.listening import listen

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Reading:
    """How settings are read again: `first` ones, the `files` that hold them, and `read`."""

    first: Settings
    files: tuple[Path, ...]
    read: Callable[[], Settings]


async def changed_settings(reading: Reading, current: Settings) -> Settings:
    """
    Return new settings as soon as the files hold some.

    Wrong ones are refused in the log, with the line, and `current` stays. The database stays
    what it is: another one needs another process.
    """
    refused, new = "", current
    look = _Look(reading.files)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look.listen)
        while new == current:
            await look.until_changed()
            try:
                read = reading.read()
                if read.mongo != current.mongo:
                    log.warning("another database is used from the next start on")
                new = read.model_copy(update={"mongo": current.mongo})
            except SettingsError as error:
                if str(error) != refused:
                    refused = str(error)
                    log.warning("settings refused; the old ones stay", why=refused)
        tasks.cancel_scope.cancel()
    return new


class _Look:
    """Some files, whether they are there or not, and how they were when last seen."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._seen = self._signature()
        self._changed = anyio.Event()

    async def listen(self) -> None:
        """Look whenever something happens beside the files, and from time to time, for ever."""
        folders = {file.parent for file in self._files if file.parent.is_dir()}
        try:
            await listen(self._heard, *folders, recursive=False, step_ms=500)
        except OSError as error:
            log.warning("settings are not read again when they change", why=str(error))

    async def until_changed(self) -> None:
        """Return once a file is not as it was."""
        await self._changed.wait()
        self._changed = anyio.Event()

    def _heard(self, _paths: Sequence[str]) -> None:
        now = self._signature()
        if now != self._seen:
            self._seen = now
            self._changed.set()

    def _signature(self) -> list[tuple[int, int]]:
        found = [file.stat() for file in self._files if file.exists()]
        return [(one.st_mtime_ns, one.st_size) for one in found]

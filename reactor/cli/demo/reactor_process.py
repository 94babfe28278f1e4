"""The demo's reactor: a real `sitesync run` as a process of its own, killed by whoever likes."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager

import anyio
from anyio import to_thread

from reactor.cli.demo.layout import OWN_SITE, DemoError, Layout

_START = 30.0
_STOP = 3.0  # what is left then has its journal, and goes on from there
_POLL = 0.02
_RESTARTS = 10
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_OWN_VARIABLES = ("SITESYNC", "OPENPYPE_LOCAL_ID")


class ReactorProcess:
    """A reactor that serves the demo's settings. Its log is one line of JSON an event."""

    def __init__(self, layout: Layout) -> None:
        self._log_file = layout.log
        self._log_start = layout.log.stat().st_size if layout.log.exists() else 0
        self._process = _start(layout)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def death(self) -> str | None:
        """Return how the process ended, or None if it runs."""
        code = self._process.poll()
        if code is None:
            return None
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"

    async def serving(self) -> None:
        """Return when the reactor follows the database."""
        with anyio.move_on_after(_START):
            while not self.death():
                if any(line.get("event") == "serving" for line in self._log()):
                    return
                await anyio.sleep(_POLL)
        raise DemoError(f"the reactor did not start: look into {self._log_file}")

    async def stop(self) -> None:
        """Stop the reactor as SIGTERM does; a transfer that takes longer is cut off."""
        self._process.terminate()
        with anyio.CancelScope(shield=True), anyio.move_on_after(_STOP):
            while not self.death():  # noqa: ASYNC110 - no event tells of a process's end
                await anyio.sleep(_POLL)
        self._process.kill()
        await to_thread.run_sync(self._process.wait)

    def _log(self) -> Iterator[dict[str, object]]:
        written = self._log_file.read_bytes()[self._log_start :]
        for line in written.splitlines():
            try:
                parsed = json.loads(line)
            except ValueError:
                continue  # half a line, or a traceback
            if isinstance(parsed, dict):
                yield parsed


@asynccontextmanager
async def kept_running(layout: Layout, say: Callable[[str], None]) -> AsyncGenerator[None]:
    """Keep a reactor running until the block ends; entered when the first one serves."""
    keeper = _Keeper(layout, say)
    try:
        await keeper.start()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keeper.keep)
            yield
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await keeper.process.stop()


class _Keeper:
    """Starts reactors, one after the other."""

    def __init__(self, layout: Layout, say: Callable[[str], None]) -> None:
        self._layout = layout
        self._say = say
        self.process = ReactorProcess(layout)

    async def start(self) -> None:
        """Return when the process serves."""
        await self.process.serving()
        self._say(
            f"  reactor   process {self.process.pid}; `kill -9 {self.process.pid}` if you like: "
            "another goes on from there"
        )

    async def keep(self) -> None:
        """Put a new process in the place of one that has ended, for a few times."""
        for _ in range(_RESTARTS):
            while not (death := self.process.death()):  # noqa: ASYNC110 - no event tells of it
                await anyio.sleep(_POLL)
            self._say(f"  The reactor, process {self.process.pid}, {death}: starting another.")
            self.process = ReactorProcess(self._layout)
            await self.start()
        raise DemoError(f"the reactor ends again and again: look into {self._layout.log}")


def _start(layout: Layout) -> subprocess.Popen[bytes]:
    """Start `sitesync run` in a session of its own, so that Ctrl-C comes to us alone."""
    command = [sys.executable, "-P", "-m", "reactor", "--config", str(layout.settings_file)]
    demo = os.getpid()
    with layout.log.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - ourselves
            [*command, "run", "--active-site", OWN_SITE],
            env=_environment(layout),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=(lambda: _end_with(demo)) if _LIBC else None,  # noqa: PLW1509 - it makes one system call
        )


def _environment(layout: Layout) -> dict[str, str]:
    """Return our environment without settings of the user's own, which would win over ours."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_OWN_VARIABLES)}
    return {**kept, "XDG_CONFIG_HOME": str(layout.user_config)}


def _end_with(demo: int) -> None:
    """Have the kernel stop the reactor when the demo is killed."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != demo:
            os._exit(1)

"""The reactors: real `sitesync run` processes, killed, stopped and started again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.faults.nursery import born

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
_LAST_LINES = 3


@dataclass
class ReactorProcess:
    """One reactor's place: it is the own site's, whichever process is in it now."""

    site: str
    settings: Path
    log: Path
    process: ForkServerProcess | None = None
    is_stopped: bool = False
    kills: int = 0
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def pid(self) -> int:
        """The process id now; 0 where nothing runs."""
        return (self.process.pid or 0) if self.process is not None else 0

    def start(self) -> None:
        """Start it, unless it runs."""
        with self._lock:
            if self.process is not None and self.process.is_alive():
                return
            arguments = ["--config", str(self.settings), "run", "--active-site", self.site]
            home = {"XDG_CONFIG_HOME": str(self.settings.parent / "config")}
            self.process = born(arguments, {**home, **self.environ}, self.log)

    def last_words(self) -> str:
        """Return how it has ended though nobody asked it to; "" where it has not."""
        with self._lock:
            if self.process is None or self.process.is_alive():
                return ""
            said = self.log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
            return f"{self.log.stem} ended with {self.process.exitcode}: {' / '.join(said)}"

    def kill(self) -> bool:
        """Kill it with -9, and return whether there was one to kill."""
        with self._lock:
            if self.process is None or not self.process.is_alive():
                return False
            self.process.kill()
            self.process.join()
            self.process, self.is_stopped = None, False
            self.kills += 1
            return True

    def pause(self) -> bool:
        """Let it stand still."""
        with self._lock:
            if self.process is None or not self.process.is_alive() or self.is_stopped:
                return False
            os.kill(self.pid, signal.SIGSTOP)
            self.is_stopped = True
            return True

    def go_on(self) -> None:
        """Let it go on, if it still stands still."""
        with self._lock:
            if self.process is not None and self.is_stopped:
                os.kill(self.pid, signal.SIGCONT)
            self.is_stopped = False

    def end(self) -> int:
        """End it as an operator does, and return its exit code."""
        with self._lock:
            if self.process is None:
                return 0
            self.go_on()
            self.process.terminate()
            self.process.join(60)
            if self.process.is_alive():
                self.process.kill()
                self.process.join()
            code = self.process.exitcode or 0
            self.process = None
            return code


@dataclass
class Fleet:
    """All reactors of the studio; who died is started again by `tend`."""

    places: Sequence[ReactorProcess]
    crashes: list[str] = field(default_factory=list[str])  # ends that nobody asked for
    resting: set[int] = field(default_factory=set[int])  # kept down for a while, by position

    def start(self) -> None:
        """Start all."""
        for place in self.places:
            place.start()

    def tend(self) -> None:
        """Start those again that were killed, as a service manager does."""
        for number, place in enumerate(self.places):
            if number in self.resting:
                continue
            if words := place.last_words():
                self.crashes.append(words)
            place.start()

    def some_awake(self, rng: random.Random) -> int | None:
        """Return the position of a reactor that runs, if any does."""
        awake = [
            number
            for number, place in enumerate(self.places)
            if place.pid and not place.is_stopped and number not in self.resting
        ]
        return rng.choice(awake) if awake else None

    def by_pid(self, pid: int) -> ReactorProcess | None:
        """Return the reactor that has this process id now."""
        return next((place for place in self.places if pid and place.pid == pid), None)

    def end(self) -> list[int]:
        """End all as an operator does, and return their exit codes."""
        return [place.end() for place in self.places]

    def kill(self) -> None:
        """Leave nothing behind."""
        for place in self.places:
            with contextlib.suppress(ProcessLookupError):
                place.kill()

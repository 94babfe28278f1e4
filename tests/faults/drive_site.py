"""A Drive site that can be killed, cut, stalled and made to fail: the emulator behind a line."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.line import Line
from tests.faults.storage import DriveState
from tests.servers.drive import DriveEmulator, Fault

_DRIVE = "Bunny"
_GRAIN = 256 * 1024
# What a service does on a bad day, each now and then.
_BAD_DAY = (
    Fault("upload.*", "commit-then-reset", times=None, chance=0.1),
    Fault("upload.*", "error", 503, "backendError", times=None, chance=0.1),
    Fault("upload.*", "error", 403, "userRateLimitExceeded", 0.2, times=None, chance=0.05),
    Fault("upload.*", "cut", bytes=2000, times=None, chance=0.1),
    Fault("upload.chunk", "short-commit", bytes=_GRAIN, times=None, chance=0.2),
    Fault("upload.chunk", "dead-session", 410, times=None, chance=0.05),
    Fault("files.*", "error", 500, "backendError", times=None, chance=0.1),
    Fault("files.*", "reset", times=None, chance=0.05),
    Fault("files.list", "lag", seconds=5, times=None, chance=0.2),
    Fault("token", "error", 503, "backendError", times=None, chance=0.2),
)


@dataclass
class DriveSite:
    """The service, and the line in front of it. Its state is in `emulator.folder`."""

    emulator: DriveEmulator
    line: Line
    key_file: Path
    top: str  # the shared drive's id
    is_down: bool = False

    @property
    def storage(self) -> DriveState:
        """The shared drive, as the judge reads it."""
        return DriveState(self.emulator.folder, self.top)

    def kill(self) -> None:
        """End the service at once; what it had acknowledged is kept."""
        self.is_down = True
        self.emulator.stop(kill=True)

    def start(self) -> None:
        """Serve again, on the same port."""
        self.emulator.start()
        self.is_down = False

    def fail(self, seed: int) -> None:
        """Answer many requests with errors, or not at all, or do less than was asked for."""
        self.emulator.faults(*_BAD_DAY, seed=seed)

    def work(self) -> None:
        """Answer all requests again; it does so anyway where it was started anew."""
        with contextlib.suppress(OSError):
            self.emulator.faults()

    def settings(self) -> str:
        """Return the site's settings, as TOML."""
        return f"""
            provider = "gdrive"
            root = {{ work = "/{_DRIVE}" }}
            key_file = "{self.key_file}"
            endpoint = "http://127.0.0.1:{self.line.port}"
            calls_per_second = 1000
        """


@contextmanager
def drive_site(folder: Path) -> Generator[DriveSite]:
    """Run a service and its line until the block ends."""
    folder.mkdir()
    emulator = DriveEmulator(folder / "state", ("md5", "sha1", "sha256"))
    emulator.start()
    line = Line(emulator.port)
    line.start()
    try:
        account = emulator.service_account()
        top = emulator.shared_drive(_DRIVE)
        emulator.share(top, account, "fileOrganizer")
        tokens = f"http://127.0.0.1:{line.port}/token"
        key_file = emulator.key_file(folder / "key.json", account, token_uri=tokens)
        yield DriveSite(emulator, line, key_file, top)
    finally:
        line.close()
        emulator.stop()

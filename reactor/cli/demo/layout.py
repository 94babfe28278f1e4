"""The demo's folder: what lies where, and the proof that it is a demo's before it is cleared."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs

PROJECT = "Demo"
OWN_SITE = "studio"
COPIES = ("vendor", "backup")
"""The sites that get copies, by the name of their folder; `vendor_web` is `vendor`'s folder."""

DRIVE = "gdrive"
"""The site on Google Drive, where the demo has one."""

RETRY_COUNT = 3
HEADER = "# Written by `sitesync demo`, anew each time: copy it before you change it.\n"

_FOR_THE_DATABASE = 512 * 1024 * 1024


class DemoError(Exception):
    """The demo cannot go on. The text says what to do next."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The places in a demo's folder. `with_drive`: one of the sites is on a Google Drive."""

    folder: Path
    with_drive: bool = False

    @property
    def copies(self) -> tuple[str, ...]:
        """The sites that get copies, each once."""
        return (*COPIES, DRIVE) if self.with_drive else COPIES

    @property
    def wanted_at(self) -> tuple[str, ...]:
        """The sites that get copies, with their alternatives."""
        return ("vendor", "vendor_web", *self.copies[1:])

    @property
    def settings_file(self) -> Path:
        """The settings that the reactor is run with."""
        return self.folder / "sitesync.toml"

    @property
    def user_config(self) -> Path:
        """The folder that stands in for the user's configuration folder, always empty."""
        return self.folder / "config"

    @property
    def mongod(self) -> Path:
        """The embedded MongoDB's data folder."""
        return self.folder / "mongod"

    @property
    def server(self) -> Path:
        """The SFTP server's keys, configuration and log."""
        return self.folder / "sftp-server"

    @property
    def log(self) -> Path:
        """The reactor's log."""
        return self.folder / "reactor.log"

    def site(self, name: str) -> Path:
        """Return the folder that is a site's root."""
        return self.folder / name

    def path(self, site: str, path: str) -> Path:
        """Return where a site keeps a file of which a document says `{root[work]}/…`."""
        return self.site(site) / path.removeprefix("{root[work]}/")

    def clear_sites(self) -> None:
        """Remove the files of all sites."""
        for name in (OWN_SITE, *COPIES, DRIVE):
            if self.site(name).exists():
                shutil.rmtree(self.site(name))


def open_layout(folder: Path | None, cache_size: int, *, with_drive: bool = False) -> Layout:
    """Return the layout of a demo's folder, which is made; refuse one that is not a demo's."""
    folder = folder or platformdirs.user_data_path("sitesync-demo", appauthor=False)
    layout = Layout(folder.expanduser().absolute(), with_drive)
    try:
        layout.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _claim(layout)
    except OSError as error:
        raise DemoError(
            f"cannot use {layout.folder}: {error.strerror}; choose another with --folder"
        ) from error
    needed = (1 + len(layout.copies)) * cache_size + _FOR_THE_DATABASE
    if shutil.disk_usage(layout.folder).free < needed:
        raise DemoError(
            f"the demo needs {needed >> 20} MiB on the disk of {layout.folder}: make room, choose "
            "another place with --folder, or a smaller file with --cache-size"
        )
    return layout


def _claim(layout: Layout) -> None:
    """Leave our sign in an empty folder; without it nothing in there is ours to remove."""
    if not any(layout.folder.iterdir()):
        layout.settings_file.write_text(HEADER, encoding="utf-8")
    if not layout.settings_file.exists() or not _is_ours(layout.settings_file):
        raise DemoError(
            f"{layout.folder} holds something else than a demo: choose an empty or a new "
            "folder with --folder"
        )


def _is_ours(settings_file: Path) -> bool:
    return settings_file.read_text(encoding="utf-8", errors="replace").startswith(HEADER)


@contextmanager
def alone(layout: Layout) -> Generator[None]:
    """Hold the folder, so that no second demo clears it under the first."""
    if sys.platform == "win32":  # the embedded MongoDB will say that it does not run there
        yield
        return
    from reactor.embedded.filelock import FileLock  # noqa: PLC0415 - Windows lacks its locks

    with FileLock(layout.folder / "demo.lock") as lock:
        if not lock.try_exclusive():
            raise DemoError(
                f"another demo is running in {layout.folder}: end it first, or choose another "
                "folder with --folder"
            )
        yield

"""
The sites' disks: real folders, which can be unmounted, filled and made read-only.

A site's bytes lie in `backing`; as root, what reactors see is a mount of it. The judge and
the publishers, who sit at other machines, use the backing folder.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.replica_set import run
from tests.faults.storage import Folder

FILLER = "filler"


@dataclass
class Disk:
    """One site's disk. `seen` is the root by which reactors reach it."""

    name: str
    backing: Path
    seen: Path
    is_small: bool = False  # a tmpfs of its own, which can be filled up

    @property
    def root(self) -> Path:
        """The root's real folder."""
        return self.backing / "root"

    @property
    def is_mounted(self) -> bool:
        """Return whether reactors reach it by a mount."""
        return self.seen != self.root

    @property
    def storage(self) -> Folder:
        """The disk, as the judge reads it; what was written under a missing mount included."""
        below = self.seen if self.is_mounted else None
        return Folder(self.root, self.backing, frozenset({FILLER}), below)

    def mount(self) -> None:
        """Let reactors see it."""
        if self.is_mounted:
            run("mount", "--bind", str(self.root), str(self.seen))

    def unmount(self) -> None:
        """Take the root away at once, though files are open there."""
        run("umount", "--lazy", str(self.seen))

    def make_read_only(self, folder: Path) -> Callable[[], None]:
        """Refuse writes below a folder of the root, and return what ends that."""
        if os.geteuid() != 0:
            folder = self.root / folder
            folder.chmod(0o555)
            return lambda: folder.chmod(0o755)
        seen = str(self.seen / folder)
        run("mount", "--bind", seen, seen)
        run("mount", "-o", "remount,ro,bind", seen)
        return lambda: run("umount", "--lazy", seen)

    @property
    def is_full(self) -> bool:
        """Return whether somebody has filled it."""
        return (self.backing / FILLER).exists()

    def fill(self) -> None:
        """Leave no byte free."""
        with (self.backing / FILLER).open("wb") as filler:
            free = os.statvfs(self.backing)
            size = free.f_bavail * free.f_frsize
            with contextlib.suppress(OSError):
                os.posix_fallocate(filler.fileno(), 0, size)
            piece = bytes(64 * 1024)
            with contextlib.suppress(OSError):
                filler.seek(0, os.SEEK_END)
                while True:  # what was freed meanwhile
                    filler.write(piece)
                    filler.flush()

    def free(self) -> None:
        """Give back what `fill` took."""
        (self.backing / FILLER).unlink(missing_ok=True)


def make_disk(folder: Path, name: str, *, mounted: bool, small: str = "") -> Disk:
    """Make a site's disk below a folder, on a tmpfs of this size if one is given."""
    backing = folder / "disks" / name
    backing.mkdir(parents=True)
    if small:
        run("mount", "-t", "tmpfs", "-o", f"size={small}", "chaos", str(backing))
    (backing / "root").mkdir()
    seen = folder / "seen" / name if mounted else backing / "root"
    seen.mkdir(parents=True, exist_ok=True)
    disk = Disk(name, backing, seen, bool(small))
    disk.mount()
    return disk


def unmount_all(folder: Path) -> None:
    """Unmount whatever is still mounted below a folder, the last first."""
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return
    points = [line.split()[1] for line in mounts.read_text().splitlines()]
    for point in reversed([each for each in points if Path(each).is_relative_to(folder)]):
        with contextlib.suppress(OSError):
            run("umount", "--lazy", point)

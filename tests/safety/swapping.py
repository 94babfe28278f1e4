"""A root, somebody else's folder, and a link to it that is put in the place of one of the root's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def root_in(folder: Path) -> Path:
    """Return a new root with its marker and a published file, `shots/a.exr`."""
    root = folder / "root"
    (root / "shots").mkdir(parents=True)
    (root / "shots/a.exr").write_bytes(b"published")
    (root / ".sitesync-root").write_text("0123456789abcdef\n")
    return root


def outside_in(folder: Path, names: Iterable[str], content: bytes) -> Path:
    """Return a new folder of somebody else's, with files of these names."""
    outside = folder / "outside"
    outside.mkdir()
    for name in names:
        (outside / name).write_bytes(content)
    return outside


def swap(root: Path, outside: Path) -> None:
    """Put a link to a folder outside in the place of the root's `shots`."""
    (root / "shots").rename(root / "shots.real")
    (root / "shots").symlink_to(outside, target_is_directory=True)

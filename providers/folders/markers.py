"""A root's marker on a disk: a hidden file with a random id. Blocking calls, for worker threads."""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path

from providers.base import MARKER_NAME, Marker, SiteError
from providers.folders import disk
from providers.names import staged_name


def is_marked(root: Path) -> bool:
    """Return whether a root has a marker, without reading it."""
    return (root / MARKER_NAME).exists()


def read(root: Path) -> Marker | None:
    """Return a root's marker, or None; raises `FileNotFoundError` where there is no root."""
    path = root / MARKER_NAME
    try:
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        root.stat()
        return None
    if not text.isalnum():
        raise SiteError(
            "marker", f"{path} is damaged: remove it, then make a new one with `sitesync site init`"
        )
    return Marker(text, folds_case=_folds_case(path))


def make(root: Path) -> Marker:
    """Make a root's marker, whole or not at all, or return the one that is there."""
    disk.make_folders(root)
    if found := read(root):
        return found
    draft = root / staged_name(uuid.uuid4().hex)
    try:
        _write(draft, uuid.uuid4().hex)
        _give_name(draft, root / MARKER_NAME)
    finally:
        draft.unlink(missing_ok=True)
    disk.sync_folder(root)
    return read(root) or make(root)


def _write(path: Path, text: str) -> None:
    with disk.make_file(path) as file:
        file.write(f"{text}\n".encode())
        disk.sync_file(file.fileno())


def _give_name(draft: Path, marker: Path) -> None:
    """Give the draft the marker's name, unless somebody was faster."""
    with suppress(FileExistsError):
        try:
            marker.hardlink_to(draft)
        except FileExistsError:
            raise
        except OSError:  # FAT and some shares have no hard links
            _write(marker, draft.read_text(encoding="ascii").strip())


def _folds_case(marker: Path) -> bool:
    """Return whether another spelling of the marker's name means the same file."""
    try:
        return marker.with_name(MARKER_NAME.upper()).samefile(marker)
    except FileNotFoundError:
        return False

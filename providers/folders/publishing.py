"""Staged files given their names, many in one hop into a thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from providers.base import Facts, Handle, Location, ProviderError
from providers.folders import disk
from providers.folders.errors import Errors
from providers.folders.inside import Folders, held
from providers.folders.paths import Paths
from providers.names import staged_name


class _Named(NamedTuple):
    """A staged file that has got its name; its folder is still to be synced."""

    where: Location
    folder: Path
    facts: Facts


def publish_bundle(
    paths: Paths, errors: Errors, handles: Sequence[tuple[Handle, int | None]]
) -> list[Facts | ProviderError]:
    """Give staged files their names, each with its mtime (ns); then each folder is synced once."""
    publishing = _Publishing(paths, errors)
    with Folders(paths, held) as folders:
        given = [publishing.name(folders, handle, mtime_ns) for handle, mtime_ns in handles]
    files_in = {one.folder: one.where for one in given if isinstance(one, _Named)}
    failed = {folder: publishing.sync(folder, where) for folder, where in files_in.items()}
    return [failed[one.folder] or one.facts if isinstance(one, _Named) else one for one in given]


class _Publishing(NamedTuple):
    """What is done to each file and folder; its errors are returned."""

    paths: Paths
    errors: Errors

    def name(
        self, folders: Folders, handle: Handle, mtime_ns: int | None
    ) -> _Named | ProviderError:
        try:
            with self.errors.told(handle, self.paths.root(handle.where.root)):
                return self._name(folders, handle, mtime_ns)
        except ProviderError as error:
            return error

    def sync(self, folder: Path, where: Location) -> ProviderError | None:
        try:
            with self.errors.told(where, self.paths.root(where.root)):
                disk.sync_folder(folder)
        except ProviderError as error:
            return error
        return None

    def _name(self, folders: Folders, handle: Handle, mtime_ns: int | None) -> _Named:
        folder, name = folders.of(handle.where)
        staged = staged_name(handle.claim)
        if folder.is_link(name):
            self.paths.file(handle.where)  # refused where it leads out of the root
        with folder.named_whole():
            if mtime_ns is not None:
                folder.set_mtime(staged, mtime_ns)
            facts = disk.facts_of(folder.stat(staged), folder.path_of(staged))
            folder.replace(staged, name)
        return _Named(handle.where, folder.path, facts)

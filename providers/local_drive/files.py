"""
What is done to one site's files, as blocking calls for worker threads.

Everything that the operating system refuses leaves here as a `ProviderError`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from io import FileIO
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

from providers.base import (
    ChangedFileError,
    Copied,
    Facts,
    FileError,
    Handle,
    Listed,
    Location,
    Marker,
    MissingFileError,
    ProviderError,
    RevokedError,
    Setup,
    StagedFile,
    Unlisted,
)
from providers.checksums import checksum_of
from providers.local_drive import copying, disk, markers
from providers.local_drive.bundles import PathOf, read_bundle, stage_bundle
from providers.local_drive.errors import Errors
from providers.local_drive.inside import Held, held, make_folders, refuse_outside
from providers.local_drive.listing import Walk, walk_staged
from providers.local_drive.paths import Paths
from providers.names import NAMELESS, shown, staged_name
from providers.small import SmallFile

P = ParamSpec("P")
T = TypeVar("T")


class _Named(NamedTuple):
    """A staged file that has got its name; its folder is still to be synced."""

    where: Location
    folder: Path
    facts: Facts


class Files:
    """The files of one site."""

    def __init__(self, setup: Setup) -> None:
        self.paths = Paths(setup)
        self._errors = Errors(setup.site)

    def on_file(
        self, where: Location, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what a call returns; its errors are told as those of this file."""
        with self._told(where):
            return call(*args, **kwargs)

    def marker(self, root: str) -> Marker | None:
        """Return a root's marker, or None where its folder has none."""
        return self._on_root(root, markers.read)

    def make_marker(self, root: str) -> Marker:
        """Make a root's folder and marker, or return the marker that is there."""
        return self._on_root(root, markers.make)

    def facts(self, where: Location) -> Facts | None:
        """Return the facts of a file, or None; a site that is not there is an error."""
        with self._told(where):
            path = self.paths.file(where)
            try:
                return disk.facts_of(path.stat(), path)
            except (FileNotFoundError, NotADirectoryError):
                self._refuse_unmarked(self.paths.root(where.root))
                return None

    def open(self, what: Location | Handle, offset: int = 0) -> tuple[FileIO, Path]:
        """Open a published or staged file for reading from `offset`, if it is one."""
        with self._told(what):
            path = self._path(what)
            file = disk.open_for_reading(path)
            try:
                refuse_outside(file.fileno(), path, self.paths.root(_place(what).root))
                disk.facts_of(os.fstat(file.fileno()), path)
                file.seek(offset)
            except BaseException:
                file.close()
                raise
            return file, path

    def checksum(self, where: Location | Handle, algorithm: str) -> str:
        """Return the checksum of a published or staged file."""
        with self._told(where), self.open(where)[0] as file:
            return checksum_of(algorithm, copying.chunks(file))

    def stage(self, handle: Handle) -> None:
        """Make an empty staged file that nobody else has."""
        with self._told(handle.where), self._prepared(handle) as folder:
            folder.make_file(staged_name(handle.claim)).close()

    def stage_small(self, source: PathOf, handles: Sequence[Handle]) -> list[Copied | None]:
        """Stage copies of small files whose places are empty; None where that is not so easy."""
        roots = {handle.where.root for handle in handles}
        if all(self._is_marked(root) for root in roots):
            return stage_bundle(self.paths, source, handles)
        return [None] * len(handles)

    def read_small(self, files: Sequence[Location]) -> list[SmallFile | None]:
        """Read small files below roots that have markers; None where that is not so easy."""
        if all(self._is_marked(root) for root in {where.root for where in files}):
            return read_bundle(self.paths, files)
        return [None] * len(files)

    def stage_from_disk(
        self,
        source: Callable[[], Path],
        handle: Handle,
        progress: Callable[[int], None],
        kept: int = 0,
    ) -> Copied:
        """Make a staged file that is a copy of `source`, or the rest of it behind what is `kept`."""
        with self._told(handle.where):
            path, staged = source(), staged_name(handle.claim)
            going_on = partial(self.open_staged, handle, kept)
            with self._prepared(handle) as folder:
                opened = going_on if kept else partial(folder.make_file, staged)
                return copying.copy(path, folder, staged, opened, progress)

    def open_staged(self, handle: Handle, offset: int) -> FileIO:
        """Open a staged file for writing from `offset`; what lay beyond it is cut off."""
        with self._told(handle), self._held(handle) as folder:
            file = folder.open_for_writing(staged_name(handle.claim))
            if os.fstat(file.fileno()).st_size < offset:
                file.close()
                raise ChangedFileError(f"{handle.where}: fewer than {offset} bytes are staged")
            file.truncate(offset)
            file.seek(offset)
            return file

    def staged_size(self, handle: Handle) -> int | None:
        """Return how many bytes are staged, or None."""
        with self._told(handle):
            try:
                return self._path(handle).stat().st_size
            except FileNotFoundError:
                return None

    def adopt(self, handle: Handle, claim: str) -> None:
        """Rename staged bytes to another claim's name."""
        with self._told(handle), self._held(handle) as folder:
            folder.replace(staged_name(handle.claim), staged_name(claim))

    def copy_staged(self, handle: Handle, claim: str, size: int) -> None:
        """Stage the first bytes of what another claim has staged once more."""
        new = staged_name(claim)
        with self._told(handle), self.open(handle)[0] as reading, self._held(handle) as folder:
            if os.fstat(reading.fileno()).st_size < size:
                raise RevokedError(f"{handle.where}: fewer than {size} bytes are staged")
            try:
                with folder.make_file(new) as writing:
                    copying.send(reading, writing, size, lambda _: None)
                    disk.sync_file(writing.fileno())
            except BaseException:
                with suppress(FileNotFoundError):
                    folder.remove(new)
                raise

    def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        """Give staged files their names; then each folder is synced once."""
        plain: set[str] = set()
        given = [self._publish(handle, mtime_ns, plain) for handle, mtime_ns in handles]
        folders = {item.folder: item.where for item in given if isinstance(item, _Named)}
        failed = {folder: self._sync(folder, where) for folder, where in folders.items()}
        return [
            failed[item.folder] or item.facts if isinstance(item, _Named) else item
            for item in given
        ]

    def revoke(self, handle: Handle) -> None:
        """Remove a staged file."""
        self._unlink(handle)

    def remove(self, where: Location) -> None:
        """Remove a published file."""
        self._unlink(where)

    def listing(
        self, root: str, folder: str, after: str, unlisted: Callable[[Unlisted], None] | None
    ) -> Iterator[Listed]:
        """Yield the published files below a folder; nothing is touched before the first is asked."""
        top = self.paths.root(root)
        self._refuse_unmarked(top)

        def refused(error: OSError, below: str) -> None:
            where = Location(root, below)
            told = self._errors.of(error, where, top)
            if unlisted is None or not isinstance(told, FileError):
                raise told from error
            unlisted(Unlisted(where, str(told), folder=True))

        def nameless(path: str) -> None:
            if unlisted is not None:
                unlisted(Unlisted(Location(root, shown(path)), NAMELESS))

        walk = Walk(root, after, refused, nameless)
        yield from walk.files(self.paths.folder(root, folder), f"{folder}/" if folder else "")

    def staged(self, root: str) -> Iterator[list[StagedFile]]:
        """Yield the staged files of each folder below a root that has a marker."""
        top = self.paths.root(root)
        self._refuse_unmarked(top)
        yield from walk_staged(root, top)

    def _is_marked(self, root: str) -> bool:
        try:
            return markers.is_marked(self.paths.root(root))
        except (OSError, ProviderError):
            return False

    def _publish(
        self, handle: Handle, mtime_ns: int | None, plain: set[str]
    ) -> _Named | ProviderError:
        try:
            with self._told(handle):
                target = self.paths.file(handle.where, plain)
                staged = staged_name(handle.claim)
                with held(target.parent, self.paths.root(handle.where.root)) as folder:
                    if mtime_ns is not None:
                        folder.set_mtime(staged, mtime_ns)
                    facts = disk.facts_of(folder.stat(staged), target.with_name(staged))
                    folder.replace(staged, target.name)
                return _Named(handle.where, target.parent, facts)
        except ProviderError as error:
            return error

    def _sync(self, folder: Path, where: Location) -> ProviderError | None:
        try:
            with self._told(where):
                disk.sync_folder(folder)
        except ProviderError as error:
            return error
        return None

    def _unlink(self, what: Location | Handle) -> None:
        with self._told(what):
            try:
                with self._held(what) as folder:
                    folder.remove(self._path(what).name)
            except (FileNotFoundError, NotADirectoryError):
                self._refuse_unmarked(self.paths.root(_place(what).root))

    def _path(self, what: Location | Handle) -> Path:
        if isinstance(what, Handle):
            return self.paths.file(what.where).with_name(staged_name(what.claim))
        return self.paths.file(what)

    def _held(self, what: Location | Handle) -> AbstractContextManager[Held]:
        """Hold the folder of a file."""
        return held(self._path(what).parent, self.paths.root(_place(what).root))

    def _prepared(self, handle: Handle) -> AbstractContextManager[Held]:
        """Hold the folder of a staged file, made if need be, below a root that has a marker."""
        folder, root = self._path(handle).parent, self.paths.root(handle.where.root)
        self._refuse_unmarked(root)
        make_folders(folder, root)
        return held(folder, root)

    def _refuse_unmarked(self, root: Path) -> None:
        """Raise `SiteError` where a root has no marker: its disk may not be mounted."""
        if not markers.is_marked(root):
            raise self._errors.unmarked(root) if root.is_dir() else self._errors.gone(root)

    def _on_root(self, name: str, call: Callable[[Path], T]) -> T:
        root = self.paths.root(name)
        try:
            return call(root)
        except FileNotFoundError as error:
            raise self._errors.gone(root) from error
        except OSError as error:
            raise self._errors.of_root(error, root) from error

    @contextmanager
    def _told(self, what: Location | Handle) -> Generator[None]:
        """Translate what the operating system raises; staged bytes that are gone are revoked."""
        try:
            yield
        except OSError as error:
            where = _place(what)
            root = self.paths.root(where.root)
            told = self._errors.of(error, where, root)
            if isinstance(told, MissingFileError):
                self._refuse_unmarked(root)
            if isinstance(told, MissingFileError) and isinstance(what, Handle):
                told = RevokedError(f"{where}: nothing is staged any more for claim {what.claim}")
            raise told from error


def _place(what: Location | Handle) -> Location:
    return what.where if isinstance(what, Handle) else what

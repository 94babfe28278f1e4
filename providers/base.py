"""
What a provider is: bytes and facts below named roots, features as data, one family of errors.

A provider serves one site. It never decides, never retries a transfer and never talks
to the database; whatever its library raises leaves it as a `ProviderError`, once.
The order in which the methods are called is `reactor.transfer`'s business (DESIGN §5).
All that an author needs is imported from here: `errors`, `features` and `files` are its pages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from providers.errors import (
    SITE_ERRORS,
    ChangedFileError,
    FileError,
    MissingFileError,
    PermanentFileError,
    ProviderError,
    RevokedError,
    SiteError,
)
from providers.features import Features
from providers.files import (
    CHUNK,
    MARKER_NAME,
    STAGED_PREFIX,
    STAGED_SUFFIX,
    Copied,
    Facts,
    Handle,
    Listed,
    Location,
    Marker,
    StagedFile,
    Unlisted,
)

if TYPE_CHECKING:  # a process that copies small files starts in a third of the time without it
    from pydantic import BaseModel

__all__ = [
    "API",
    "CHUNK",
    "MARKER_NAME",
    "SITE_ERRORS",
    "STAGED_PREFIX",
    "STAGED_SUFFIX",
    "ChangedFileError",
    "Copied",
    "DiskProvider",
    "Facts",
    "Features",
    "FileError",
    "Handle",
    "Kind",
    "Listed",
    "Location",
    "Marker",
    "MissingFileError",
    "PermanentFileError",
    "Provider",
    "ProviderError",
    "Reader",
    "RevokedError",
    "Setup",
    "Sink",
    "SiteError",
    "StagedFile",
    "Unlisted",
]

API = 1
"""The version of all that is in here; it changes when providers have to."""


class Reader(Protocol):
    """A file being read: its facts as of opening, and its bytes in order."""

    @property
    def facts(self) -> Facts:
        """Return size and time as they were when the file was opened."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def unchanged(self) -> bool:
        """Return whether the file still has the facts it was opened with."""
        ...


class Sink(Protocol):
    """Staged bytes being written, in order and without gaps."""

    async def write(self, chunk: bytes) -> None:
        """Append a chunk; may return before it reached the far side."""
        ...

    async def flush(self) -> None:
        """Return when all that was written is at the far side, on disk where it promises that."""
        ...


@runtime_checkable
class Provider(Protocol):
    """
    One site, as bytes and facts. Entered once, used by many tasks at a time.

    Every method may raise `SiteError` or `FileError`; `MissingFileError` is raised only
    where None is not a possible answer. Whatever else one raises is a fault of the provider.

    A call that neither ends nor moves bytes within the site's `timeout` (seconds, 120 unless its
    settings say otherwise) is cancelled: then it has to end soon, and to leave what it has open
    usable for other calls. Providers of other packages are made and used in a thread, and an
    event loop, of their own; their files are streamed, whatever `features.local_paths` says.
    """

    @property
    def features(self) -> Features:
        """What this site can do; final once the provider has been entered."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    async def marker(self, root: str) -> Marker | None:
        """Return the root's marker, or None where there is none; SiteError if out of reach."""
        ...

    async def make_marker(self, root: str) -> Marker:
        """Make the root's marker (and the root's folder), or return the one that is there."""
        ...

    async def facts(self, where: Location) -> Facts | None:
        """Return what is told of a file, or None if there is none. A link out is an error."""
        ...

    def read(self, where: Location, offset: int = 0) -> AbstractAsyncContextManager[Reader]:
        """Open a published file for reading from `offset`."""
        ...

    def read_staged(self, handle: Handle) -> AbstractAsyncContextManager[Reader]:
        """Open staged bytes for reading back, where `features.reads_staged`."""
        ...

    async def stage(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        """
        Make an empty staged file that nobody else has (O_EXCL), folders included.

        `size` and `mtime_ns` are of what will be published: some services ask for them first.
        """
        ...

    def write(self, handle: Handle, offset: int = 0) -> AbstractAsyncContextManager[Sink]:
        """
        Write staged bytes from `offset` on; what lay beyond it is cut off.

        Without `features.cuts_staged`, `offset` must be the staged size.
        """
        ...

    async def staged_size(self, handle: Handle) -> int | None:
        """Return how many bytes are staged, or None if there is no such handle."""
        ...

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        """
        Take over staged bytes whose owner is known to be dead; the old handle is revoked.

        Raises `RevokedError` where there is nothing to take.
        """
        ...

    async def checksum(self, where: Location | Handle, algorithm: str) -> str | None:
        """Return `"algorithm:hex"` over the site's own bytes; None if it cannot tell."""
        ...

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        """
        Make staged bytes visible under their names, each in one step, mtime (ns) set first.

        Returns, in order, the facts of each published file or why it was not published
        (`RevokedError` if its handle was revoked). Durable when it returns, where
        `features.durable` says so.
        """
        ...

    async def revoke(self, handle: Handle) -> None:
        """Make every later `publish` of this handle fail. Revoking nothing is no error."""
        ...

    async def remove(self, where: Location) -> None:
        """Remove a published file; none there is no error."""
        ...

    def listing(
        self,
        root: str,
        folder: str = "",
        after: str = "",
        unlisted: Callable[[Unlisted], None] | None = None,
    ) -> AsyncIterator[Listed]:
        """
        List all published files below a folder whose paths come after `after`.

        They come in the order of their paths' characters (that of UTF-8's bytes, too), staged
        ones left out; links are not followed. What cannot be listed is told to `unlisted`
        before any file that comes after it; where that is None, a folder that cannot be read
        raises.
        """
        ...


@runtime_checkable
class DiskProvider(Provider, Protocol):
    """A provider with `features.local_paths`: the kernel copies between two of them."""

    def root_path(self, root: str) -> Path:
        """Return the folder of a root."""
        ...

    def local_path(self, where: Location) -> Path:
        """
        Return the path of a file without links, checked to stay below its root.

        What lies elsewhere once it is opened was exchanged meanwhile, and is refused.
        """
        ...

    async def stage_small(
        self, source: DiskProvider, handles: Sequence[Handle]
    ) -> Sequence[Copied | None]:
        """
        Stage copies of small files of `source`, as `stage_from_disk` does, all in one hop.

        None for each that needs a closer look, and of which nothing is staged: something
        stands at its place, its source is large or missing, anything went wrong.
        """
        ...

    async def stage_from_disk(
        self,
        source: Callable[[], Path],
        handle: Handle,
        progress: Callable[[int], None],
        kept: int = 0,
    ) -> Copied:
        """
        Make the staged file of `handle` (O_EXCL) with a copy of `source`, whole and durable.

        Where some bytes are `kept`, they are staged already, and only what comes after them is
        copied; `RevokedError` where they are not there any more.

        `source` is asked for its path in a worker thread: checking it takes calls. Both ends
        are hashed after the copy. `progress` is told bytes as they are copied, from any
        thread. Raises `ChangedFileError` if the source changes meanwhile.
        """
        ...

    def staged(self, root: str) -> AsyncIterator[StagedFile]:
        """List all staged files below a root, whoever made them and whenever."""
        ...


@dataclass(frozen=True, slots=True)
class Setup:
    """What a provider is made from: the site's name, its roots, and its own settings."""

    site: str
    roots: Mapping[str, str]
    options: BaseModel

    def root(self, name: str) -> str:
        """
        Return the folder of a root by its name in documents.

        A site with a single root named "" (`root = "/path"`) serves every name; a site with
        one named root, or one called `work`, serves the bare `{root}`.
        """
        if name in self.roots:
            return self.roots[name]
        if "" in self.roots:
            return self.roots[""]
        if not name and (len(self.roots) == 1 or "work" in self.roots):
            return self.roots.get("work", next(iter(self.roots.values())))
        known = ", ".join(sorted(self.roots)) or "none"
        raise PermanentFileError(
            f"site {self.site!r} has no root {name!r} (it has: {known}); "
            f"add it under [sites.{self.site}.root]"
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """
    A kind of site: how its settings are read, how a provider is made, how it is shown.

    Importing one must be cheap: what is heavy is imported by `make`, which a process calls
    only if it has a site of this kind. `icon` is a PNG file of 24×24 pixels. `api` is the
    `API` that it was written for, as a number; only kinds of other packages have to say it.
    """

    name: str
    options: type[BaseModel]
    make: Callable[[Setup], Provider]
    icon: Path | None = None
    api: int | None = None

"""
What a provider is: bytes and facts below named roots, features as data, one family of errors.

A provider serves one site. It never decides, never retries a transfer and never talks
to the database; whatever its library raises leaves it as a `ProviderError`, once.
The order in which the methods are called is `reactor.transfer`'s business (DESIGN §5).
"""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, Self, runtime_checkable

from pydantic import BaseModel

MARKER_NAME = ".sitesync-root"
STAGED_PREFIX = ".sitesync-"
STAGED_SUFFIX = ".part"
CHUNK = 1024 * 1024
API = 1
"""The version of all that is in here; it changes when providers have to."""


@dataclass(frozen=True, slots=True)
class Location:
    """A file below a site's root: the root's name and a relative POSIX path without `..`."""

    root: str
    path: str

    def __str__(self) -> str:
        return f"{{root[{self.root}]}}/{self.path}" if self.root else f"{{root}}/{self.path}"


@dataclass(frozen=True, slots=True)
class Facts:
    """
    What a site tells about a file without reading it.

    `size` is in bytes, `mtime_ns` in nanoseconds since the epoch (None: not kept there),
    `id` the provider's own id, `checksum` one that the service keeps (`"md5:…"`).
    """

    size: int
    mtime_ns: int | None = None
    id: str | None = None
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class Marker:
    """A root's identity (DESIGN §9): two roots with one id are the same place."""

    id: str
    folds_case: bool = False

    def key(self, path: str) -> str:
        """Return one spelling for all names that mean the same file below this root."""
        normal = unicodedata.normalize("NFC", path)
        return f"{self.id}/{normal.casefold() if self.folds_case else path}"


@dataclass(frozen=True, slots=True)
class Handle:
    """
    Staged bytes on their way to `where`, named by the claim they were staged under.

    `token` is what a service needs beyond that to find them (an upload session's address, which
    lets whoever has it write there: it is shown nowhere).
    """

    where: Location
    claim: str
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Features:
    """
    What a site can do, as data: callers look here and never ask what class a provider is.

    `checksums` are the algorithms that the site computes over its own bytes, without our
    reading them; `mtime_resolution_ns` is None where times are not kept; `derived_handles`
    means that a handle follows from place and claim, so it needs no journal to be revoked;
    `transfers` is how many at once suit the site, and `bundle` how many small files are best
    sent together as one of them. `read_back` asks for staged bytes to be read back where the site cannot hash them.

    Where what is staged is an upload that a service holds open: `published_checksum` is the
    algorithm that the facts returned by `publish` carry, for services that hash only what is
    whole; `reads_staged` tells whether staged bytes can be read back, and `cuts_staged` whether
    writing may go on anywhere in them (otherwise only where they end).
    `proves_writes` means that the service hashes what it is sent, piece by piece, and that what
    `Sink.flush` acknowledged is what it hashed: no more proof is needed than that all is there.
    `lists_sizes_only`: listings tell neither times nor ids, which `facts` does.
    `bundles`: it is a `BundleProvider` (`providers.small`). `copies`, `changes` and `parts`: it
    is a `CopyingProvider`, a `ChangingProvider`, a `PartedProvider` (`providers.services`).
    """

    atomic_replace: bool = True
    resume: bool = True
    derived_handles: bool = True
    durable: bool = True
    checksums: frozenset[str] = frozenset()
    mtime_resolution_ns: int | None = None
    local_paths: bool = False
    read_back: bool = False
    published_checksum: str | None = None
    reads_staged: bool = True
    cuts_staged: bool = True
    proves_writes: bool = False
    lists_sizes_only: bool = False
    transfers: int = 8
    bundle: int = 1
    bundles: bool = False
    copies: bool = False
    changes: bool = False
    parts: bool = False


@dataclass(frozen=True, slots=True)
class Copied:
    """What `stage_from_disk` did: the source's facts, and both ends' checksums (`xxh128:…`)."""

    source: Facts
    source_checksum: str
    staged_checksum: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of a listing."""

    where: Location
    facts: Facts


@dataclass(frozen=True, slots=True)
class StagedFile:
    """
    A staged file of a listing, and when it was last touched, in nanoseconds since the epoch.

    Its name tells the claim and the folder only: `handle` says some file of that folder, which
    is enough to revoke it.
    """

    handle: Handle
    touched_ns: int


@dataclass(frozen=True, slots=True)
class Unlisted:
    """
    What a listing left out, and why: a name that no document can hold, or a folder.

    Of a `folder` that cannot be read, nothing below it is listed either.
    """

    where: Location
    why: str
    folder: bool = False


class ProviderError(Exception):
    """Something went wrong at a site. The text tells an artist what to do next."""


SITE_ERRORS = frozenset(
    {"unreachable", "login", "quota", "full", "read-only", "marker", "rate", "settings", "provider"}
)


class SiteError(ProviderError):
    """
    The site as a whole cannot serve: no file is to blame and no file's `tries` grows.

    `kind` is one of `SITE_ERRORS`; `provider` means that the provider itself is broken.
    `site` is filled in above the border, where a transfer knows which of its ends failed.
    """

    site: str | None = None

    def __init__(self, kind: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after = retry_after


class FileError(ProviderError):
    """This one file cannot be served; others may. Trying again later may help."""

    permanent: ClassVar[bool] = False


class PermanentFileError(FileError):
    """This file cannot be served until somebody changes something (a name, a link, a right)."""

    permanent: ClassVar[bool] = True


class MissingFileError(FileError):
    """There is no such file."""


class ChangedFileError(FileError):
    """A file changed while it was read, or is not the one it was said to be."""


class RevokedError(ProviderError):
    """
    The staged bytes are gone or were never ours: somebody else holds the claim now.

    Where handles have a token, a service may also have dropped an upload by itself.
    """


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
    where None is not a possible answer.
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

    def local_path(self, where: Location, plain: set[str] | None = None) -> Path:
        """
        Return the path of a file, checked to stay below its root.

        `plain` gathers folders that are no links, for callers that ask for many files at once.
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
        self, source: Callable[[], Path], handle: Handle, progress: Callable[[int], None]
    ) -> Copied:
        """
        Make the staged file of `handle` (O_EXCL) with a copy of `source`, whole and durable.

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

"""
Files at a site, as values: where they are, what is told of them, and what is staged for them.

Authors import these from `providers.base`.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

MARKER_NAME = ".sitesync-root"
STAGED_PREFIX = ".sitesync-"
STAGED_SUFFIX = ".part"
CHUNK = 1024 * 1024


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

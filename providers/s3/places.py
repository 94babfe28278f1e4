"""Where files and markers lie in buckets, as keys. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from providers.base import MARKER_NAME, Location, PermanentFileError, Setup, SiteError
from providers.names import components
from providers.s3.options import S3Options

_LONGEST = 1024
_ADDRESS = re.compile(r"s3://(?P<bucket>[^/]+)(?:/(?P<prefix>.*))?", re.DOTALL)


class Root(NamedTuple):
    """A root: its bucket, and what all keys below it begin with."""

    bucket: str
    prefix: str

    @property
    def marker(self) -> str:
        """The key of its marker."""
        return self.prefix + MARKER_NAME


class Place(NamedTuple):
    """A file: its bucket and key."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class Places:
    """
    Turns locations into keys.

    A root is a folder in the site's `bucket` (`/projects`), or names its own
    (`s3://bucket/projects`).
    """

    setup: Setup
    bucket: str | None

    @classmethod
    def of(cls, setup: Setup, options: S3Options) -> Places:
        """Return the places of a site; a root without a bucket is refused."""
        places = cls(setup, options.bucket)
        for name in setup.roots:
            places.root(name)
        return places

    @property
    def buckets(self) -> list[str]:
        """The buckets of all roots."""
        return list(dict.fromkeys(self.root(name).bucket for name in self.setup.roots))

    def root(self, name: str) -> Root:
        """Return where a root is."""
        folder = self.setup.root(name)
        found = _ADDRESS.fullmatch(folder)
        if found is None and self.bucket is None:
            raise SiteError(
                "settings",
                f"site {self.setup.site!r}: which bucket is root {folder!r} in? Set bucket, or "
                f'write root = "s3://BUCKET/{folder.strip("/")}"',
            )
        if found is None:
            return Root(str(self.bucket), _prefix(folder))
        return Root(found["bucket"], _prefix(found["prefix"] or ""))

    def place(self, where: Location) -> Place:
        """Return where a file is, or refuse a path that may leave its root."""
        root = self.root(where.root)
        key = root.prefix + _path(where)
        if len(key.encode()) > _LONGEST:
            raise PermanentFileError(
                f"site {self.setup.site!r} takes no name like {where}: with its folders it has more "
                f"than {_LONGEST} bytes; shorten it"
            )
        return Place(root.bucket, key)

    def below(self, root: str, folder: str) -> tuple[Root, str]:
        """Return a root, and what all keys of a folder below it begin with."""
        found = self.root(root)
        if not folder:
            return found, found.prefix
        return found, found.prefix + "/".join((*components(Location(root, folder)), ""))


def _prefix(folder: str) -> str:
    names = [name for name in folder.replace("\\", "/").split("/") if name]
    return "".join(f"{name}/" for name in names)


@lru_cache(4096)
def _path(where: Location) -> str:
    """Check a path, once for the many times that a transfer names it."""
    return "/".join(components(where))

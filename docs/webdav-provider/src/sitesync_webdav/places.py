"""Where files, staged bytes and markers lie at a server: addresses, percent by percent. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, unquote_to_bytes, urlsplit

from providers.base import MARKER_NAME, Handle, Location, Setup, SiteError
from providers.names import components, staged_name

STAGED_BYTES = "bytes"
"""What staged bytes are called in the collection of their claim."""


class Places:
    """Turns locations into addresses; those of folders end with a slash."""

    def __init__(self, setup: Setup, url: str) -> None:
        self._setup = setup
        self._url = url

    def root(self, root: str) -> str:
        """Return the address of a root's folder."""
        names = [name for name in self._setup.root(root).split("/") if name]
        if ".." in names or "." in names:
            site = self._setup.site
            raise SiteError("settings", f"site {site!r}: write its root {root!r} without . and ..")
        return below(f"{self._url}/", names, folder=True)

    def marker(self, root: str) -> str:
        """Return the address of a root's marker."""
        return self.root(root) + MARKER_NAME

    def folder(self, root: str, folder: str) -> str:
        """Return the address of a folder below a root; "" is the root's own."""
        names = components(Location(root, folder)) if folder else ()
        return below(self.root(root), names, folder=True)

    def file(self, where: Location) -> str:
        """Return the address of a published file, or refuse its path."""
        return below(self.root(where.root), components(where))

    def staged(self, handle: Handle) -> str:
        """Return the address of a claim's collection, beside the target of its bytes."""
        *folders, _ = components(handle.where)
        names = (*folders, staged_name(handle.claim))
        return below(self.root(handle.where.root), names, folder=True)

    def staged_bytes(self, handle: Handle) -> str:
        """Return the address of staged bytes."""
        return self.staged(handle) + STAGED_BYTES


def below(url: str, names: Iterable[str], *, folder: bool = False) -> str:
    """Return the address of what lies below a folder's."""
    return (
        url + "/".join(quote(name, safe="") for name in names) + ("/" if folder and names else "")
    )


def names_in(href: str) -> tuple[str, ...]:
    """
    Return the names of which an address leads along, whichever characters it escapes.

    Bytes that are not Unicode become surrogates, as they do in names of files.
    """
    parts = urlsplit(href).path.split("/")
    return tuple(
        unquote_to_bytes(part).decode("utf-8", "surrogateescape") for part in parts if part
    )

"""A Google Drive site as a provider: the protocol of `providers.base` over the Drive API."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self

import anyio

from providers.base import (
    Facts,
    Features,
    Handle,
    Listed,
    Location,
    Marker,
    PermanentFileError,
    ProviderError,
    Reader,
    Setup,
    SiteError,
    Unlisted,
)
from providers.gdrive.calls import Calls
from providers.gdrive.changes import Feed
from providers.gdrive.entries import MILLISECOND
from providers.gdrive.errors import Words
from providers.gdrive.key_files import load_key
from providers.gdrive.listing import Listing
from providers.gdrive.login import Login
from providers.gdrive.markers import Markers
from providers.gdrive.options import GdriveOptions
from providers.gdrive.pace import pace_of
from providers.gdrive.places import Places
from providers.gdrive.sinks import UploadSink
from providers.gdrive.staging import Staging
from providers.gdrive.storage import space_told
from providers.gdrive.streams import FileReader
from providers.gdrive.wire import Wire
from providers.names import components
from providers.services import Changes
from providers.space import Space

_MD5 = "md5"


class GdriveProvider:
    """One Google Drive site. Entering it logs in, so that a key that is none is told at once."""

    features = Features(
        derived_handles=False,
        checksums=frozenset({_MD5}),
        published_checksum=_MD5,
        reads_staged=False,
        cuts_staged=False,
        mtime_resolution_ns=MILLISECOND,
        transfers=16,
        bundle=16,
        changes=True,
        space=True,
    )

    def __init__(self, setup: Setup) -> None:
        if not isinstance(setup.options, GdriveOptions):
            raise TypeError(f"site {setup.site!r} needs GdriveOptions, not {setup.options!r}")
        self._setup = setup
        self._options = setup.options
        self._stack = AsyncExitStack()
        self._places: Places
        self._staging: Staging
        self._markers: Markers

    async def __aenter__(self) -> Self:
        try:
            await self._log_in()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def marker(self, root: str) -> Marker | None:
        """Return the root's marker, or None where there is none."""
        with self._places.explained(f"root {root!r}"):
            return await self._markers.read(root)

    async def make_marker(self, root: str) -> Marker:
        """Make the root's marker (and the root's folder), or return the one that is there."""
        with self._places.explained(f"the marker of root {root!r}"):
            made = await self._markers.make(root)
        if made is None:
            raise SiteError("marker", f"site {self._setup.site!r}: its marker vanished again")
        return made

    async def facts(self, where: Location) -> Facts | None:
        """Return what Drive tells of a file, or None if there is none."""
        with self._places.explained(where):
            found = await self._places.first_look(where)
        return found.facts if found else None

    @asynccontextmanager
    async def read(self, where: Location, offset: int = 0) -> AsyncGenerator[FileReader]:
        """Open a published file for reading from `offset`."""
        with self._places.explained(where):
            entry = await self._places.there(where)
        reader = FileReader(self._places, where, entry, offset)
        try:
            with self._places.explained(where):
                await reader.open()
            yield reader
        finally:
            await reader.close()

    @asynccontextmanager
    async def read_staged(self, handle: Handle) -> AsyncGenerator[Reader]:
        """Refuse: Google shows nothing of an upload before it is whole."""
        raise PermanentFileError(f"{handle.where}: what is staged at Google cannot be read back")
        yield  # which makes it a generator

    async def stage(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        """Begin an upload that nobody else has, folders included."""
        components(where)
        with self._places.explained(where):
            if await self._markers.read(where.root) is None:
                site = self._setup.site
                raise SiteError(
                    "marker",
                    f"site {site!r} has no marker in its root {where.root!r}; see that it is the "
                    f"right folder, then run once: sitesync site init {site}",
                )
            return await self._staging.stage(Handle(where, claim), size, mtime_ns)

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int = 0) -> AsyncGenerator[UploadSink]:
        """Write staged bytes from `offset` on, which must be where they end."""
        async with self._staging.write(handle, offset) as sink:
            yield sink

    async def staged_size(self, handle: Handle) -> int | None:
        """Return how many bytes are staged, or None if there is no such handle."""
        with self._places.explained(handle):
            return await self._staging.size(handle)

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        """Take over an upload whose owner is known to be dead."""
        with self._places.explained(handle):
            return await self._staging.adopt(handle, claim)

    async def checksum(self, where: Location | Handle, algorithm: str) -> str | None:
        """Return the MD5 that Google keeps of a published file; None for all else."""
        if algorithm != _MD5 or isinstance(where, Handle):
            return None
        with self._places.explained(where):
            return (await self._places.up_to_date(where)).facts.checksum

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        """Make staged bytes visible under their names, each in one step."""
        return await self._staging.publish(handles)

    async def revoke(self, handle: Handle) -> None:
        """Make every later `publish` of this handle fail."""
        with self._places.explained(handle):
            await self._staging.revoke(handle)

    async def remove(self, where: Location) -> None:
        """Move whatever file has this name to the trash; none there is no error."""
        with self._places.explained(where):
            for entry in await self._places.all_named(where):
                if entry.is_file:
                    await self._places.trash(entry)

    async def listing(
        self,
        root: str,
        folder: str = "",
        after: str = "",
        unlisted: Callable[[Unlisted], None] | None = None,
    ) -> AsyncIterator[Listed]:
        """List all published files below a folder, in the order of their paths."""
        names = components(Location(root, folder)) if folder else ()
        with self._places.explained(Location(root, folder)):
            top = await self._places.root(root)
            found = await self._places.tree.find(top, names)
            if found is None:
                return
            places = self._places
            listing = Listing(
                places.calls, places.telling, places.tree, (root, top), after, unlisted
            )
            async for listed in listing.files(folder, found.ids):
                yield listed

    async def space(self, root: str) -> Space | None:
        """Return what is left of the account's own storage; a shared drive has no such limit."""
        with self._places.explained(f"root {root!r}"):
            if (await self._places.root(root)).drive is not None:
                return None
            return space_told(await self._places.calls.about())

    async def changes_now(self, root: str) -> str:
        """Return a token for this moment."""
        with self._places.explained(f"root {root!r}"):
            return await (await self._feed(root)).now()

    async def changes(self, root: str, since: str) -> AsyncIterator[Changes]:
        """Yield what happened below a root since a token."""
        with self._places.explained(f"root {root!r}"):
            feed = await self._feed(root)
            async for batch in feed.since(since):
                yield batch

    async def _feed(self, root: str) -> Feed:
        places = self._places
        return Feed(places.calls, places.tree, root, await places.root(root))

    async def _log_in(self) -> None:
        site, options = self._setup.site, self._options
        key: dict[str, Any] = await anyio.to_thread.run_sync(load_key, site, options.key_file)
        email: str = key["client_email"]
        words = Words(site, email)
        pace = pace_of(options.endpoint, email, options.calls_per_second)
        wire = await self._stack.enter_async_context(Wire(Login(words, key, pace), pace))
        calls = Calls(wire, options.endpoint)
        self._places = Places(self._setup, calls, words)
        self._staging = Staging(self._places)
        self._markers = Markers(self._places)
        with self._places.explained(f"account {email}"):
            await calls.about()

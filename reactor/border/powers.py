"""
What a provider may do beyond `providers.base.Provider`, as everything above the border uses it.

Disks of this machine, bundles, copies, changes, room: `Features` tell which of it a site has.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from providers.base import (
    Copied,
    DiskProvider,
    Facts,
    Handle,
    Location,
    Provider,
    StagedFile,
)
from providers.services import (
    Changes,
    ChangingProvider,
    CopyingProvider,
    PartedProvider,
    StagedCopyProvider,
)
from providers.small import BundleProvider, SmallFile, SmallFiles
from providers.space import Space, SpaceProvider
from reactor.border.answers import (
    a_size,
    of_kind,
    some_of_kind,
    the_bundle,
    the_checksums,
    the_handle,
)
from reactor.border.calls import SLOW_DISK, SLOW_LINE, Calls
from reactor.border.carrying import Carrier, Here
from reactor.border.errors import Blame
from reactor.border.sent import Sent


class Powers:
    """The optional protocols of one site's provider, and the one way in which it is asked."""

    def __init__(self, blame: Blame) -> None:
        self._blame = blame
        self._calls = Calls(blame)
        self._sent = Sent()
        self._carrier: Carrier = Here()
        self._inner: Provider

    @property
    def inside(self) -> Provider:
        """The provider itself, for another of its own kind."""
        return self._inner

    # Disks of this machine (`providers.base.DiskProvider`).

    def root_path(self, root: str) -> Path:
        """Return the folder of a root."""
        return self._disk.root_path(root)

    def local_path(self, where: Location) -> Path:
        """Return the path of a file, checked to stay below its root."""
        return self._disk.local_path(where)

    async def stage_small(
        self, source: DiskProvider, handles: Sequence[Handle]
    ) -> Sequence[Copied | None]:
        """Stage copies of small files of `source`, all in one hop."""
        asked = partial(self._disk.stage_small, source, handles)
        return await self._calls.ask("stage_small", asked)

    async def read_small(self, files: Sequence[Location]) -> Sequence[SmallFile | None]:
        """Return small files, all in one hop."""
        disk = cast("SmallFiles", self._inner)
        return await self._calls.ask("read_small", partial(disk.read_small, files))

    async def stage_bundle(self, files: Sequence[tuple[Handle, bytes]]) -> Sequence[bool]:
        """Stage whole files, each new."""
        asked = partial(cast("BundleProvider", self._inner).stage_bundle, files)
        claims = [handle.claim for handle, _ in files]
        more = sum(len(content) for _, content in files) / SLOW_LINE
        found = await self._ask("stage_bundle", asked, *claims, more=more, of_site=True)
        done = the_bundle(self._blame, found, len(files))
        for (handle, content), is_staged in zip(files, done, strict=True):
            if is_staged:
                self._sent.note(handle.claim, len(content))
        return done

    async def staged_checksums(
        self, handles: Sequence[Handle], algorithm: str
    ) -> Sequence[str | None]:
        """Return the checksums of staged files over the site's own bytes, of all together."""
        bundles = cast("BundleProvider", self._inner)
        asked = partial(bundles.staged_checksums, handles, algorithm)
        more = sum(self._sent.patience(handle.claim) for handle in handles)
        found = await self._ask("staged_checksums", asked, more=more, of_site=True)
        return the_checksums(self._blame, found, len(handles), algorithm)

    async def stage_from_disk(
        self,
        source: Callable[[], Path],
        handle: Handle,
        progress: Callable[[int], None],
        kept: int = 0,
    ) -> Copied:
        """Make the staged file of `handle` with a copy of `source`, whole and durable."""
        asked = partial(self._disk.stage_from_disk, source, handle, kept=kept)
        return await self._calls.copy("stage_from_disk", asked, progress, more=kept / SLOW_DISK)

    async def staged(self, root: str) -> AsyncIterator[StagedFile]:
        """List all staged files below a root, whoever made them and whenever."""
        async for found in self._calls.each("staged", partial(self._disk.staged, root)):
            yield found

    # Services that do more by themselves (`providers.services`).

    def copies_from(self, source: Provider) -> bool:
        """Return whether the service can copy files of `source`."""
        try:
            return bool(self._service.copies_from(_inside(source)))
        except Exception as error:  # noqa: BLE001 - whatever it is, its bytes are sent
            self._blame.told(error, "copies_from", of_site=True)
            return False

    async def begin_copy(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        """Make what `copy` fills."""
        asked = partial(self._service.begin_copy, where, claim, size, mtime_ns)
        found = await self._ask("begin_copy", asked)
        return the_handle(self._blame, "begin_copy", found, where, claim)

    async def copy(
        self, source: Provider, facts: Facts, handle: Handle, progress: Callable[[int], None]
    ) -> Copied:
        """Fill staged bytes with those of the same location at `source`, whole and durable."""
        asked = partial(self._service.copy, _inside(source), facts, handle)
        return await self._calls.copy("copy", asked, progress, more=facts.size / SLOW_DISK)

    async def copy_staged(self, handle: Handle, claim: str, size: int) -> Handle:
        """Stage the first bytes of what another owner staged once more, under a claim."""
        asked = partial(cast("StagedCopyProvider", self._inner).copy_staged, handle, claim, size)
        found = await self._ask("copy_staged", asked, claim, more=size / SLOW_DISK)
        return the_handle(self._blame, "copy_staged", found, handle.where, claim)

    async def goes_on_at(self, handle: Handle, within: int) -> int:
        """Return where writing may go on: the end of a staged part, as far as possible."""
        asked = partial(cast("PartedProvider", self._inner).goes_on_at, handle, within)
        found = a_size(self._blame, "goes_on_at", await self._ask("goes_on_at", asked))
        if found > within:
            raise self._blame.broken("goes_on_at", f"answers {found} where {within} is the most")
        return found

    async def space(self, root: str) -> Space | None:
        """Return the room that there is for a root's files, where the service tells it."""
        asked = partial(cast("SpaceProvider", self._inner).space, root)
        return some_of_kind(self._blame, "space", await self._ask("space", asked), Space)

    async def changes_now(self, root: str) -> str:
        """Return a token for this moment."""
        found = await self._ask("changes_now", partial(self._changing.changes_now, root))
        return of_kind(self._blame, "changes_now", found, str)

    async def changes(self, root: str, since: str) -> AsyncIterator[Changes]:
        """Yield what happened below a root since a token."""
        asked = partial(self._changing.changes, root, since)
        changes = partial(self._carrier.each, lambda _: asked())
        async for found in self._calls.each("changes", changes):
            yield of_kind(self._blame, "changes", found, Changes)

    async def _ask(
        self,
        what: str,
        act: Callable[[], Awaitable[Any]],
        *claims: str,
        more: float = 0.0,
        of_site: bool = False,
    ) -> Any:  # noqa: ANN401 - a promise, which every caller checks
        carried = partial(self._carrier.call, act, *claims)
        return await self._calls.ask(what, carried, more=more, of_site=of_site)

    # What features say of these, `the_features` has looked for.

    @property
    def _disk(self) -> DiskProvider:
        return cast("DiskProvider", self._inner)

    @property
    def _service(self) -> CopyingProvider:
        return cast("CopyingProvider", self._inner)

    @property
    def _changing(self) -> ChangingProvider:
        return cast("ChangingProvider", self._inner)


def _inside(provider: Provider) -> Provider:
    return provider.inside if isinstance(provider, Powers) else provider

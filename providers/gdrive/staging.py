"""
Staged bytes at a service where an upload becomes visible with its last byte.

A file that is there is changed by a session on its id, which it keeps; a large new file is made
by a session, too; a small new one is held in memory and goes in one request. Either way nobody
but the process that staged it has the last byte, and its handle's token is in the claim before
the first one is written. Why a late request of a dead or paused owner does no harm, step by step:

* *Beginning a session*, fetching an id, making folders: none makes a file visible. A session whose
  address never reached the claim is never written to: its owner ends there (`reactor.staging`).
* *A piece*: it is never a file's last one, so it changes nothing that anybody sees. After
  `revoke` the session takes none.
* *Revoking a session* ends it, and asks it afterwards: only when Google says that it is gone, or
  that it had become a file before, is it revoked. Its last piece is refused from then on, be it
  for a new file or for one that is there, and whatever others have published there meanwhile.
* *Revoking a small new file* occupies its id: a folder of that id is made and moved to the trash.
  An id is used once, so the late request that would make the file is refused (409). Where the id
  is taken already, the file was made before: it is looked at as any other file there.
* *The last piece*, or the one request: either it comes before the revocation, and then the next
  owner finds its file (by its id, which is never late, where listings are), or it is refused.
  What is found there is proved or replaced. No later step of ours depends on its answer.
* *Setting the time* of a file whose session did not know it: changes no byte, and times prove
  nothing at this site.
* *Moving to the trash* (`remove`, or what was damaged on its way) is done under a claim that no
  lease ends (DESIGN §4.5), and by id.

Two owners one after the other: the second revokes all that the first has written down before it
looks, stages or publishes. The first cannot have a session that is not written down and goes on.
A session that goes from owner to owner is taken over only from one that can never act again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

import anyio

from providers.base import (
    ChangedFileError,
    Facts,
    FileError,
    Handle,
    Location,
    PermanentFileError,
    ProviderError,
    SiteError,
)
from providers.gdrive.entries import Entry
from providers.gdrive.places import Places
from providers.gdrive.publishing import Publishing, metadata, mime_of
from providers.gdrive.refusals import RefusedError
from providers.gdrive.room import Room
from providers.gdrive.sessions import Session, begin, is_gone
from providers.gdrive.sinks import UploadSink
from providers.gdrive.tokens import Token, read_token
from providers.gdrive.uploads import Target, Upload, Uploads, revoked
from providers.names import components, staged_name

LARGEST = 5 * 1024**4
SMALL = 4 * 1024 * 1024  # Google: up to 5 MB in one request
_ROOM = 40 * 1024 * 1024
_PATIENCE = 30.0
_AT_ONCE = 16


class Staging:
    """The uploads of one site."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._calls = places.calls
        self._publishing = Publishing(places)
        self._uploads = Uploads()
        self._room = Room(_ROOM)
        self._at_once = anyio.CapacityLimiter(_AT_ONCE)

    async def stage(self, handle: Handle, size: int, mtime_ns: int | None) -> Handle:
        """Begin an upload; what stands at its place is known from the look before."""
        where = handle.where
        if size > LARGEST:
            raise PermanentFileError(f"{where} is larger than Google Drive takes (5 TiB)")
        place = await self._places.place(where)
        if self._uploads.find(handle):
            raise FileError(f"{where} is staged for this claim already")
        before = await self._places.latest(where)
        folder = await self._places.tree.make(place.root, place.folders)
        target = Target(
            id=before.id if before else await self._calls.new_id(),
            root=place.root,
            folders=place.folders,
            parent=before.parents[0] if before and before.parents else folder.ids[0],
            name=place.name,
            before=before,
        )
        upload = await self._begun(handle, target, size, mtime_ns)
        self._uploads.add(upload)
        return upload.handle

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int) -> AsyncGenerator[UploadSink]:
        """Write where staged bytes end; afterwards nothing of it is under way."""
        upload = self._uploads.get(handle)
        staged = await self.size(handle)
        if staged != offset:
            raise ChangedFileError(
                f"{staged} bytes of {handle.where} are staged, it cannot go on at {offset}"
            )
        sink = UploadSink(self._places.words, self._uploads, upload)
        self._uploads.writers += 1
        try:
            yield sink
            await sink.end()
        except BaseException:
            await sink.give_up()
            raise
        finally:
            self._uploads.writers -= 1

    async def size(self, handle: Handle) -> int | None:
        """Return how many bytes are staged, or None where nothing is."""
        upload = self._uploads.find(handle)
        if upload is None:
            return None
        if not upload.is_sure and upload.session is not None:
            reached = await self._reached(upload.session)
            if reached is None:
                self._end(upload)
                return None
            upload.committed, upload.is_sure = reached, True
        return upload.staged

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        """Go on with an upload whose owner can never act again."""
        upload, token = self._uploads.find(handle), read_token(handle.token)
        if upload is not None:
            if upload.is_sure and not upload.sent:
                return self._uploads.rename(upload, claim)
            self._end(upload)
            token = read_token(upload.handle.token)
        if token is None or not token.url:
            await self.revoke(Handle(handle.where, handle.claim, token.written() if token else ""))
            raise revoked(handle)
        session = Session(self._calls.wire, token.url)
        reached = await self._reached(session)
        if reached is None:
            raise revoked(handle)
        new = Handle(handle.where, claim, handle.token)
        target = await self._target(handle.where, token)
        self._uploads.add(
            Upload(new, target, session, token.size, token.mtime_ns, committed=reached)
        )
        return new

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        """Make uploads visible, many at a time; where the site fails, the rest is not tried."""
        outcomes: list[Facts | ProviderError] = [revoked(handle) for handle, _ in handles]
        trouble: list[SiteError] = []

        async def publish(index: int) -> None:
            handle, mtime_ns = handles[index]
            upload = self._uploads.find(handle)
            if upload is None:
                return
            async with self._at_once:
                if trouble:
                    outcomes[index] = trouble[0]
                    return
                outcomes[index] = outcome = await self._publishing.publish(upload, mtime_ns)
            if isinstance(outcome, SiteError):
                trouble.append(outcome)
                upload.is_sure = False
                self._drop(upload)
            else:
                self._end(upload)

        async with anyio.create_task_group() as together:
            for index in range(len(handles)):
                together.start_soon(publish, index)
        return outcomes

    async def revoke(self, handle: Handle) -> None:
        """Make sure that an upload can never be published; nothing there is no error."""
        components(handle.where)
        upload, token = self._uploads.find(handle), read_token(handle.token)
        if upload is not None:
            self._end(upload)
            token = read_token(upload.handle.token)
            if upload.session is None and not upload.sent:
                return  # only this process had its bytes
        if token is not None and token.url:
            became_a_file = await Session(self._calls.wire, token.url).cancel()
            if became_a_file or upload is None or upload.sent:
                await self._note(token.id)
        elif token is not None:
            await self._occupy(handle, token)

    async def _begun(
        self, handle: Handle, target: Target, size: int, mtime_ns: int | None
    ) -> Upload:
        new = target.before is None
        if new and size <= SMALL and await self._room.take(size, _PATIENCE):
            token = Token(target.id, new, size, mtime_ns)
            handle = Handle(handle.where, handle.claim, token.written())
            return Upload(handle, target, None, size, mtime_ns, room=size)
        try:
            session = await begin(
                self._calls.wire,
                "POST" if new else "PATCH",
                self._calls.upload_url("resumable", None if new else target.id),
                metadata(target, mtime_ns),
                (mime_of(target.name), size),
            )
        except RefusedError as error:
            if not error.is_missing:
                raise
            raise self._places.lost(handle.where, target.root, target.folders) from error
        token = Token(target.id, new, size, mtime_ns, session.url)
        handle = Handle(handle.where, handle.claim, token.written())
        return Upload(handle, target, session, size, mtime_ns)

    async def _reached(self, session: Session) -> int | None:
        """Return how far a session came, or None where it goes on no more."""
        try:
            told = await session.ask()
        except RefusedError as error:
            if not is_gone(error):
                raise
            return None
        if isinstance(told, Entry):
            self._places.recent.note(told)
            return None
        return told

    async def _target(self, where: Location, token: Token) -> Target:
        place = await self._places.place(where)
        before = None if token.new else await self._calls.get(token.id)
        return Target(token.id, place.root, place.folders, "", place.name, before)

    async def _note(self, file_id: str) -> None:
        """Have a file be found at its place, however late listings are."""
        try:
            self._places.recent.note(await self._calls.get(file_id))
        except RefusedError as error:
            if not error.is_missing:
                raise

    async def _occupy(self, handle: Handle, token: Token) -> None:
        """Make something of an upload's id, so that nothing else can be made of it."""
        root = await self._places.root(handle.where.root)
        try:
            made = await self._calls.make_folder(token.id, staged_name(handle.claim), root.folder)
        except RefusedError as error:
            if error.status != 400:
                raise
            raise FileError(
                f"an upload of {handle.where} was begun by another Google account, which alone can "
                "end it; let all machines use the same key_file"
            ) from error
        if not made.is_folder:
            self._places.recent.note(made)
        elif not made.trashed:
            with suppress(RefusedError):  # it is empty, hidden, and does its work where it is
                await self._calls.update(token.id, trashed=True)

    def _end(self, upload: Upload) -> None:
        self._uploads.end(upload)
        self._drop(upload)

    def _drop(self, upload: Upload) -> None:
        """Give back the memory of an upload that is published, or never will be by us."""
        upload.held = bytearray()
        self._room.give(upload.room)
        upload.room = 0

"""One file on its way through rclone: rclone fetches it from us, and puts it where it belongs."""

from __future__ import annotations

from providers.base import FileError, ProviderError
from providers.rclone.errors import BusyFileError, Where, location, revoked
from providers.rclone.feed import NoMoreError
from providers.rclone.jobs import Job, Waiting
from providers.rclone.places import Place
from providers.rclone.remote import Remote

_KEPT = 1024 * 1024


class Upload:
    """
    An upload under way; `finish` or `stop` it: nothing of it is left after either.

    Where a folder is locked for a moment it begins again, as long as its first bytes are still
    known: those of small files, of which many meet in one folder.
    """

    def __init__(self, remote: Remote, what: Where, place: Place) -> None:
        self._remote = remote
        self._what = what
        self._place = place
        self._is_revoked = False
        self._waiting = Waiting()
        self._sent: list[bytes] = []
        self._kept: int | None = 0  # bytes in `_sent`; None when they are too many to be known
        self.size = 0

    def start(self, size: int, mtime_ns: int | None) -> None:
        """Have rclone fetch a file of this size, and give it this time."""
        self.size = size
        self._mtime_ns = mtime_ns
        self._begin()

    async def send(self, chunk: bytes) -> None:
        """Pass bytes on; raises what became of the upload where rclone takes no more."""
        self._keep(chunk)
        try:
            await self._offer.send(chunk)
        except NoMoreError:
            await self._job.ended()
            await self._begin_again(self._why())

    async def finish(self) -> None:
        """Return when all of the file is at the remote."""
        while True:
            self._offer.end()
            await self._job.ended()
            self.refuse_if_revoked()
            try:
                self._job.answer()
            except BusyFileError as error:
                await self._begin_again(error)
            else:
                return

    async def stop(self) -> None:
        """Break off, and return when rclone has let go: nothing writes on."""
        self._offer.cut()
        await self._job.stop()

    async def revoke(self) -> None:
        """Break off for good: whoever still writes is told that it was revoked."""
        self._is_revoked = True
        await self.stop()

    def refuse_if_revoked(self) -> None:
        """Raise `RevokedError` where it was."""
        if self._is_revoked:
            raise revoked(self._what)

    def _begin(self) -> None:
        self._offer = self._remote.feed.offer(self.size, self._mtime_ns)
        self._job = Job(
            self._remote,
            self._what,
            "operations/copyurl",
            fs=self._place.fs,
            remote=self._place.path,
            url=self._offer.url,
        )
        self._job.when_ended(self._offer.close)

    def _keep(self, chunk: bytes) -> None:
        if self._kept is None:
            return
        self._kept += len(chunk)
        self._sent.append(chunk)
        if self._kept > _KEPT:
            self._kept = None
            self._sent.clear()

    async def _begin_again(self, refused: ProviderError) -> None:
        """Send what was sent once more; raises why it ended where that would not help."""
        if self._kept is None or not isinstance(refused, BusyFileError):
            raise refused
        await self._waiting.once_more(refused)
        self.refuse_if_revoked()
        sent, self._sent, self._kept = self._sent, [], 0
        self._begin()
        for chunk in sent:
            await self.send(chunk)

    def _why(self) -> ProviderError:
        """Return why rclone takes no more."""
        try:
            self.refuse_if_revoked()
            self._job.answer()
        except ProviderError as error:
            return error
        return FileError(f"{location(self._what)}: rclone did not take all of it; it is sent again")

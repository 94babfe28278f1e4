"""One file on its way through rclone: rclone fetches it from us, and puts it where it belongs."""

from __future__ import annotations

from providers.base import FileError, ProviderError
from providers.rclone.errors import Where, location, revoked
from providers.rclone.feed import NoMoreError
from providers.rclone.jobs import Job
from providers.rclone.places import Place
from providers.rclone.remote import Remote


class Upload:
    """An upload under way; `finish` or `stop` it: nothing of it is left after either."""

    def __init__(self, remote: Remote, what: Where, place: Place) -> None:
        self._remote = remote
        self._what = what
        self._place = place
        self._is_revoked = False
        self.size = 0

    def start(self, size: int, mtime_ns: int | None) -> None:
        """Have rclone fetch a file of this size, and give it this time."""
        self.size = size
        self._offer = self._remote.feed.offer(size, mtime_ns)
        self._job = Job(
            self._remote,
            self._what,
            "operations/copyurl",
            fs=self._place.fs,
            remote=self._place.path,
            url=self._offer.url,
        )
        self._job.when_ended(self._offer.close)

    async def send(self, chunk: bytes) -> None:
        """Pass bytes on; raises what became of the upload where rclone takes no more."""
        try:
            await self._offer.send(chunk)
        except NoMoreError:
            await self._job.ended()
            raise self._why() from None

    async def finish(self) -> None:
        """Return when all of the file is at the remote."""
        self._offer.end()
        await self._job.ended()
        self.refuse_if_revoked()
        self._job.answer()

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

    def _why(self) -> ProviderError:
        """Return why rclone takes no more."""
        try:
            self.refuse_if_revoked()
            self._job.answer()
        except ProviderError as error:
            return error
        return FileError(f"{location(self._what)}: rclone did not take all of it; it is sent again")

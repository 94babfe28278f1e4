"""
Staged bytes on their way to Drive, as this process knows them.

An upload is known by its claim. It is visible only through its last step, and nobody but the
process that has it here can take that: the last bytes are held back in this memory.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from providers.base import Handle, Location, RevokedError
from providers.gdrive.entries import Entry
from providers.gdrive.roots import Root
from providers.gdrive.sessions import GRAIN, Session

_LARGEST_PIECE = 4 * 1024 * 1024
_SMALLEST_PIECE = 1024 * 1024
_PIECES = 24 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """The file that an upload makes or changes: its id, its place, and what is there before."""

    id: str
    root: Root
    folders: tuple[str, ...]
    parent: str
    name: str
    before: Entry | None


class Held:
    """Bytes in the order in which they came; none is ever copied, since large ones are many."""

    def __init__(self) -> None:
        self._chunks: deque[memoryview] = deque()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, chunk: bytes | memoryview) -> None:
        """Take in the next bytes."""
        self._chunks.append(memoryview(chunk))
        self._size += len(chunk)

    def take(self, size: int) -> list[memoryview]:
        """Hand out the first so many bytes, of which there must be as many."""
        taken: list[memoryview] = []
        self._size -= size
        while size:
            chunk = self._chunks.popleft()
            if len(chunk) > size:
                self._chunks.appendleft(chunk[size:])
                chunk = chunk[:size]
            taken.append(chunk)
            size -= len(chunk)
        return taken

    def clear(self) -> None:
        """Forget all."""
        self._chunks.clear()
        self._size = 0


@dataclass(eq=False, slots=True)
class Upload:
    """
    An upload of `size` bytes: `committed` ones are at the service, `held` ones here.

    Without a session all are held, in room that was taken for them.
    """

    handle: Handle
    target: Target
    session: Session | None
    size: int
    mtime_ns: int | None
    committed: int = 0
    held: Held = field(default_factory=Held)
    room: int = 0
    is_sure: bool = True  # that `committed` is what the service has

    @property
    def staged(self) -> int:
        """How many bytes are staged."""
        return self.committed + len(self.held)


class Uploads:
    """
    All uploads that this process has begun or taken over, and not ended.

    `writers` is how many are written to just now: the more, the smaller the pieces.
    """

    def __init__(self) -> None:
        self._uploads: dict[tuple[Location, str], Upload] = {}
        self.writers = 0

    @property
    def piece(self) -> int:
        """How many bytes to send at a time; each writer holds twice as many."""
        share = _PIECES // max(1, self.writers) // GRAIN * GRAIN
        return min(_LARGEST_PIECE, max(_SMALLEST_PIECE, share))

    def add(self, upload: Upload) -> None:
        """Take an upload in."""
        self._uploads[upload.handle.where, upload.handle.claim] = upload

    def find(self, handle: Handle) -> Upload | None:
        """Return the upload of a claim, whatever token the handle has."""
        return self._uploads.get((handle.where, handle.claim))

    def get(self, handle: Handle) -> Upload:
        """Return the upload of a claim."""
        upload = self.find(handle)
        if upload is None:
            raise revoked(handle)
        return upload

    def end(self, upload: Upload) -> None:
        """Forget an upload: it is published, or can never be."""
        self._uploads.pop((upload.handle.where, upload.handle.claim), None)

    def rename(self, upload: Upload, claim: str) -> Handle:
        """Give an upload to another claim; the former one has it no longer."""
        self.end(upload)
        upload.handle = replace(upload.handle, claim=claim)
        self.add(upload)
        return upload.handle


def revoked(handle: Handle) -> RevokedError:
    """Return the error for an upload that is none (any more)."""
    return RevokedError(f"{handle.where}: nothing is staged for claim {handle.claim}")

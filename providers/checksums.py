"""The checksum algorithms that are known here, and how a checksum is written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

import xxhash

Bytes = bytes | bytearray | memoryview
_DROPBOX_BLOCK = 4 * 1024 * 1024


class Digest(Protocol):
    """A checksum under way."""

    def update(self, data: Bytes, /) -> None:
        """Take in the next bytes."""
        ...

    def hexdigest(self) -> str:
        """Return the checksum of all bytes so far."""
        ...


class DropboxDigest:
    """Dropbox's `content_hash`: SHA-256 over the SHA-256 of each block of 4 MiB."""

    def __init__(self) -> None:
        self._whole = hashlib.sha256()
        self._block = hashlib.sha256()
        self._room = _DROPBOX_BLOCK

    def update(self, data: Bytes, /) -> None:
        """Take in the next bytes."""
        rest = memoryview(data)
        while rest:
            part, rest = rest[: self._room], rest[self._room :]
            self._block.update(part)
            self._room -= len(part)
            if not self._room:
                self._whole.update(self._block.digest())
                self._block, self._room = hashlib.sha256(), _DROPBOX_BLOCK

    def hexdigest(self) -> str:
        """Return the checksum of all bytes so far."""
        whole = self._whole.copy()
        if self._room < _DROPBOX_BLOCK:
            whole.update(self._block.digest())
        return whole.hexdigest()


def _md5() -> Digest:
    return hashlib.md5(usedforsecurity=False)


def _sha1() -> Digest:
    return hashlib.sha1(usedforsecurity=False)


ALGORITHMS: Mapping[str, Callable[[], Digest]] = MappingProxyType(
    {
        "xxh128": xxhash.xxh3_128,
        "blake2b": hashlib.blake2b,
        "md5": _md5,
        "sha1": _sha1,
        "sha256": hashlib.sha256,
        "dropbox": DropboxDigest,
    }
)


def checksum_of(algorithm: str, chunks: Iterable[Bytes]) -> str:
    """Return `"algorithm:hex"` over all chunks."""
    digest = ALGORITHMS[algorithm]()
    for chunk in chunks:
        digest.update(chunk)
    return f"{algorithm}:{digest.hexdigest()}"

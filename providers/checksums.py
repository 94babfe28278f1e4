"""The checksum algorithms that providers compute themselves, and how a checksum is written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

import xxhash

Bytes = bytes | bytearray | memoryview


class Digest(Protocol):
    """A checksum under way."""

    def update(self, data: Bytes, /) -> None:
        """Take in the next bytes."""
        ...

    def hexdigest(self) -> str:
        """Return the checksum of all bytes so far."""
        ...


def _md5() -> Digest:
    return hashlib.md5(usedforsecurity=False)


ALGORITHMS: Mapping[str, Callable[[], Digest]] = MappingProxyType(
    {"xxh128": xxhash.xxh3_128, "md5": _md5, "sha256": hashlib.sha256}
)


def checksum_of(algorithm: str, chunks: Iterable[Bytes]) -> str:
    """Return `"algorithm:hex"` over all chunks."""
    digest = ALGORITHMS[algorithm]()
    for chunk in chunks:
        digest.update(chunk)
    return f"{algorithm}:{digest.hexdigest()}"

"""Checksums as `"algorithm:hex"`, of bytes that pass by."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from typing import Protocol

import anyio.to_thread
import xxhash

OURS = "xxh128"
# By what both ends spend on it. Of a server's own commands sha256sum is the slowest, a fifth of
# b2sum, since it does without the processor's instructions for it; md5 is what most services keep.
_PREFERRED = (OURS, "blake2b", "sha256", "md5", "sha1")
_WORTH_A_THREAD = 128 * 1024


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


def best_algorithm(offered: Collection[str]) -> str | None:
    """Return the algorithm to verify with, of those that a site computes itself."""
    return next((name for name in _PREFERRED if name in offered), None)


def algorithm_of(checksum: str | None) -> str | None:
    """Return the algorithm of a checksum, where it is one that can be made here."""
    name = (checksum or "").partition(":")[0]
    return name if name in _PREFERRED else None


def by_preference(checksums: Iterable[str]) -> list[str]:
    """Return checksums, those that are computed fastest first."""
    ranks = {name: rank for rank, name in enumerate(_PREFERRED)}
    return sorted(checksums, key=lambda one: (ranks.get(one.partition(":")[0], len(ranks)), one))


class Hasher:
    """Hashes a stream with our own algorithm and those of sites."""

    def __init__(self, algorithms: Iterable[str | None] = ()) -> None:
        self.size = 0
        names = dict.fromkeys((OURS, *algorithms))
        self._digests = {name: _new(name) for name in names if name}

    async def update(self, chunk: bytes) -> None:
        """Take in the next bytes."""
        self.size += len(chunk)
        for name, digest in self._digests.items():
            if name == OURS or len(chunk) < _WORTH_A_THREAD:
                digest.update(chunk)
            else:
                await anyio.to_thread.run_sync(digest.update, chunk)

    @property
    def checksums(self) -> frozenset[str]:
        """The checksums of all bytes so far, by each algorithm."""
        return frozenset(map(self.checksum, self._digests))

    def checksum(self, algorithm: str = OURS) -> str:
        """Return the checksum of all bytes so far."""
        return f"{algorithm}:{self._digests[algorithm].hexdigest()}"


def _new(algorithm: str) -> _Digest:
    if algorithm == OURS:
        return xxhash.xxh3_128()
    return hashlib.new(algorithm, usedforsecurity=False)

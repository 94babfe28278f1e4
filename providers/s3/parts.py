"""How a file is cut into parts, what proves one, and how many bytes may wait. Pure: no I/O."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

from providers.s3.requests import Digests, Part

SMALLEST = 5 * 1024 * 1024  # of all parts but the last
USUAL = SMALLEST
MOST = 10_000
_MIB = 1024 * 1024
_LONGEST = 5 * 1024**3
_ANNOUNCED = 8_000  # parts for what was announced; the others are for what comes beyond
_DIGEST = re.compile(r"[0-9a-f]{32}")


def part_length(size: int, offset: int) -> int:
    """
    Return how long the part at an offset of a file is, that was said to have a size.

    All parts of it are equally long, as some servers ask for. Where a file grows beyond what
    was said, they grow with it: 10,000 parts hold 5 TiB in any case.
    """
    length = max(USUAL, _in_mib(size // _ANNOUNCED))
    grown = max(0, offset - size)
    return min(max(length, _in_mib(grown // 64)), _LONGEST)


def _in_mib(size: int) -> int:
    return -(-size // _MIB) * _MIB


def whole_parts(parts: Mapping[int, Part]) -> list[Part]:
    """Return the parts from the first one on, up to where one is missing."""
    found: list[Part] = []
    while part := parts.get(len(found) + 1):
        found.append(part)
    return found


def size_of(parts: Iterable[Part]) -> int:
    """Return how many bytes some parts have."""
    return sum(part.size for part in parts)


def kept(parts: Mapping[int, Part], within: int) -> list[Part]:
    """Return the first parts that lie within so many bytes and may be followed by others."""
    found: list[Part] = []
    end = 0
    for part in whole_parts(parts):
        end += part.size
        if part.size < SMALLEST or end > within:
            break
        found.append(part)
    return found


def digests_of(pieces: Sequence[bytes], *, signed: bool) -> Digests:
    """Return the digests of a part; SHA-256 only where the signature needs it."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    for piece in pieces:
        md5.update(piece)
        if signed:
            sha256.update(piece)
    return Digests(md5.digest(), sha256.hexdigest() if signed else None)


def is_refuted(headers: Mapping[str, str], md5: bytes) -> bool:
    """
    Return whether the server itself says that it got other bytes.

    Its ETag of a part is the MD5 of what it received, except where it encrypts with a key of
    its customer's, or has ETags of a form of its own. There its word that the part has the
    `Content-MD5` it was sent with has to do: it must refuse one that does not.
    """
    encrypted = headers.get("x-amz-server-side-encryption", "").startswith("aws:kms")
    by_customer = "x-amz-server-side-encryption-customer-algorithm" in headers
    told = plain(headers.get("ETag", ""))
    if encrypted or by_customer or not _DIGEST.fullmatch(told):
        return False
    return told != md5.hex()


def plain(etag: str) -> str:
    """Return an ETag without its quotes."""
    return etag.strip().strip('"').lower()


def together(etags: Sequence[str]) -> str | None:
    """Return the ETag of an object made of parts with these, or None if they tell nothing."""
    told = [plain(etag) for etag in etags]
    if not all(map(_DIGEST.fullmatch, told)):
        return None
    digest = hashlib.md5(b"".join(map(bytes.fromhex, told)), usedforsecurity=False)
    return f"{digest.hexdigest()}-{len(told)}"


class Budget:
    """
    How many bytes may wait in memory, over all files of a site, beside one part of each.

    Nobody waits for it: who gets none goes on with one part at a time.
    """

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, size: int) -> bool:
        """Return whether so many bytes may wait; they count until they are given back."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give(self, size: int) -> None:
        """Give back what was taken."""
        self._left += size

"""The pictures of kinds of site: PNG, 24×24 pixels, so that any list can show them as they are."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from providers.base import Kind

SIDE = 24
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_BYTES = 64 * 1024


class IconError(Exception):
    """A kind's icon cannot be shown; the text says why."""


def icon_of(kind: Kind) -> bytes | None:
    """Return a kind's icon as PNG, or None where it has none; `IconError` if it is no such picture."""
    if kind.icon is None:
        return None
    try:
        picture = kind.icon.read_bytes()
    except OSError as error:
        raise IconError(f"{kind.icon}: {error.strerror}") from error
    if flaw := _flaw(picture):
        raise IconError(f"{kind.icon}: {flaw}; it must be a PNG of {SIDE}×{SIDE} pixels")
    return picture


def _flaw(picture: bytes) -> str | None:
    if len(picture) > _MOST_BYTES:
        return f"it has {len(picture)} bytes, {_MOST_BYTES} are the most"
    if not picture.startswith(_SIGNATURE):
        return "it is no PNG"
    try:
        chunks = [*_chunks(picture)]
    except (struct.error, ValueError):
        return "it is damaged"
    names = [name for name, _ in chunks]
    if names[:1] != [b"IHDR"] or names[-1:] != [b"IEND"] or b"IDAT" not in names:
        return "it is damaged"
    width, height = struct.unpack_from(">II", chunks[0][1])
    return None if (width, height) == (SIDE, SIDE) else f"it has {width}×{height} pixels"


def _chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of a PNG, with what they hold; ValueError where one is damaged."""
    position = len(_SIGNATURE)
    while position < len(picture):
        length, name = struct.unpack_from(">I4s", picture, position)
        held = picture[position + 8 : position + 8 + length]
        (sum_,) = struct.unpack_from(">I", picture, position + 8 + length)
        if zlib.crc32(name + held) != sum_:
            raise ValueError(name)
        yield name, held
        position += 12 + length

"""A picture that moves, as PNG files, from the standard library alone."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator

WIDTH, HEIGHT = 960, 540

_BALL = 70
_TRUE_COLOUR = 2
_FASTEST = 1


def png_of(moment: float) -> bytes:
    """Return the picture at a moment between 0 and 1: a ball that flies over a moving floor."""
    x = round(_BALL + moment * (WIDTH - 2 * _BALL))
    y = round(HEIGHT - _BALL - abs(math.sin(moment * 3 * math.pi)) * (HEIGHT - 3 * _BALL))
    rows = b"".join(b"\0" + row for row in _rows(x, y, shift=round(moment * WIDTH)))
    size = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, _TRUE_COLOUR, 0, 0, 0)
    parts = ((b"IHDR", size), (b"IDAT", zlib.compress(rows, _FASTEST)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in parts)


def _rows(x: int, y: int, shift: int) -> Iterator[bytes]:
    for line in range(HEIGHT):
        row = bytearray(_STRIPES[shift * 3 : (shift + WIDTH) * 3].translate(_SHADES[line]))
        half = math.isqrt(max(0, _BALL**2 - (line - y) ** 2))
        row[(x - half) * 3 : (x + half) * 3] = _SHINE[(_BALL - half) * 3 : (_BALL + half) * 3]
        yield bytes(row)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


_STRIPES = bytes(
    value
    for column in range(2 * WIDTH)
    for value in (96, 128, 160 + round(64 * math.sin(column * math.tau / 120)))
)
_SHADES = tuple(
    bytes(v * (line + HEIGHT) // (2 * HEIGHT) for v in range(256)) for line in range(HEIGHT)
)
_SHINE = bytes(
    value for column in range(2 * _BALL) for value in (255 - column // 2, 200 - column, 40)
)

"""Icons of kinds: every list may rely on a PNG of 24×24 pixels."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from providers.icons import SIDE, IconError, icon_of
from providers.table import BUILT_IN, PROVIDERS

_KIND = PROVIDERS["memory"]


def _chunk(name: bytes, held: bytes) -> bytes:
    return struct.pack(">I", len(held)) + name + held + struct.pack(">I", zlib.crc32(name + held))


def _png(width: int = SIDE, height: int = SIDE) -> bytes:
    head = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(width)) * height)
    parts = (_chunk(b"IHDR", head), _chunk(b"IDAT", rows), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_kind_of_the_product_has_a_small_icon(name: str) -> None:
    picture = icon_of(PROVIDERS[name])

    assert picture is not None
    assert len(picture) < 2048


def test_no_two_kinds_share_an_icon() -> None:
    assert len({icon_of(PROVIDERS[name]) for name in BUILT_IN}) == len(BUILT_IN)


def test_a_kind_may_have_no_icon() -> None:
    assert icon_of(replace(_KIND, icon=None)) is None


@pytest.mark.parametrize(
    ("picture", "why"),
    [
        (_png(32, 24), "it has 32×24 pixels"),
        (b"GIF89a", "it is no PNG"),
        (b"", "it is no PNG"),
        (_png()[:-4], "it is damaged"),
        (_png().replace(b"IDAT", b"IDAX"), "it is damaged"),
        (_png()[: -len(_chunk(b"IEND", b""))], "it is damaged"),
        (_png() + bytes(70_000), "it has 70"),
    ],
)
def test_what_is_no_icon_is_told_with_its_file(tmp_path: Path, picture: bytes, why: str) -> None:
    file = tmp_path / "icon.png"
    file.write_bytes(picture)

    with pytest.raises(IconError) as raised:
        icon_of(replace(_KIND, icon=file))

    assert str(raised.value).startswith(f"{file}: {why}")
    assert str(raised.value).endswith("it must be a PNG of 24×24 pixels")


def test_a_picture_of_the_right_size_is_shown_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "icon.png"
    file.write_bytes(_png())

    assert icon_of(replace(_KIND, icon=file)) == _png()


def test_an_icon_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(IconError, match="No such file"):
        icon_of(replace(_KIND, icon=tmp_path / "icon.png"))

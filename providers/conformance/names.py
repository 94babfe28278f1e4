"""Names: odd ones are kept as they are, hostile ones are refused by every call."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Awaitable, Callable
from typing import ClassVar

import pytest

from providers.base import Location, PermanentFileError, Provider
from providers.conformance.moves import (
    Conformance,
    at,
    content_at,
    difference,
    listed,
    new_claim,
    payload,
    put,
)
from providers.names import windows_flaw

ODD = (
    "with space.exr",
    'it\'s "quoted".exr',
    "back\\slash.exr",
    "new\nline.exr",
    "#%20 & co;.exr",
    "-rf",
    "~home",
    "$HOME `id`.exr",
    "*?[a-z].exr",
    ".hidden",
    "trailing dot.",
    "aux.exr",
    unicodedata.normalize("NFC", "Žluťoučký kůň.exr"),
    unicodedata.normalize("NFD", "Žluťoučký kůň.exr"),
    "山田_太郎.exr",
    "🎬.exr",
    "x" * 251 + ".exr",
)

HOSTILE = (
    "",
    ".",
    "..",
    "../escape.exr",
    "a/../../escape.exr",
    "a/../b.exr",
    "/escape.exr",
    "//host/share/escape.exr",
    "C:/escape.exr",
    "C:\\escape.exr",
    "a/./b.exr",
    "a//b.exr",
    "a/",
    "nul\0.exr",
    "surrogate\udc80.exr",
    ".sitesync-root",
    "a/.SiteSync-Root",
    ".sitesync-0123.part",
)

Call = Callable[[Provider, Location], Awaitable[object]]


async def _read(provider: Provider, where: Location) -> None:
    async with provider.read(where):
        pass


CALLS: dict[str, Call] = {
    "facts": lambda provider, where: provider.facts(where),
    "read": _read,
    "stage": lambda provider, where: provider.stage(where, new_claim(), 1),
    "remove": lambda provider, where: provider.remove(where),
}


class NameConformance(Conformance):
    """
    What a path from a database may be.

    Where `keeps_every_name` is False, odd names may be refused for good, if that leaves nothing.
    """

    keeps_every_name: ClassVar[bool] = True

    @pytest.mark.parametrize("name", ODD)
    async def test_an_odd_name_is_kept_as_it_is(self, provider: Provider, name: str) -> None:
        if sys.platform == "win32" and windows_flaw(name):
            pytest.skip("Windows cannot hold this name; a site on its disks refuses it")
        content = payload(100)

        try:
            await put(provider, f"shot/{name}", content)
        except PermanentFileError:
            if self.keeps_every_name:
                raise
            assert await listed(provider) == {}
            return

        assert not difference(await content_at(provider, f"shot/{name}"), content)
        assert list(await listed(provider)) == [f"shot/{name}"]

    async def test_folders_may_be_deep(self, provider: Provider) -> None:
        path = "/".join(["folder"] * 40 + ["file.exr"])

        await put(provider, path, b"deep down")

        assert await content_at(provider, path) == b"deep down"

    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
    async def test_a_hostile_path_is_refused_for_good(self, provider: Provider, call: Call) -> None:
        for path in HOSTILE:
            with pytest.raises(PermanentFileError):
                await call(provider, at(path))

    async def test_a_root_that_the_site_does_not_have_is_refused(self, provider: Provider) -> None:
        with pytest.raises(PermanentFileError, match="nowhere"):
            await provider.facts(Location("nowhere", "file.exr"))

"""Errors by kind: callers tell from the type what helps, and people from the text what to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

import pytest

from providers.base import (
    FileError,
    Handle,
    Location,
    MissingFileError,
    Provider,
    ProviderError,
    RevokedError,
    SiteError,
)
from providers.conformance.moves import (
    Conformance,
    at,
    content_at,
    listed,
    new_claim,
    publish,
    put,
    stage,
    staged_content,
    write,
)
from providers.conformance.needs import needs

_ON_HANDLES: dict[str, Callable[[Provider, Handle], Awaitable[object]]] = {
    "write": lambda provider, handle: write(provider, handle, b"more"),
    "read_staged": staged_content,
    "adopt": lambda provider, handle: provider.adopt(handle, new_claim()),
    "publish": publish,
}


def _is_for_people(error: ProviderError) -> bool:
    """Return whether a text is one line that says something."""
    text = str(error)
    return len(text) > 10 and text.isprintable()


class TroubleConformance(Conformance):
    """What goes wrong is told as what it is."""

    @pytest.mark.parametrize("call", _ON_HANDLES)
    async def test_what_was_never_staged_counts_as_revoked(
        self, provider: Provider, call: str
    ) -> None:
        if call == "read_staged":
            needs(provider, "reads_staged")
        handle = await stage(provider, "shot/file.exr", b"staged")
        await provider.revoke(handle)

        with pytest.raises(RevokedError) as raised:
            await _ON_HANDLES[call](provider, handle)

        assert _is_for_people(raised.value)

    async def test_what_was_never_staged_has_no_size(self, provider: Provider) -> None:
        assert await provider.staged_size(Handle(at("no/such/file.exr"), new_claim())) is None

    async def test_a_missing_file_is_told_by_its_name(self, provider: Provider) -> None:
        with pytest.raises(MissingFileError) as raised:
            await content_at(provider, "no/such/file.exr")

        assert "file.exr" in str(raised.value)
        assert _is_for_people(raised.value)

    async def test_nothing_is_staged_below_a_root_without_a_marker(
        self, provider: Provider
    ) -> None:
        with pytest.raises(SiteError) as raised:
            await provider.stage(Location("bare", "shot/file.exr"), new_claim(), 1)

        assert raised.value.kind == "marker"
        assert "sitesync site init" in str(raised.value)

    async def test_staging_a_place_twice_under_one_claim_is_the_files_failure(
        self, provider: Provider
    ) -> None:
        handle = await stage(provider, "file.exr", b"first")

        with pytest.raises(FileError) as raised:
            await provider.stage(handle.where, handle.claim, 1)

        assert _is_for_people(raised.value)

    async def test_a_file_where_a_folder_stands_costs_nobody_a_file(
        self, provider: Provider
    ) -> None:
        await put(provider, "shot/inside.exr", b"inside")
        try:
            await put(provider, "shot", b"a file of the folder's name")
            expected = {"shot", "shot/inside.exr"}  # storages without folders hold both
        except FileError as error:
            assert _is_for_people(error)  # noqa: PT017 - it need not be raised
            expected = {"shot/inside.exr"}

        assert set(await listed(provider)) == expected
        assert await content_at(provider, "shot/inside.exr") == b"inside"

    async def test_a_folder_where_a_file_stands_costs_nobody_a_file(
        self, provider: Provider
    ) -> None:
        await put(provider, "shot", b"a file")
        try:
            await put(provider, "shot/inside.exr", b"inside")
            expected = {"shot", "shot/inside.exr"}
        except FileError as error:
            assert _is_for_people(error)  # noqa: PT017 - it need not be raised
            expected = {"shot"}

        assert set(await listed(provider)) == expected
        assert await content_at(provider, "shot") == b"a file"


class ServerConformance:
    """For providers of servers: one that is not there, and one that lets nobody in."""

    pytestmark: ClassVar = [pytest.mark.anyio]
    seconds: ClassVar[float] = 60.0

    async def test_a_server_that_is_not_there_is_out_of_reach(self, unreachable: Provider) -> None:
        with pytest.raises(SiteError) as raised:
            await _use(unreachable)

        assert raised.value.kind == "unreachable"
        assert _is_for_people(raised.value)

    async def test_a_login_that_is_refused_is_told_as_that(self, refused: Provider) -> None:
        with pytest.raises(SiteError) as raised:
            await _use(refused)

        assert raised.value.kind == "login"
        assert _is_for_people(raised.value)


async def _use(provider: Provider) -> None:
    """Enter a provider and ask it something: the first that needs the server is told."""
    async with provider:
        await provider.marker("work")

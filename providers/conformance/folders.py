"""What shows only in the storage itself: what is left there, and what lies outside of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from providers.base import (
    MARKER_NAME,
    Handle,
    PermanentFileError,
    Provider,
    ProviderError,
    Unlisted,
)
from providers.conformance.moves import (
    Conformance,
    at,
    listed,
    new_claim,
    payload,
    publish,
    put,
    stage,
    write,
)
from providers.conformance.names import CALLS, HOSTILE, Call


def _all_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


class FolderConformance(Conformance):
    """For providers whose storage is a folder that the tests can look into."""

    async def test_the_marker_is_one_file_and_nothing_is_left_beside_it(
        self, provider: Provider, storage: Path
    ) -> None:
        await provider.make_marker("work")

        assert _all_below(storage) == {MARKER_NAME}

    async def test_publishing_leaves_the_file_alone_in_its_folder(
        self, provider: Provider, storage: Path
    ) -> None:
        await put(provider, "shot/file.exr", b"good")

        assert _all_below(storage) == {MARKER_NAME, "shot", "shot/file.exr"}
        assert (storage / "shot/file.exr").read_bytes() == b"good"

    async def test_staged_bytes_have_a_hidden_name_made_from_their_claim(
        self, provider: Provider, storage: Path
    ) -> None:
        handle = await stage(provider, "shot/file.exr", b"staged")

        name = f".sitesync-{handle.claim}.part"
        assert [path.name for path in (storage / "shot").iterdir()] == [name]

    async def test_revoking_removes_the_staged_bytes(
        self, provider: Provider, storage: Path
    ) -> None:
        handle = await stage(provider, "shot/file.exr", b"staged")

        await provider.revoke(handle)

        assert list((storage / "shot").iterdir()) == []

    async def test_a_hostile_handle_touches_nothing(
        self, provider: Provider, storage: Path
    ) -> None:
        before = _all_below(storage.parent)

        for path in HOSTILE:
            handle = Handle(at(path), new_claim())
            with pytest.raises(ProviderError):
                await publish(provider, handle)
            with pytest.raises(ProviderError):
                await provider.revoke(handle)
            with pytest.raises(ProviderError):
                await provider.adopt(handle, new_claim())
            with pytest.raises(ProviderError):
                await write(provider, handle, b"escaped")

        assert _all_below(storage.parent) == before

    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
    async def test_a_folder_that_is_a_link_out_of_the_root_is_refused(
        self, provider: Provider, storage: Path, call: Call
    ) -> None:
        (storage.parent / "bare/file.exr").write_bytes(b"outside")
        (storage / "shot").symlink_to(storage.parent / "bare", target_is_directory=True)

        with pytest.raises(PermanentFileError):
            await call(provider, at("shot/file.exr"))

        assert _all_below(storage.parent / "bare") == {"file.exr"}

    @pytest.mark.parametrize("call", ["facts", "read", "stage"])
    async def test_a_file_that_is_a_link_out_of_the_root_is_refused(
        self, provider: Provider, storage: Path, call: str
    ) -> None:
        (storage.parent / "bare/file.exr").write_bytes(b"outside")
        (storage / "link.exr").symlink_to(storage.parent / "bare/file.exr")

        with pytest.raises(PermanentFileError):
            await CALLS[call](provider, at("link.exr"))

        assert (storage.parent / "bare/file.exr").read_bytes() == b"outside"

    async def test_a_link_that_stays_below_the_root_is_followed(
        self, provider: Provider, storage: Path
    ) -> None:
        (storage / "real").mkdir()
        (storage / "link").symlink_to("real", target_is_directory=True)

        await put(provider, "link/file.exr", b"inside")

        assert (storage / "real/file.exr").read_bytes() == b"inside"

    async def test_a_link_planted_after_staging_leads_nothing_out(
        self, provider: Provider, storage: Path
    ) -> None:
        handle = await stage(provider, "shot/file.exr", payload(10))
        (storage / "shot").rename(storage.parent / "bare/moved")
        (storage / "shot").symlink_to(storage.parent / "bare/moved", target_is_directory=True)

        with pytest.raises(ProviderError):
            await publish(provider, handle)

        assert not (storage.parent / "bare/moved/file.exr").exists()

    async def test_a_listing_does_not_follow_links(self, provider: Provider, storage: Path) -> None:
        (storage.parent / "bare/file.exr").write_bytes(b"outside")
        (storage / "out").symlink_to(storage.parent / "bare", target_is_directory=True)
        (storage / "loop").symlink_to(storage, target_is_directory=True)

        assert await listed(provider) == {}

    async def test_a_listing_leaves_out_names_that_are_not_unicode_and_tells_them(
        self, provider: Provider, storage: Path
    ) -> None:
        if sys.platform != "linux":
            pytest.skip(
                "other systems refuse to make a name that is not Unicode: there is none to leave out"
            )
        (storage / os.fsdecode(b"bad\xff")).mkdir()
        (storage / os.fsdecode(b"bad\xff") / "below.exr").touch()
        (storage / os.fsdecode(b"bad\xff.exr")).touch()
        await put(provider, "good.exr", payload(1))
        told: list[Unlisted] = []

        found = [file.where.path async for file in provider.listing("work", "", "", told.append)]

        assert found == ["good.exr"]
        assert {one.where.path for one in told} == {"bad\\xff", "bad\\xff.exr"}

    async def test_a_folder_that_may_not_be_read_is_told_and_hides_no_other(
        self, provider: Provider, storage: Path
    ) -> None:
        for path in ("a.exr", "b/shut.exr", "c.exr"):
            await put(provider, path, payload(1))
        (storage / "b").chmod(0)
        told: list[Unlisted] = []
        try:
            if os.access(storage / "b", os.R_OK):
                pytest.skip("root may read every folder: run the suite as another user to see this")

            found = [
                file.where.path async for file in provider.listing("work", "", "", told.append)
            ]

            assert found == ["a.exr", "c.exr"]
            assert [(one.where.path, one.folder) for one in told] == [("b", True)]
            with pytest.raises(PermanentFileError):
                await listed(provider)
        finally:
            (storage / "b").chmod(0o755)

"""A reactor and a real rclone: what arrives, how it is proved, what is left of it."""

from __future__ import annotations

import psutil
import pytest
from bson import ObjectId

from providers.checksums import checksum_of
from tests.path.rclone.studio import RcloneStudio
from tests.path.studio import some_bytes
from tests.providers.rclone.processes import children, until

WARM, MANY = 20, 100
# Connections that are kept for the next file, however few the first files needed: about 40 of ours,
# and 27 of rclone's to its server. One left behind by each file would be more.
_KEPT_ALIVE = 70


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", "dav")


async def _bring(studio: RcloneStudio, contents: dict[str, bytes]) -> ObjectId:
    """Publish files in one document, and return it when the vendor has them all."""
    for name, content in contents.items():
        studio.file(name, content)
    representation = await studio.publish(*map(studio.files_entry, contents))
    for position in range(len(contents)):
        await studio.until(representation, "vendor", position=position)
    return representation


async def _want_it_back(studio: RcloneStudio, representation: ObjectId, name: str) -> None:
    """Let the studio have lost the document's first file, and want it again."""
    studio.path("studio", name).unlink()
    await studio.documents.update_one(
        {"_id": representation}, {"$set": {"files.0.sites.0": {"name": "studio"}}}
    )


@pytest.mark.parametrize("kind", ["disk", "dav", "ssh", "s3"], indirect=True)
async def test_files_reach_any_kind_of_remote_whole_and_come_back(studio: RcloneStudio) -> None:
    contents = {"large.mov": some_bytes(9_000_000), "none.txt": b"", "it's here/ü.exr": b"x"}
    async with studio.running():
        representation = await _bring(studio, contents)
        for name, content in contents.items():
            assert studio.held("vendor", name) == content

        await _want_it_back(studio, representation, "large.mov")
        await studio.until(representation, "studio")

    assert studio.path("studio", "large.mov").read_bytes() == contents["large.mov"]
    assert studio.names_held("vendor") == {*contents}
    assert await studio.state["claims"].count_documents({"site": {"$ne": ""}}) == 0


@pytest.mark.parametrize("kind", ["s3", "disk"], indirect=True)
async def test_what_was_published_is_proved_by_the_hash_that_rclone_tells(
    studio: RcloneStudio,
) -> None:
    content = some_bytes(3_000_000)
    async with studio.running():
        representation = await _bring(studio, {"a.mov": content})

    entry = await studio.entry(representation, "vendor")
    algorithm = entry["checksum"].partition(":")[0]
    assert entry["verified"] == "checksum"
    assert entry["checksum"] == checksum_of(algorithm, [content])
    assert studio.hash_held("vendor", "a.mov") == checksum_of("md5", [content])


async def test_where_rclone_tells_no_hash_the_size_alone_is_called_proved(
    studio: RcloneStudio,
) -> None:
    async with studio.running():
        representation = await _bring(studio, {"a.mov": some_bytes()})

    assert (await studio.entry(representation, "vendor"))["verified"] == "size"


async def test_many_files_leave_no_file_open_at_either_end(studio: RcloneStudio) -> None:
    async with studio.running():
        await _bring(studio, {f"warm.{number}.exr": some_bytes() for number in range(WARM)})
        [rclone] = children()
        ours, its = _open_files(), _open_files(rclone.pid)

        await _bring(studio, {f"many.{number}.exr": some_bytes() for number in range(MANY)})

        await until(lambda: _open_files() < ours + _KEPT_ALIVE)
        await until(lambda: _open_files(rclone.pid) < its + _KEPT_ALIVE)
    assert not children()


def _open_files(pid: int | None = None) -> int:
    return psutil.Process(pid).num_fds()

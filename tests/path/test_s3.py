"""A publish goes to a bucket and comes back from it, whole and verified, whatever ends in between."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from providers.conformance.moves import content_at
from tests.path.program import ended, reactor_process, until_journalled
from tests.path.studio import Studio, some_bytes
from tests.servers.s3 import ACCESS_KEY, BUCKET, SECRET_KEY, S3Server, rclone

_MIB = 1024 * 1024
LARGE = 80 * _MIB
PART = 5 * _MIB
# The journal speaks after 32 MiB: with this there are two seconds to be killed in.
SLOW = 24 * _MIB


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with rclone(tmp_path_factory.mktemp("rclone")) as running:
        yield running


@pytest.fixture
async def prefix(studio: Studio, server: S3Server) -> AsyncIterator[str]:
    """A folder in the bucket that is the vendor's root."""
    await server.make_bucket()
    made = f"/{uuid4().hex}"
    studio.providers["vendor"] = server.provider({"work": made})
    async with server.provider({"work": made}) as vendor:
        await vendor.make_marker("work")
    yield made
    del studio.providers["vendor"]


def _settings(studio: Studio, uri: str, server: S3Server, prefix: str, extra: str = "") -> Path:
    text = {
        "uri": uri,
        "database": studio.database,
        "state": f"{studio.database}_state",
        "studio": str(studio.path("studio")),
    }
    quoted = {key: json.dumps(value) for key, value in text.items()}
    file = studio.folder / "sitesync.toml"
    file.write_text(
        f"""
        [mongo]
        uri = {quoted["uri"]}
        database = {quoted["database"]}
        state_database = {quoted["state"]}
        [sites.studio]
        root = {{ work = {quoted["studio"]} }}
        [sites.vendor]
        provider = "s3"
        root = {{ work = "{prefix}" }}
        bucket = "{BUCKET}"
        endpoint = "{server.endpoint}"
        access_key = "{ACCESS_KEY}"
        secret_key = "{SECRET_KEY}"
        {extra}
        [defaults]
        remote_site = "vendor"
        """
    )
    return file


async def _open_uploads(server: S3Server, prefix: str) -> list[Any]:
    async with server.client() as client:
        found = await client.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix[1:])
    return list(found.get("Uploads", []))


async def _want_it_back(studio: Studio, name: str) -> None:
    """Let the studio have lost its file, and want it again."""
    studio.path("studio", name).unlink()
    await studio.documents.update_one(
        {"files.path": f"{{root[work]}}/{name}"},
        {"$set": {"files.0.sites.$[mine]": {"name": "studio"}}},
        array_filters=[{"mine.name": "studio"}],
    )


async def test_a_publish_arrives_in_the_bucket_and_comes_back_from_it(
    studio: Studio, server: S3Server, prefix: str
) -> None:
    content = some_bytes(PART + 1000)
    representation = await studio.publish_file("a.exr", content)

    await studio.run_until_idle()

    there = await studio.entry(representation, "vendor")
    assert (there["verified"], there["checksum"][:7]) == ("checksum", "xxh128:")
    async with server.provider({"work": prefix}) as vendor:
        assert await content_at(vendor, "a.exr") == content
    await _want_it_back(studio, "a.exr")

    await studio.run_until_idle()

    back = await studio.entry(representation, "studio")
    assert "created_dt" in back
    assert (back["verified"], back["checksum"]) == ("checksum", there["checksum"])
    assert studio.path("studio", "a.exr").read_bytes() == content


async def test_killed_in_the_middle_of_an_upload_it_goes_on_at_the_next_part(
    studio: Studio, mongo_uri: str, server: S3Server, prefix: str
) -> None:
    content = some_bytes(_MIB) * (LARGE // _MIB)
    studio.file("cache.abc", content)
    representation = await studio.publish(studio.files_entry("cache.abc"))
    slowly = _settings(studio, mongo_uri, server, prefix, f"bandwidth = {SLOW}")
    with reactor_process(slowly) as process:
        await until_journalled(studio)
        process.kill()
        await ended(process)
    assert "created_dt" not in await studio.entry(representation, "vendor")
    (upload,) = await _open_uploads(server, prefix)

    with reactor_process(_settings(studio, mongo_uri, server, prefix), "--until-idle") as process:
        code = await ended(process)

    (attempt,) = await studio.attempts()
    assert code == 0
    assert attempt["sent"] <= LARGE - 6 * PART  # of what the journal speaks of, all whole parts
    assert "created_dt" in await studio.entry(representation, "vendor")
    async with server.provider({"work": prefix}) as vendor:
        assert await content_at(vendor, "cache.abc") == content
    assert upload not in await _open_uploads(server, prefix)
    assert await _open_uploads(server, prefix) == []

"""Listings: page by page, in order, of files that a document can hold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp import web

from providers.base import Location, SiteError, Unlisted
from providers.conformance.moves import listed
from providers.conformance.roots import SORTED
from providers.s3.provider import S3Provider
from tests.servers.faulty import Call, Fault, Faulty
from tests.servers.s3 import BUCKET, S3Server


async def _fill(server: S3Server, folder: str, *keys: str) -> None:
    async with server.client() as client:
        for key in keys:
            await client.put_object(Bucket=BUCKET, Key=f"{folder}/{key}", Body=b"12345")


async def test_pages_follow_each_other_without_a_call_per_file(
    server: S3Server, shaky: S3Provider, proxy: Faulty, folder: str
) -> None:
    await _fill(server, folder, *SORTED)
    proxy.faults += [Fault(lambda call: call.is_("GET"), changes=_short) for _ in range(9)]

    found = await listed(shaky)

    assert [*found] == [*SORTED]
    assert {facts.size for facts in found.values()} == {5}
    assert len(proxy.calls) == -(-len(SORTED) // 3)


async def test_folders_as_objects_are_no_files(
    server: S3Server, site: S3Provider, folder: str
) -> None:
    await _fill(server, folder, "", "shot/", "shot/file.exr", "shot/empty/")

    assert [*await listed(site)] == ["shot/file.exr"]


async def test_keys_that_no_document_can_hold_are_told(
    server: S3Server, site: S3Provider, folder: str
) -> None:
    keys = ("a//b.exr", "a/../b.exr", "good.exr", ".sitesync-1.part")
    await _fill(server, folder, *keys)
    told: list[Unlisted] = []

    found = [file.where.path async for file in site.listing("work", "", "", told.append)]

    assert found == ["good.exr"]
    assert [one.where for one in told] == [
        Location("work", "a/../b.exr"),
        Location("work", "a//b.exr"),
    ]
    assert "correct the path" in told[0].why


async def test_a_server_with_an_order_of_its_own_is_gone_through_by_folders(
    server: S3Server, shaky: S3Provider, proxy: Faulty, folder: str
) -> None:
    await _fill(server, folder, *SORTED)
    keys = "".join(f"<Contents><Key>{folder}/{key}</Key></Contents>" for key in ("a/c", "a-1/x"))
    text = f"<ListBucketResult>{keys}</ListBucketResult>"
    answer = web.Response(text=text, content_type="application/xml")
    proxy.faults.append(Fault(lambda call: call.is_("GET"), answers=answer))

    with pytest.raises(SiteError, match="once more"):
        await listed(shaky)

    assert [*await listed(shaky)] == [*SORTED]
    assert [*await listed(shaky, "a", "a/b/c")] == ["a/b/d/e", "a/c", "a/é"]


async def test_a_listing_that_is_left_in_its_middle_leaves_nothing_under_way(
    server: S3Server, shaky: S3Provider, proxy: Faulty, folder: str
) -> None:
    await _fill(server, folder, *SORTED)
    proxy.faults += [Fault(lambda call: call.is_("GET"), changes=_short) for _ in range(9)]

    listing = shaky.listing("work")
    first = await anext(aiter(listing))
    await listing.aclose()  # type: ignore[attr-defined]  # what `async for` and `break` come to

    assert first.where.path == SORTED[0]


def _short(call: Call) -> Call:
    return replace(call, query=f"{call.query}&max-keys=3")

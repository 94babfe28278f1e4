"""Reading: one version from end to end, through cuts and beside those who replace it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psutil
import pytest

from providers.base import ChangedFileError, PermanentFileError
from providers.conformance.moves import (
    MTIME_NS,
    at,
    content_at,
    listed,
    payload,
    put,
)
from providers.s3.provider import S3Provider
from providers.s3.readers import BLOCK
from tests.providers.s3.conftest import VERSIONED
from tests.servers.faulty import Fault, Faulty, refusal
from tests.servers.s3 import S3Server

_SIZE = 3 * BLOCK + 5


@pytest.fixture
async def versioned(server: S3Server, folder: str) -> AsyncIterator[S3Provider]:
    """A site whose bucket keeps versions."""
    roots = {"work": f"s3://{VERSIONED}/{folder}"}
    async with server.provider(roots, bucket=None) as entered:
        await entered.make_marker("work")
        yield entered


async def test_what_is_replaced_while_it_is_read_is_never_mixed(
    site: S3Provider, second: S3Provider
) -> None:
    await put(site, "file.exr", payload(9 * BLOCK))

    async with site.read(at("file.exr")) as reader:
        chunks = aiter(reader)
        await anext(chunks)
        await put(second, "file.exr", payload(10))
        with pytest.raises(ChangedFileError, match="changed"):
            async for _ in chunks:
                pass


async def test_a_version_is_read_to_its_end_even_when_another_is_there(
    versioned: S3Provider,
) -> None:
    content = payload(6 * BLOCK)
    await put(versioned, "file.exr", content)

    async with versioned.read(at("file.exr")) as reader:
        found = [await anext(chunks := aiter(reader))]
        await put(versioned, "file.exr", payload(6 * BLOCK))
        found += [chunk async for chunk in chunks]
        assert not await reader.unchanged()

    assert b"".join(found) == content


async def test_the_id_is_the_version_where_there_are_versions(
    versioned: S3Provider, site: S3Provider
) -> None:
    one = await put(versioned, "file.exr", b"one")
    two = await put(versioned, "file.exr", b"two")

    assert one.id
    assert two.id
    assert one.id != two.id
    assert await versioned.facts(at("file.exr")) == two
    assert (await put(site, "file.exr", b"one")).id is None


async def test_removing_leaves_former_versions(
    server: S3Server, versioned: S3Provider, folder: str
) -> None:
    facts = await put(versioned, "file.exr", b"kept")

    await versioned.remove(at("file.exr"))

    assert await versioned.facts(at("file.exr")) is None
    assert await listed(versioned) == {}
    async with server.client() as client:
        found = await client.get_object(
            Bucket=VERSIONED, Key=f"{folder}/file.exr", VersionId=str(facts.id)
        )
        assert await found["Body"].read() == b"kept"


async def test_a_cut_costs_one_block_and_no_byte(shaky: S3Provider, proxy: Faulty) -> None:
    content = payload(_SIZE)
    await put(shaky, "file.exr", content)
    proxy.faults += [Fault(lambda call: call.is_("GET"), cuts=True) for _ in range(2)]
    proxy.calls.clear()

    assert await content_at(shaky, "file.exr") == content
    assert proxy.count("GET") == 4 + 2


async def test_a_small_file_takes_one_request(shaky: S3Provider, proxy: Faulty) -> None:
    await put(shaky, "file.exr", payload(100))
    proxy.calls.clear()

    await content_at(shaky, "file.exr")

    assert [call.method for call in proxy.calls] == ["GET"]


async def test_a_server_without_ranges_is_read_all_the_same(
    shaky: S3Provider, proxy: Faulty
) -> None:
    content = payload(100)
    await put(shaky, "file.exr", content)
    proxy.faults.append(Fault(lambda call: call.is_("GET"), hides="Content-Range", unranged=True))

    assert await content_at(shaky, "file.exr", 10) == content[10:]


async def test_an_archived_file_is_told_apart(shaky: S3Provider, proxy: Faulty) -> None:
    await put(shaky, "file.exr", b"cold")
    answer = refusal(403, "InvalidObjectState")
    proxy.faults.append(Fault(lambda call: call.is_("GET"), answers=answer))

    with pytest.raises(PermanentFileError, match="archived"):
        await content_at(shaky, "file.exr")


async def test_a_time_that_nobody_kept_is_none(
    server: S3Server, site: S3Provider, folder: str
) -> None:
    await put(site, "timed.exr", b"x", MTIME_NS)
    async with server.client() as client:
        await client.put_object(Bucket="studio-projects", Key=f"{folder}/untimed.exr", Body=b"x")

    timed, untimed = await site.facts(at("timed.exr")), await site.facts(at("untimed.exr"))

    assert timed is not None
    assert timed.mtime_ns == MTIME_NS
    assert untimed is not None
    assert untimed.mtime_ns is None


async def test_looks_at_what_is_not_there_go_over_one_connection(
    strict_server: S3Server, folder: str
) -> None:
    async with strict_server.provider({"work": f"/{folder}"}) as site:
        await site.make_marker("work")
        before = _ports_to(strict_server)

        for number in range(5):
            assert await site.facts(at(f"shot/frame.{number}.exr")) is None

        assert before
        assert _ports_to(strict_server) == before


def _ports_to(server: S3Server) -> set[int]:
    """Return our ends of the connections to a server."""
    ours = psutil.Process().net_connections("tcp")
    return {
        one.laddr.port
        for one in ours
        if one.status == psutil.CONN_ESTABLISHED and one.raddr.port == server.port
    }

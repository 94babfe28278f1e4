"""Uploads: in parts, revoked from afar, gone on with after kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from functools import partial

import anyio
import pytest

from providers.base import (
    CHUNK,
    ChangedFileError,
    FileError,
    Handle,
    PermanentFileError,
    RevokedError,
)
from providers.conformance.moves import at, content_at, new_claim, payload, publish, stage, write
from providers.s3.parts import SMALLEST
from providers.s3.provider import S3Provider
from tests.servers.faulty import Call, Fault, Faulty, refusal
from tests.servers.s3 import BUCKET, S3Server

_SIZE = 3 * SMALLEST + 17


def _is_of_part(number: str, call: Call) -> bool:
    return call.is_("PUT", f"partNumber={number}&")


async def test_a_large_file_goes_in_parts_and_a_small_one_in_one(
    server: S3Server, site: S3Provider, folder: str
) -> None:
    for name, size in (("large", _SIZE), ("small", 10), ("empty", 0)):
        await publish(site, await stage(site, name, payload(size)))

    async with server.client() as client:
        etags = [
            (await client.head_object(Bucket=BUCKET, Key=f"{folder}/{name}"))["ETag"]
            for name in ("large", "small", "empty")
        ]
    assert [etag[-3:-1] for etag in etags] == ["-4", "-1", "-1"]


async def test_a_small_file_takes_three_requests(shaky: S3Provider, proxy: Faulty) -> None:
    await publish(shaky, await stage(shaky, "small", payload(10)))

    assert [call.method for call in proxy.calls] == ["POST", "PUT", "POST"]


async def test_a_flush_waits_for_no_part_that_is_written_meanwhile(
    shaky: S3Provider, proxy: Faulty
) -> None:
    held, later = {"1": anyio.Event(), "2": anyio.Event()}, anyio.Event()
    for number, event in held.items():
        proxy.faults.append(Fault(partial(_is_of_part, number), first=event.wait))
    content = payload(3 * SMALLEST)
    handle = await shaky.stage(at("file.exr"), new_claim(), len(content))

    async def flush() -> None:
        await sink.flush()
        later.set()

    async with shaky.write(handle) as sink, anyio.create_task_group() as together:
        await sink.write(content[:SMALLEST])
        together.start_soon(flush)
        await anyio.wait_all_tasks_blocked()
        await sink.write(content[SMALLEST : 2 * SMALLEST])
        held["1"].set()
        with anyio.fail_after(20):
            await later.wait()  # while the second part is still under way
        held["2"].set()
        await sink.write(content[2 * SMALLEST :])
    await publish(shaky, handle)
    assert await content_at(shaky, "file.exr") == content


async def test_what_another_process_revokes_cannot_be_published(
    site: S3Provider, second: S3Provider
) -> None:
    handle = await stage(site, "file.exr", payload(10))

    await second.revoke(handle)

    with pytest.raises(RevokedError):
        await publish(site, handle)
    assert await site.facts(at("file.exr")) is None


async def test_what_another_process_revokes_takes_no_more_bytes(
    site: S3Provider, second: S3Provider
) -> None:
    handle = await site.stage(at("file.exr"), new_claim(), 10 * SMALLEST)

    async def write_on() -> None:
        async with site.write(handle) as sink:
            await sink.write(payload(SMALLEST))
            await sink.flush()
            await second.revoke(handle)
            for _ in range(9):
                await sink.write(payload(SMALLEST))
            await sink.flush()

    with pytest.raises(RevokedError):
        await write_on()


async def test_revoking_what_was_adopted_leaves_the_new_owners_upload(site: S3Provider) -> None:
    dead = await stage(site, "file.exr", b"nearly done")
    handle = await site.adopt(dead, new_claim())

    await site.revoke(dead)

    await publish(site, handle)
    assert await content_at(site, "file.exr") == b"nearly done"


async def test_a_handle_without_its_token_leads_to_nothing(site: S3Provider) -> None:
    handle = replace(await stage(site, "file.exr", b"staged"), token="")

    assert await site.staged_size(handle) is None
    assert await site.goes_on_at(handle, 100) == 0
    with pytest.raises(RevokedError):
        await publish(site, handle)


async def test_writing_goes_on_after_kill_9_with_what_the_server_has(
    server: S3Server, second: S3Provider, folder: str
) -> None:
    content = payload(4 * SMALLEST + 100)
    handle = _killed_after(server, folder, content, 3 * SMALLEST)

    adopted = await second.adopt(handle, new_claim())
    assert await second.staged_size(adopted) == 3 * SMALLEST
    begun = await second.goes_on_at(adopted, 3 * SMALLEST - 1)
    await write(second, adopted, content[begun:], offset=begun)
    await publish(second, adopted)

    assert begun == 2 * SMALLEST
    assert await content_at(second, "file.exr") == content


async def test_only_the_end_of_a_part_is_a_place_to_go_on_from(site: S3Provider) -> None:
    handle = await site.stage(at("file.exr"), new_claim(), 3 * SMALLEST)
    await write(site, handle, payload(2 * SMALLEST))

    with pytest.raises(ChangedFileError, match="sent again"):
        await write(site, handle, b"x", offset=SMALLEST + 1)


async def test_what_grows_after_its_last_part_was_sent_is_still_whole(site: S3Provider) -> None:
    handle = await site.stage(at("file.log"), new_claim(), 5)
    content = payload(5) + payload(SMALLEST) + payload(7)
    async with site.write(handle) as sink:
        for start, end in ((0, 5), (5, SMALLEST), (SMALLEST, len(content))):
            await sink.write(content[start:end])
            await sink.flush()

    await publish(site, handle)

    assert await content_at(site, "file.log") == content


async def test_a_part_that_was_damaged_on_its_way_is_refused(
    shaky: S3Provider, proxy: Faulty
) -> None:
    proxy.faults.append(Fault(lambda call: call.is_("PUT", "partNumber"), changes=_damaged))

    with pytest.raises(FileError, match="damaged on its way"):
        await stage(shaky, "file.exr", payload(100))


async def test_a_part_is_sent_again_when_the_connection_was_cut(
    shaky: S3Provider, proxy: Faulty
) -> None:
    content = payload(2 * SMALLEST)
    proxy.faults.append(Fault(lambda call: call.is_("PUT", "partNumber=2"), cuts=True))

    await publish(shaky, await stage(shaky, "file.exr", content))

    assert await content_at(shaky, "file.exr") == content
    assert proxy.count("PUT", "partNumber=2") == 2


async def test_a_file_over_the_services_limit_is_refused_for_good(
    shaky: S3Provider, proxy: Faulty
) -> None:
    answer = refusal(400, "EntityTooLarge")
    proxy.faults.append(Fault(lambda call: call.is_("PUT", "partNumber"), answers=answer))

    with pytest.raises(PermanentFileError, match="larger than"):
        await stage(shaky, "file.exr", payload(100))


async def test_a_cancelled_write_leaves_nothing_under_way(site: S3Provider) -> None:
    handle = await site.stage(at("file.exr"), new_claim(), 100 * SMALLEST)
    with anyio.CancelScope() as scope:
        async with site.write(handle) as sink:
            for _ in range(20):
                await sink.write(payload(CHUNK))
            scope.cancel()
            await sink.write(payload(CHUNK))
    size = await site.staged_size(handle)

    await publish(site, await stage(site, "other.exr", payload(SMALLEST)))

    assert await site.staged_size(handle) == size
    await site.revoke(handle)


def _killed_after(server: S3Server, folder: str, content: bytes, size: int) -> Handle:
    """Return the handle of what a process staged that was then killed, without a goodbye."""
    claim = new_claim()
    program = textwrap.dedent("""
        import sys, anyio
        from providers.base import Location
        from tests.servers.s3 import S3Server
        port, folder, claim, size = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
        content = sys.stdin.buffer.read()

        async def main():
            async with S3Server(port).provider({"work": f"/{folder}"}) as site:
                handle = await site.stage(Location("work", "file.exr"), claim, len(content))
                async with site.write(handle) as sink:
                    await sink.write(content[:size])
                    await sink.flush()
                    print(handle.token, flush=True)
                    await anyio.sleep_forever()

        anyio.run(main)
    """)
    command = [sys.executable, "-c", program, str(server.port), folder, claim, str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(content)
        process.stdin.close()
        token = process.stdout.readline().decode().strip()
        os.kill(process.pid, signal.SIGKILL)
    return Handle(at("file.exr"), claim, token)


def _damaged(call: Call) -> Call:
    return replace(call, body=bytes([call.body[0] ^ 1]) + call.body[1:])

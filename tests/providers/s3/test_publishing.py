"""Completions of which the answer was lost: looked up, and never assumed."""

from __future__ import annotations

from functools import partial

import pytest

from providers.base import RevokedError, SiteError
from providers.conformance.moves import MTIME_NS, at, content_at, payload, publish, put, stage
from providers.s3.provider import S3Provider
from tests.servers.faulty import Call, Fault, Faulty, refusal


def _completes(call: Call) -> bool:
    return call.is_("POST", "uploadId")


async def test_a_lost_answer_is_looked_up(shaky: S3Provider, proxy: Faulty) -> None:
    handle = await stage(shaky, "file.exr", b"content", MTIME_NS)
    proxy.faults.append(Fault(_completes, cuts=True))

    facts = await publish(shaky, handle, MTIME_NS)

    assert facts == await shaky.facts(at("file.exr"))
    assert proxy.count("POST", "uploadId") == 1


async def test_a_request_that_never_arrived_is_repeated(shaky: S3Provider, proxy: Faulty) -> None:
    handle = await stage(shaky, "file.exr", b"content")
    proxy.faults.append(Fault(_completes, answers=refusal(500, "InternalError")))

    await publish(shaky, handle)

    assert await content_at(shaky, "file.exr") == b"content"
    assert proxy.count("POST", "uploadId") == 2


async def test_an_error_that_comes_with_status_200_is_an_error(
    shaky: S3Provider, proxy: Faulty
) -> None:
    handle = await stage(shaky, "file.exr", b"content")
    proxy.faults.append(Fault(_completes, answers=refusal(200, "InternalError")))

    await publish(shaky, handle)

    assert await content_at(shaky, "file.exr") == b"content"


async def test_another_owners_file_is_not_taken_for_ours(
    shaky: S3Provider, second: S3Provider, proxy: Faulty
) -> None:
    handle = await stage(shaky, "file.exr", b"ours", MTIME_NS)

    async def take_over() -> None:
        await second.revoke(handle)
        await put(second, "file.exr", b"same", MTIME_NS)

    proxy.faults.append(Fault(_completes, first=take_over, answers=refusal(500, "InternalError")))

    with pytest.raises(RevokedError):
        await publish(shaky, handle, MTIME_NS)
    assert await content_at(second, "file.exr") == b"same"


async def test_a_service_that_fails_on_and_on_leaves_it_to_the_next_owner(
    shaky: S3Provider, proxy: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.s3.publishing.anyio.sleep", _at_once)
    handle = await stage(shaky, "file.exr", b"content")
    answer = partial(Fault, _completes)
    proxy.faults += [answer(answers=refusal(500, "InternalError")) for _ in range(5)]

    with pytest.raises(SiteError, match="InternalError") as raised:
        await publish(shaky, handle)

    assert raised.value.kind == "unreachable"
    assert await shaky.facts(at("file.exr")) is None
    await publish(shaky, handle)


async def test_of_many_that_are_published_one_lost_answer_costs_no_other(
    shaky: S3Provider, proxy: Faulty
) -> None:
    handles = [await stage(shaky, f"{n}.exr", payload(n)) for n in range(20)]
    proxy.faults.append(Fault(_completes, cuts=True))

    results = await shaky.publish([(handle, None) for handle in handles])

    found = [await shaky.facts(handle.where) for handle in handles]
    assert [*results] == found


async def _at_once(_: float) -> None:
    """Sleep no time."""

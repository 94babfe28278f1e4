"""A server that wants to do harm: every answer it can think of ends as a `ProviderError`, in time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from contextlib import suppress
from itertools import count

import anyio
import anyio.abc
import pytest

from providers.base import Handle, Location, PermanentFileError, ProviderError, SiteError, Unlisted
from providers.sftp import connecting
from providers.sftp import listing as sftp_listing
from providers.sftp.packets import Cursor, Kind, long, number, string
from reactor.border.contained import Contained
from reactor.border.errors import Terms
from tests.servers.hostile_sftp import (
    FILE,
    FOLDER,
    Behaviour,
    Say,
    Session,
    attributes,
    hostile,
    names,
    provider_at,
    status,
)

_WHERE = Location("work", "shot/file.exr")
_MIB = 1024 * 1024
_LIMITS = "limits@openssh.com"


def _always(answer: bytes) -> Say:
    return lambda _session, _number, _body: answer


def _data(content: bytes) -> bytes:
    return bytes((Kind.DATA,)) + string(content)


def _in_each_folder(*entries: tuple[bytes, bytes]) -> Say:
    """List these in each folder, once for each time that it is opened."""

    def say(session: Session, _number: int, body: Cursor) -> bytes:
        handle = body.string()
        if handle in session.seen:
            return status(1)
        session.seen.add(handle)
        return bytes((Kind.NAME,)) + names(*entries)

    return say


async def _read(behaviour: Behaviour) -> bytes:
    async with hostile(behaviour) as provider, provider, provider.read(_WHERE) as reader:
        return b"".join([chunk async for chunk in reader])


async def _listed(behaviour: Behaviour) -> tuple[list[str], list[Unlisted]]:
    unlisted: list[Unlisted] = []
    async with hostile(behaviour) as provider, provider:
        found = [
            file.where.path async for file in provider.listing("work", "", "", unlisted.append)
        ]
    return found, unlisted


async def test_an_honest_server_is_read() -> None:  # else what is below would show nothing
    assert await _read(Behaviour()) == b"x" * 9


@pytest.mark.parametrize(
    ("says", "error"),
    [
        ({Kind.READ: _always(_data(b"x" * 500_000))}, "bytes where 9 were asked for"),
        ({Kind.READ: _always(_data(b""))}, "became shorter"),
        ({Kind.READ: _always(status(1))}, "became shorter"),
        ({Kind.READ: _always(bytes((Kind.DATA,)) + number(2**31) + b"short")}, "too short"),
        ({Kind.READ: _always(bytes((Kind.ATTRS,)) + number(0))}, "kind 105"),
        ({Kind.READ: _always(bytes((99,)))}, "kind 99"),
        ({Kind.OPEN: _always(bytes((Kind.HANDLE,)) + string(b"h" * 900_000))}, "900000 bytes"),
        ({Kind.FSTAT: _always(bytes((Kind.ATTRS,)))}, "too short"),
        (
            {Kind.LSTAT: _always(bytes((Kind.ATTRS,)) + number(0x8000_0000) + number(2**31))},
            "short",
        ),
        ({Kind.REALPATH: _always(bytes((Kind.NAME,)) + number(0))}, "no name"),
    ],
)
async def test_an_answer_that_lies_ends_the_connection_and_nothing_else(
    says: Mapping[Kind, Say], error: str
) -> None:
    with pytest.raises(ProviderError, match=error):
        await _read(Behaviour(says=says))


@pytest.mark.parametrize(
    "packet", [b"\xff\xff\xff\xff", b"\0\0\0\0", number(5) + b"\x65\0\0\xff\xff"]
)
async def test_a_packet_that_was_not_asked_for_ends_the_connection(packet: bytes) -> None:
    def say(session: Session, _number: int, _body: Cursor) -> None:
        session.chan.write(packet)

    with pytest.raises(SiteError) as told:
        await _read(Behaviour(says={Kind.OPEN: say}))

    assert told.value.kind == "unreachable"


async def test_a_listing_without_an_end_is_given_up_in_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sftp_listing, "_MOST", 2 * _MIB)
    numbers = count()

    def say(_session: Session, _number: int, _body: Cursor) -> bytes:
        some = [(b"%0200d" % next(numbers), attributes(FILE)) for _ in range(500)]
        return bytes((Kind.NAME,)) + names(*some)

    tracemalloc.start()
    try:
        found, unlisted = await _listed(Behaviour(says={Kind.READDIR: say}))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert found == []
    assert "is not listed: it has more than" in unlisted[0].why
    assert most < 24 * _MIB


async def test_folders_that_lie_in_each_other_without_an_end_are_given_up() -> None:
    says = {Kind.READDIR: _in_each_folder((b"f" * 200, attributes(FOLDER)))}

    found, unlisted = await _listed(Behaviour(says=says))

    assert found == []
    assert "without an end" in unlisted[0].why


@pytest.mark.parametrize("told", [attributes(FILE), attributes(FOLDER)], ids=["file", "folder"])
@pytest.mark.parametrize(
    "name", [b"", b".", b"..", b"../up.exr", b"/etc/passwd", b"a/b.exr", b"a\0b.exr", b"\xff.exr"]
)
async def test_a_name_that_is_none_is_not_listed(name: bytes, told: bytes) -> None:
    says = {Kind.READDIR: _in_each_folder((name, told), (b"good.exr", attributes(FILE)))}

    with anyio.fail_after(10):
        found, _ = await _listed(Behaviour(says=says))

    assert found == ["good.exr"]


@pytest.mark.parametrize("end", [b"/etc", b"/", b"/rootkit", b"", b"\xff\0"])
async def test_a_folder_that_ends_outside_is_refused_whatever_it_says(end: bytes) -> None:
    def say(_session: Session, _number: int, body: Cursor) -> bytes:
        path = body.string()
        told = end if path.startswith(b"/root/") else path
        return bytes((Kind.NAME,)) + names((told, number(0)))

    with pytest.raises(PermanentFileError, match="leads out of its root"):
        await _read(Behaviour(says={Kind.REALPATH: say}))


async def test_what_a_server_says_is_cut_and_steers_no_terminal() -> None:
    reason = "\x1b]0;owned\x07\r\n" + "A" * 500_000

    with pytest.raises(ProviderError) as told:
        await _read(Behaviour(says={Kind.OPEN: _always(status(4, reason))}))

    assert len(str(told.value)) < 500
    assert str(told.value).isprintable()


async def test_a_write_limit_of_one_byte_is_not_obeyed() -> None:
    written: list[int] = []

    def extended(_session: Session, _number: int, body: Cursor) -> bytes:
        if body.string() != _LIMITS.encode():
            return status(8)
        return bytes((Kind.EXTENDED_REPLY,)) + long(1) * 4

    def write(_session: Session, _number: int, body: Cursor) -> bytes:
        body.string()
        body.long()
        written.append(body.number())
        return status(0)

    says = {Kind.EXTENDED: extended, Kind.WRITE: write}
    behaviour = Behaviour(says=says, extensions={_LIMITS: b"1"}, size=0)
    handle = Handle(Location("work", "a.exr"), "c1")
    async with hostile(behaviour) as provider, provider, provider.write(handle) as sink:
        await sink.write(bytes(_MIB))

    assert sum(written) == _MIB
    assert len(written) <= 256


async def test_a_command_that_prints_without_an_end_is_not_listened_to() -> None:
    with anyio.fail_after(8):  # less than how long a probe may take
        async with hostile(Behaviour(output=b"/bin/sh\n" * 8192)) as provider, provider:
            assert provider.features.checksums == frozenset()


async def test_an_answer_that_never_comes_whole_ends_with_the_sites_timeout() -> None:
    async def drip(session: Session) -> None:
        with suppress(BrokenPipeError):  # until nobody listens any more
            for byte in string(_data(b"x" * 9)):
                session.chan.write(bytes((byte,)))
                await anyio.sleep(1)

    async with anyio.create_task_group() as tasks:

        def say(session: Session, _number: int, _body: Cursor) -> None:
            tasks.start_soon(drip, session)

        async with (
            hostile(Behaviour(says={Kind.LSTAT: say})) as provider,
            Contained(lambda: provider, "vendor", Terms("sftp", 1.0)) as site,
        ):
            with anyio.fail_after(10), pytest.raises(SiteError) as told:
                await site.facts(_WHERE)
            assert told.value.kind == "unreachable"
        tasks.cancel_scope.cancel()


async def test_banners_of_megabytes_are_passed_over() -> None:
    assert await _read(Behaviour(banner="all your bytes\n" * 8192)) == b"x" * 9


async def test_a_greeting_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_SECONDS", 5)
    sent = 0

    async def greet(stream: anyio.abc.SocketStream) -> None:
        nonlocal sent
        async with stream:
            while True:
                await stream.send(b"welcome, and again\r\n" * 4096)
                sent += 1

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, greet)
        provider = provider_at(listener.extra(anyio.abc.SocketAttribute.local_port))
        with anyio.fail_after(10), pytest.raises(SiteError) as told:
            async with provider:
                pass
        assert told.value.kind == "unreachable"
        assert sent < 200
        tasks.cancel_scope.cancel()

"""Answers of services in any shape: only the errors that are made for them come out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

import asyncssh
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.gdrive.calls import Calls
from providers.gdrive.entries import Entry, entry_of
from providers.gdrive.refusals import RefusedError, refused
from providers.gdrive.sessions import _told
from providers.gdrive.wire import Reply, Wire, _parsed
from providers.sftp import requests
from providers.sftp.channel import Channel
from providers.sftp.packets import Cursor, Mode, ProtocolError, StatusError, number, string
from providers.sftp.requests import Answer, Request

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["2024-05-06T07:08:09.123Z", "9999-99-99", "0001-01-01T00:00:00+23:59", "-1"])
)
_ANYTHING: st.SearchStrategy[Any] = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
_FIELDS = (
    *("id", "name", "mimeType", "parents", "size", "md5Checksum", "modifiedTime", "createdTime"),
    *("version", "trashed", "driveId", "capabilities"),
)
_ENTRIES = _ANYTHING | st.fixed_dictionaries(
    {"id": st.text(max_size=3) | _ANYTHING},
    optional={name: _ANYTHING for name in _FIELDS if name != "id"},
)
_PAGES = st.fixed_dictionaries(
    {},
    optional={
        "files": _ANYTHING | st.lists(_ENTRIES, max_size=2),
        "drives": _ANYTHING | st.lists(_ENTRIES, max_size=2),
        "ids": _ANYTHING,
        "startPageToken": _ANYTHING,
        "nextPageToken": st.none() | st.integers() | st.lists(st.none()),
    },
)


@given(_ENTRIES)
def test_what_drive_tells_of_a_file_is_an_entry_or_refused(told: object) -> None:
    with suppress(RefusedError):
        entry = entry_of(told)
        assert isinstance(entry, Entry)
        assert {type(entry.id), type(entry.name), type(entry.mime), type(entry.created)} == {str}
        assert entry.size is None or entry.size >= 0
        assert all(isinstance(parent, str) for parent in entry.parents)


@pytest.mark.parametrize("name", [name for name in _FIELDS if name != "trashed"])
def test_each_field_of_another_shape_is_refused(name: str) -> None:
    with pytest.raises(RefusedError, match="not Google's") as told:
        entry_of({"id": "1", name: [["odd"]]})

    assert told.value.is_passing  # a proxy's answer, most likely: the site is tried again


class _OddWire:
    """Answers every call with the same odd page."""

    pace = None  # nobody waits here: an odd answer is not asked for again

    def __init__(self, page: Any) -> None:
        self._page = page

    async def ask(self, _: object) -> Any:
        return self._page


_CALLS = Calls(cast("Wire", _OddWire({})), "https://www.googleapis.com")


async def _list(calls: Calls) -> list[Entry]:
    return [entry async for entry in calls.listed("q", None)]


_ASKED: dict[str, Callable[[Calls], Awaitable[object]]] = {
    "drives": lambda calls: calls.drives(),
    "get": lambda calls: calls.get("1"),
    "listed": _list,
    "new id": lambda calls: calls.new_id(),
    "start token": lambda calls: calls.start_token(None),
    "update": lambda calls: calls.update("1", trashed=True),
}


@pytest.mark.parametrize("call", _ASKED)
@given(page=_PAGES)
def test_every_call_of_drive_takes_any_page(call: str, page: object) -> None:
    _CALLS._ids.clear()
    _CALLS.wire = cast("Wire", _OddWire(page))

    with suppress(RefusedError):
        asyncio.run(_asked(call))


async def _asked(call: str) -> None:
    await _ASKED[call](_CALLS)


@given(
    st.integers(400, 599),
    st.dictionaries(
        st.just("Retry-After"), st.text(max_size=30) | st.just("1e999") | st.just("nan")
    ),
    _ANYTHING
    | st.fixed_dictionaries(
        {
            "error": st.dictionaries(
                st.sampled_from(["errors", "details", "message", "status"]), _ANYTHING
            )
        }
    ),
)
def test_a_refusal_of_any_shape_is_one(status: int, headers: dict[str, str], body: object) -> None:
    told = refused(status, headers, body, 1.0)

    assert told.status == status
    assert told.wait is None or 0 <= told.wait <= 24 * 3600
    assert str(told).isprintable()


@given(st.sampled_from([200, 308]), st.text(max_size=20), _PAGES)
def test_an_upload_session_takes_any_answer(status: int, span: str, body: dict[str, Any]) -> None:
    with suppress(RefusedError):
        told = _told(Reply(status, {"Range": span}, body))
        assert isinstance(told, Entry) or told >= 0


@pytest.mark.parametrize("text", [b"", b"<html>", b"[" * 200_000, b"\xff\xfe", b"3", b'{"a":'])
def test_what_is_no_json_is_an_empty_answer(text: bytes) -> None:
    assert _parsed(text) == {}


_REQUESTS: list[Request[Any]] = [
    requests.open_file(b"/x", Mode.READ),
    requests.close(b"h"),
    requests.read(b"h", 0, 10),
    requests.lstat(b"/x"),
    requests.next_entries(b"h"),
    requests.real_path(b"/x"),
    requests.space(b"/x"),
    requests.limits(),
    requests.check_file(b"/x", "md5"),
]
_KINDS = st.sampled_from([101, 102, 103, 104, 105, 201]) | st.integers(0, 255)
_NUMBERS = st.sampled_from([0, 1, 2, 2**31, 2**32 - 1]).map(number)
_BODIES = st.lists(_NUMBERS | st.binary(max_size=9) | st.binary(max_size=9).map(string)).map(
    b"".join
)


@given(request_=st.sampled_from(_REQUESTS), kind=_KINDS, body=_BODIES)
def test_an_sftp_answer_of_any_bytes_is_read_or_refused(
    request_: Request[Any], kind: int, body: bytes
) -> None:
    with suppress(ProtocolError, StatusError):
        request_.read(Answer(kind, body))


@given(_BODIES)
def test_a_packet_is_never_read_beyond_its_end(body: bytes) -> None:
    cursor = Cursor(body)
    with suppress(ProtocolError):
        while True:
            cursor.attributes()
            assert cursor.at <= len(body)


def _packet(kind: int, body: bytes) -> bytes:
    return string(bytes((kind,)) + body)


class _Transport:
    """The far end of a channel, which takes all that is written."""

    aborted = False

    def get_extra_info(self, _: str) -> str:
        return "SSH-2.0-Odd"

    def write(self, _: bytes) -> None:
        """Take it."""

    def abort(self) -> None:
        self.aborted = True


@given(st.lists(_BODIES | st.builds(_packet, _KINDS, _BODIES)))
def test_a_channel_takes_any_stream_and_answers_everybody(pieces: list[bytes]) -> None:
    asyncio.run(_received(pieces))


async def _received(pieces: list[bytes]) -> None:
    channel, transport = Channel("odd"), _Transport()
    channel.connection_made(cast("asyncssh.SSHClientChannel[bytes]", transport))
    pending = [channel.send(one) for one in _REQUESTS]
    for piece in pieces:
        channel.data_received(piece, None)
    channel.connection_lost(None)

    assert all(one.done() for one in pending)
    assert channel.load == 0

"""The rules of resumable uploads, one by one."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.servers.drive import DriveEmulator, Fault
from tests.servers.drive.calls import FILES, GRAIN, UPLOAD, Caller
from tests.servers.drive.multipart import Multipart


@pytest.fixture
def calls(drive: DriveEmulator) -> Caller:
    return drive.caller()


@pytest.fixture
def body(shared: str) -> dict[str, Any]:
    return {"name": "a.exr", "parents": [shared]}


def test_nothing_is_seen_of_a_file_before_its_last_byte(
    calls: Caller, drive: DriveEmulator, shared: str, body: dict[str, Any]
) -> None:
    content = os.urandom(GRAIN + 10)
    session = calls.start(body)

    first = calls.send(session, content[:GRAIN], 0, len(content))
    unseen = drive.files(shared)
    last = calls.send(session, content[GRAIN:], GRAIN, len(content))

    assert (first.status, first.headers["Range"]) == (308, f"bytes=0-{GRAIN - 1}")
    assert unseen == []
    assert last.status == 200
    assert last.json["md5Checksum"] == hashlib.md5(content).hexdigest()
    assert drive.contents(shared) == {"a.exr": content}


def test_a_session_without_bytes_answers_without_a_range(
    calls: Caller, body: dict[str, Any]
) -> None:
    answer = calls.where(calls.start(body))

    assert answer.status == 308
    assert "Range" not in answer.headers


def test_a_question_after_the_end_gets_the_file_once_more(
    calls: Caller, drive: DriveEmulator, shared: str, body: dict[str, Any]
) -> None:
    session = calls.start(body)
    done = calls.send(session, b"bytes", 0, 5)

    again = calls.where(session, 5)

    assert (again.status, again.json) == (200, done.json)
    assert len(drive.files(shared)) == 1


def test_an_empty_file_needs_no_range(
    calls: Caller, drive: DriveEmulator, shared: str, body: dict[str, Any]
) -> None:
    answer = drive.request("PUT", calls.start(body, 0), b"", {})

    assert answer.status == 200
    assert drive.contents(shared) == {"a.exr": b""}


def test_a_chunk_beyond_what_was_committed_is_refused(calls: Caller, body: dict[str, Any]) -> None:
    session = calls.start(body)

    answer = calls.send(session, bytes(GRAIN), GRAIN, 4 * GRAIN)

    assert answer.status == 400
    assert "Range" not in calls.where(session).headers


def test_what_is_there_already_is_passed_over(
    calls: Caller, drive: DriveEmulator, shared: str, body: dict[str, Any]
) -> None:
    content = os.urandom(2 * GRAIN)
    session = calls.start(body)
    calls.send(session, content[:GRAIN], 0, len(content))

    answer = calls.send(session, content, 0, len(content))

    assert answer.status == 200
    assert drive.contents(shared) == {"a.exr": content}


def test_of_an_odd_chunk_only_whole_multiples_are_committed(
    calls: Caller, body: dict[str, Any]
) -> None:
    session = calls.start(body)

    answer = calls.send(session, bytes(GRAIN + 1000), 0, "*")

    assert (answer.status, answer.headers["Range"]) == (308, f"bytes=0-{GRAIN - 1}")


def test_a_chunk_that_is_small_and_not_the_last_is_refused(
    calls: Caller, body: dict[str, Any]
) -> None:
    answer = calls.send(calls.start(body), bytes(1000), 0, 5000)

    assert answer.status == 400
    assert "equal or greater than 262144" in answer.json["error"]["message"]


def test_a_size_that_was_declared_otherwise_is_refused(calls: Caller, body: dict[str, Any]) -> None:
    assert calls.send(calls.start(body, 6), b"bytes", 0, 5).status == 400


def test_a_body_of_another_length_than_its_range_is_refused(
    calls: Caller, drive: DriveEmulator, shared: str, body: dict[str, Any]
) -> None:
    session = calls.start(body)

    answer = drive.request("PUT", session, b"byte", {"Content-Range": "bytes 0-4/5"})

    assert answer.status == 400
    assert "There were 4 byte(s)" in answer.json["error"]["message"]
    assert drive.files(shared) == []


def test_a_cancelled_session_takes_nothing_any_more(
    calls: Caller, drive: DriveEmulator, shared: str, body: dict[str, Any]
) -> None:
    session = calls.start(body)

    cancelled = drive.request("DELETE", session, b"", {})
    late = calls.send(session, b"bytes", 0, 5)

    assert (cancelled.status, late.status) == (499, 499)
    assert drive.files(shared) == []


@pytest.mark.parametrize("status", [404, 410])
def test_a_dead_session_stays_dead(
    calls: Caller, drive: DriveEmulator, body: dict[str, Any], status: int
) -> None:
    session = calls.start(body)
    drive.faults(Fault("upload.chunk", "dead-session", status=status))

    assert calls.send(session, b"bytes", 0, 5).status == status
    assert calls.where(session).status == 404


def test_a_session_needs_no_token_but_its_address(
    calls: Caller, drive: DriveEmulator, body: dict[str, Any]
) -> None:
    session = calls.start(body)
    drive.forget_tokens()

    assert calls.send(session, b"bytes", 0, 5).status == 200


def test_a_newer_request_ends_one_that_hangs(
    calls: Caller, drive: DriveEmulator, body: dict[str, Any]
) -> None:
    session = calls.start(body)
    with socket.create_connection(("127.0.0.1", drive.port)) as hanging:
        hanging.sendall(
            f"PUT {session} HTTP/1.1\r\nHost: x\r\nContent-Length: {GRAIN}\r\n\r\n".encode()
        )
        answer = calls.send(session, b"bytes", 0, 5)

    assert answer.status == 200


def test_a_killed_emulator_has_kept_all_that_it_acknowledged(
    calls: Caller, drive: DriveEmulator, shared: str, body: dict[str, Any]
) -> None:
    content = os.urandom(3 * GRAIN)
    kept = drive.put(shared, "kept.exr", b"kept")
    session = calls.start(body)
    calls.send(session, content[: 2 * GRAIN], 0, len(content))

    drive.stop(kill=True)
    drive.start()

    assert calls.where(session).headers["Range"] == f"bytes=0-{2 * GRAIN - 1}"
    last = calls.send(session, content[2 * GRAIN :], 2 * GRAIN, len(content))
    assert last.json["md5Checksum"] == hashlib.md5(content).hexdigest()
    assert drive.contents(shared) == {"a.exr": content, "kept.exr": b"kept"}
    assert calls.get(f"{FILES}/{kept}", supportsAllDrives="true").status == 200


def test_multipart_takes_bare_line_feeds_and_any_bytes(
    calls: Caller, drive: DriveEmulator, shared: str
) -> None:
    content = b"--cu\r\n\r\n--cut\r\n" + os.urandom(2_000_000) + b"\r\n"
    text = b'--cut!\nContent-Type: application/json\n\n{"name": "a", "parents": ["%s"]}\n--cut!\n'
    text = text % shared.encode() + b"Content-Type: image/x-exr\n\n" + content + b"\n--cut!--"
    mime = {"Content-Type": 'multipart/related; boundary="cut!"'}

    path = f"{UPLOAD}?uploadType=multipart&supportsAllDrives=true"
    answer = calls.ask("POST", path, text, mime)

    assert answer.status == 200
    (file,) = drive.files(shared)
    assert (drive.content(file), file.mime) == (content, "image/x-exr")


def test_an_upload_that_quota_forbids_is_refused_before_its_bytes(
    drive: DriveEmulator,
) -> None:
    account = drive.service_account("poor")
    asked = Caller(drive, drive.token(account))

    answer = asked.ask("POST", f"{UPLOAD}?uploadType=resumable", {"name": "a"})

    assert (answer.status, answer.reason) == (403, "storageQuotaExceeded")


async def test_multipart_is_read_the_same_in_pieces_of_any_size() -> None:
    content = b"\r\n--cu\n\r\n--cut \x00 bytes\r"
    text = b'--cut-\r\n\r\n{"name": "a"}\r\n--cut-\r\nContent-Type: a/b\r\n\r\n' + content
    text += b"\r\n--cut---\r\n"

    for size in range(1, len(text)):
        body = Multipart(_in_pieces(text, size), "multipart/related; boundary=cut-")
        told = await body.open()
        assert told == {"name": "a"}
        assert b"".join([piece async for piece in body.media()]) == content


async def _in_pieces(text: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(text), size):
        yield text[start : start + size]

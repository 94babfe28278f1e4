from __future__ import annotations

import pytest

from providers.sftp import requests
from providers.sftp.packets import Cursor, Kind, ProtocolError, StatusError, number, string
from providers.sftp.requests import Answer


def test_a_string_longer_than_its_packet_is_not_believed() -> None:
    with pytest.raises(ProtocolError):
        Cursor(number(1000) + b"short").string()


def test_attributes_with_everything_in_them_are_read() -> None:
    every = number(0x8000000F) + (7).to_bytes(8, "big") + number(1) + number(2) + number(0o100644)
    every += number(11) + number(12) + number(1) + string(b"name") + string(b"value")
    cursor = Cursor(every)

    found = cursor.attributes()

    assert (found.size, found.permissions, found.mtime) == (7, 0o100644, 12)
    assert cursor.at == len(every)


def test_a_status_without_a_text_is_still_an_error() -> None:
    answer = Answer(Kind.STATUS, number(4))

    with pytest.raises(StatusError, match="no reason given"):
        requests.lstat(b"/x").read(answer)


def test_an_answer_of_another_kind_is_not_sftp() -> None:
    with pytest.raises(ProtocolError):
        requests.lstat(b"/x").read(Answer(Kind.DATA, string(b"")))


@pytest.mark.parametrize("head", [b"", string(b"check-file")])
def test_both_shapes_of_a_hash_answer_are_read(head: bytes) -> None:
    answer = Answer(Kind.EXTENDED_REPLY, head + string(b"md5") + b"\xab\xcd")

    assert requests.check_file(b"/x", "md5").read(answer) == ("md5", "abcd")

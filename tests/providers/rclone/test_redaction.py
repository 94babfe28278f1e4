from __future__ import annotations

import pytest

from providers.rclone.redaction import Redaction, secrets_of

_OPAQUE = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9abcdefgh"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pw123@host/x", "https://…@host/x"),
        ("Authorization: Bearer abc.def", "Authorization: … …"),
        ('{"access_token":"abc","x":1}', '{"access_token":"…","x":1}'),
        ("url?X-Amz-Signature=abcdef&a=b", "url?X-Amz-Signature=…&a=b"),
        ("password: hunter2, more", "password: …, more"),
        (f"token is {_OPAQUE}!", "token is …!"),
        ("two\n  lines", "two lines"),
        ("shots/sh010/comp_v003.1001.exr: odd", "shots/sh010/comp_v003.1001.exr: odd"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, shown: str) -> None:
    assert Redaction().hidden(text) == shown


def test_what_the_configuration_holds_is_hidden_wherever_it_stands() -> None:
    dump = {
        "dropbox": {"type": "dropbox", "token": '{"access_token":"sl.abcdef","expiry":"2030"}'},
        "nas": {"type": "sftp", "host": "nas.example.com", "pass": "obscured-one"},
    }

    hidden = Redaction(secrets_of(dump)).hidden("nas.example.com: sl.abcdef, obscured-one, 2030")

    assert hidden == "nas.example.com: …, …, 2030"


def test_a_long_text_is_cut() -> None:
    assert len(Redaction().hidden("word " * 1000)) < 400

"""A key file that cannot serve is told at once, with what to do about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from providers.base import SiteError
from tests.providers.gdrive.sites import Studio


async def _refusal(studio: Studio, key_file: Path) -> SiteError:
    with pytest.raises(SiteError) as refused:
        async with studio.provider(key_file=key_file):
            pass
    return refused.value


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("not {json", "is no JSON"),
        ('["a", "list"]', "is no key"),
        ('{"installed": {"client_id": "x"}}', "names a program (an OAuth client), not an account"),
        ('{"type": "authorized_user"}', "is a person's own login, not a service account's key"),
        ('{"type": "something"}', "is a key of another kind, not a service account's key"),
        (
            '{"type": "service_account", "client_email": "a@b"}',
            "lacks private_key and token_uri",
        ),
    ],
)
async def test_a_file_that_is_no_key_of_a_service_account(
    studio: Studio, tmp_path: Path, content: str, why: str
) -> None:
    file = tmp_path / "key.json"
    file.write_text(content)

    refused = await _refusal(studio, file)

    assert refused.kind == "settings"
    assert f"{file} {why}" in str(refused)
    assert "make a JSON key for a service account" in str(refused)


async def test_a_file_that_is_not_there(studio: Studio, tmp_path: Path) -> None:
    refused = await _refusal(studio, tmp_path / "lost.json")

    assert refused.kind == "settings"
    assert "there is no key file" in str(refused)


async def test_a_private_key_that_was_cut_short(studio: Studio, tmp_path: Path) -> None:
    key: dict[str, Any] = json.loads(studio.key_file.read_text())
    file = tmp_path / "key.json"
    file.write_text(json.dumps({**key, "private_key": key["private_key"][:200]}))

    refused = await _refusal(studio, file)

    assert refused.kind == "settings"
    assert f"the private key of {studio.email} cannot be read" in str(refused)
    assert key["private_key"][40:100] not in str(refused)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"state": "deleted"}, "Google knows no account"),
        ({"state": "disabled"}, "is disabled; enable it"),
        ({"public_key": None}, "was revoked; make a new JSON key"),
    ],
)
async def test_an_account_that_google_lets_in_no_more(
    studio: Studio, tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    email = studio.drive.service_account(f"left-{why[:8].strip().replace(' ', '-').lower()}")
    file = studio.drive.key_file(tmp_path / "key.json", email)
    studio.drive.change_account(email, **change)

    refused = await _refusal(studio, file)

    assert refused.kind == "login"
    assert email in str(refused)
    assert why in str(refused)

"""Errors have Google's shapes and reasons: clients decide by them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from google.auth import crypt, jwt

from tests.servers.drive import GOOGLE_TOKENS, OWNER, DriveEmulator, Fault
from tests.servers.drive.calls import FILES, Answer, Caller

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture
def calls(drive: DriveEmulator) -> Caller:
    return drive.caller()


@pytest.fixture
def key(drive: DriveEmulator, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The key of an account that is all right again afterwards."""
    email = drive.service_account("signing")
    yield json.loads(drive.key_file(tmp_path / "key.json", email).read_text())
    drive.change_account(email, state="active")


def test_a_file_that_is_not_there_is_named(calls: Caller) -> None:
    answer = calls.get(f"{FILES}/nothing")

    assert answer.status == 404
    assert answer.json == {
        "error": {
            "code": 404,
            "message": "File not found: nothing.",
            "errors": [
                {
                    "message": "File not found: nothing.",
                    "domain": "global",
                    "reason": "notFound",
                    "location": "fileId",
                    "locationType": "parameter",
                }
            ],
        }
    }


def test_a_shared_drives_files_are_hidden_from_clients_that_do_not_ask_for_them(
    calls: Caller, drive: DriveEmulator, shared: str
) -> None:
    file_id = drive.put(shared, "a.exr", b"bytes")

    assert calls.get(f"{FILES}/{file_id}").status == 404
    assert calls.get(f"{FILES}/{file_id}", supportsAllDrives="true").status == 200
    assert calls.get(f"{FILES}/{file_id}", alt="media").body == b"bytes"
    assert calls.get(FILES, q=f"'{shared}' in parents").json["files"] == []


def test_others_files_are_hidden_until_their_folder_is_shared(
    drive: DriveEmulator, shared: str
) -> None:
    folder = drive.folder_in("root", "vendor")
    file_id = drive.put(folder, "a.exr", b"bytes")
    email = drive.service_account("vendor")
    vendor = Caller(drive, drive.token(email))

    before = vendor.get(f"{FILES}/{file_id}")
    drive.share(folder, email, "reader")
    after = vendor.get(f"{FILES}/{file_id}")
    shared_with_me = vendor.get(FILES, q="sharedWithMe = true and trashed = false")
    refused = vendor.ask("PATCH", f"{FILES}/{file_id}", {"name": "b.exr"})

    assert (before.status, after.status) == (404, 200)
    assert [file["id"] for file in shared_with_me.json["files"]] == [folder]
    assert (refused.status, refused.reason) == (403, "insufficientFilePermissions")


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"q": "name = 'open"}, "invalid"),
        ({"q": "nonsense = 'x'"}, "invalid"),
        ({"fields": "files(id,nonsense)"}, "invalidParameter"),
        ({"pageSize": "1001"}, "invalidParameter"),
        ({"pageToken": "nonsense"}, "invalid"),
        ({"orderBy": "nonsense"}, "invalid"),
        ({"supportsAllDrives": "True"}, "invalidParameter"),
        ({"corpora": "drive", "driveId": "x"}, "teamDrivesParameterRequired"),
        ({"q": "'nothing' in parents"}, "notFound"),
    ],
)
def test_a_listing_refuses_what_it_does_not_know(
    calls: Caller, parameters: dict[str, str], told: str
) -> None:
    assert calls.get(FILES, **parameters).reason == told


def test_about_wants_its_fields_named(calls: Caller) -> None:
    assert calls.get("/drive/v3/about").reason == "required"


def test_parents_are_moved_not_written(calls: Caller, drive: DriveEmulator) -> None:
    file_id = drive.put("root", "a.exr", b"bytes")
    folder = drive.folder_in("root", "b")

    written = calls.ask("PATCH", f"{FILES}/{file_id}", {"parents": [folder]})
    added = calls.ask("PATCH", f"{FILES}/{file_id}?addParents={folder}")

    assert written.reason == "fieldNotWritable"
    assert added.reason == "cannotAddParent"


def test_google_documents_have_no_bytes(calls: Caller) -> None:
    body = {"name": "notes", "mimeType": "application/vnd.google-apps.document"}
    made = calls.ask("POST", FILES, body).json

    answer = calls.get(f"{FILES}/{made['id']}", alt="media")
    told = calls.get(f"{FILES}/{made['id']}", fields="*").json

    assert answer.reason == "fileNotDownloadable"
    assert {"md5Checksum", "size"}.isdisjoint(told)


def test_a_range_beyond_the_end_is_refused(calls: Caller, drive: DriveEmulator) -> None:
    file_id = drive.put("root", "a.exr", b"")

    answer = calls.ask("GET", f"{FILES}/{file_id}?alt=media", headers={"Range": "bytes=0-"})

    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */0")


def test_a_token_that_is_no_good_is_refused(drive: DriveEmulator) -> None:
    expired = Caller(drive, drive.token(OWNER, seconds=-1)).get(FILES)
    reading = Caller(drive, drive.token(OWNER, scope=_READING)).ask("POST", FILES, {"name": "a"})

    assert (expired.status, expired.reason) == (401, "authError")
    assert expired.json["error"]["status"] == "UNAUTHENTICATED"
    assert reading.reason == "insufficientPermissions"


def test_a_project_without_the_drive_api_says_where_to_enable_it(drive: DriveEmulator) -> None:
    email = drive.service_account("early", project="disabled-project")

    answer = Caller(drive, drive.token(email)).get(FILES)

    assert answer.reason == "accessNotConfigured"
    assert "console.developers.google.com" in answer.json["error"]["message"]


def test_an_account_may_make_so_many_calls_a_second(drive: DriveEmulator) -> None:
    calls = Caller(drive, drive.token(drive.service_account("hasty")))
    drive.settings(calls_per_second=3)

    answers = [calls.get(FILES) for _ in range(4)]
    drive.settings(calls_per_second=None)

    assert [answer.status for answer in answers] == [200, 200, 200, 403]
    assert answers[-1].reason == "userRateLimitExceeded"


def test_an_ordered_error_has_the_shape_of_a_real_one(calls: Caller, drive: DriveEmulator) -> None:
    drive.faults(Fault("files.list", "error", 429, "rateLimitExceeded", retry_after=2))

    answer = calls.get(FILES)

    assert (answer.status, answer.reason) == (429, "rateLimitExceeded")
    assert answer.json["error"]["errors"][0]["domain"] == "usageLimits"
    assert answer.headers["Retry-After"] == "2"


def test_a_signature_gets_a_token(drive: DriveEmulator, key: dict[str, Any]) -> None:
    told = _granted(drive, key).json

    assert told["token_type"] == "Bearer"
    assert Caller(drive, told["access_token"]).get(FILES).status == 200


@pytest.mark.parametrize(
    ("claims", "description"),
    [
        ({"exp": 0}, "short-lived token"),
        ({"iat": 0, "exp": 60}, "short-lived token"),
        ({"aud": "https://elsewhere.example/token"}, "audience"),
        ({"iss": "nobody@studio.iam.gserviceaccount.com"}, "account not found"),
        ({"scope": ""}, "scope"),
        ({"sub": OWNER}, "unauthorized to retrieve"),
    ],
)
def test_claims_that_do_not_hold_get_none(
    drive: DriveEmulator, key: dict[str, Any], claims: dict[str, Any], description: str
) -> None:
    answer = _granted(drive, key, **claims)

    assert answer.status in (400, 401)
    assert description in answer.json["error_description"]


@pytest.mark.parametrize(
    ("change", "description"),
    [
        ({"public_key": None}, "Invalid JWT Signature."),
        ({"state": "deleted"}, "Invalid grant: account not found"),
        ({"state": "disabled"}, "The OAuth client was disabled."),
    ],
)
def test_a_revoked_key_and_a_lost_account_get_none(
    drive: DriveEmulator, key: dict[str, Any], change: dict[str, Any], description: str
) -> None:
    drive.change_account(key["client_email"], **change)

    assert _granted(drive, key).json["error_description"] == description


@pytest.mark.parametrize("pretends", [False, True])
def test_a_key_that_was_replaced_gets_none(
    drive: DriveEmulator, key: dict[str, Any], tmp_path: Path, *, pretends: bool
) -> None:
    file = drive.key_file(tmp_path / "newer.json", key["client_email"])
    newer = json.loads(file.read_text())
    used = {**key, "private_key_id": newer["private_key_id"]} if pretends else key

    assert _granted(drive, used).json["error_description"] == "Invalid JWT Signature."


def test_a_shared_file_hides_the_folder_that_is_not_shared(drive: DriveEmulator) -> None:
    file_id = drive.put(drive.folder_in("root", "private"), "a.exr", b"bytes")
    email = drive.service_account("onlooker")
    drive.share(file_id, email, "reader")

    told = Caller(drive, drive.token(email)).get(f"{FILES}/{file_id}", fields="*").json

    assert "parents" not in told


_READING = "https://www.googleapis.com/auth/drive.readonly"


def _granted(drive: DriveEmulator, key: dict[str, Any], **claims: Any) -> Answer:
    """Ask for a token as a service account does; `claims` make it wrong."""
    now = int(time.time())
    said = {
        "iss": key["client_email"],
        "scope": "https://www.googleapis.com/auth/drive",
        "aud": GOOGLE_TOKENS,
        "iat": now,
        "exp": now + 3600,
        **claims,
    }
    signer: Any = crypt.RSASigner.from_service_account_info(key)  # type: ignore[no-untyped-call]  # has none
    signed: bytes = jwt.encode(signer, said)  # type: ignore[no-untyped-call]  # has none
    form = {"grant_type": GRANT, "assertion": signed.decode()}
    mime = {"Content-Type": "application/x-www-form-urlencoded"}
    return drive.request("POST", "/token", urlencode(form).encode(), mime)

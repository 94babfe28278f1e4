"""Google's client for Python finds everything as it expects it."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import pytest
from googleapiclient.errors import HttpError  # type: ignore[import-untyped]  # has none

from tests.emulators.drive.google import ALL_DRIVES, downloaded, finished, upload_of
from tests.servers.drive import DriveEmulator, Fault

KIB = 1024


def test_a_resumable_upload_in_chunks_is_whole_and_its_md5_is_told(
    google: Any, drive: DriveEmulator, shared: str
) -> None:
    content = os.urandom(2_500_000)

    done = finished(upload_of(google, {"name": "a.exr", "parents": [shared]}, content))

    assert done["md5Checksum"] == hashlib.md5(content).hexdigest()
    assert done["size"] == "2500000"
    assert drive.contents(shared) == {"a.exr": content}
    assert drive.requests["upload.chunk"] == 3


def test_an_upload_goes_on_where_it_was_after_the_service_failed(
    google: Any, drive: DriveEmulator, shared: str
) -> None:
    content = os.urandom(3_000_000)
    upload = upload_of(google, {"name": "a.exr", "parents": [shared]}, content)
    drive.faults(
        Fault("upload.chunk", "short-commit", bytes=256 * KIB),
        Fault("upload.chunk", "error", first=2, status=503),
        Fault("upload.chunk", "commit-then-reset", first=4),
    )

    upload.next_chunk()
    assert upload.resumable_progress == 256 * KIB
    with pytest.raises(HttpError, match="503"):
        upload.next_chunk()
    upload.next_chunk()
    with pytest.raises(ConnectionError):
        upload.next_chunk()
    done = finished(upload)

    assert done["md5Checksum"] == hashlib.md5(content).hexdigest()
    assert drive.requests["upload.query"] == 2
    assert sum(drive.struck.values()) == 3


def test_a_cut_connection_keeps_whole_multiples_of_what_came(
    google: Any, drive: DriveEmulator, shared: str
) -> None:
    content = os.urandom(2_000_000)
    upload = upload_of(google, {"name": "a.exr", "parents": [shared]}, content)
    drive.faults(Fault("upload.chunk", "cut", bytes=700 * KIB))

    with pytest.raises(ConnectionError):
        upload.next_chunk()
    kept = drive.uploads()[-1]["received"]
    done = finished(upload)

    assert kept == 512 * KIB
    assert done["md5Checksum"] == hashlib.md5(content).hexdigest()


def test_new_bytes_for_a_file_leave_its_id_and_its_folder(google: Any, shared: str) -> None:
    first = finished(upload_of(google, {"name": "a.exr", "parents": [shared]}, b"one"))

    second = finished(upload_of(google, {}, b"another", file=first["id"]))

    assert second["id"] == first["id"]
    assert downloaded(google, first["id"]) == b"another"


@pytest.mark.parametrize("size", [0, 1, 256 * KIB, 1_000_001])
def test_what_was_uploaded_at_once_comes_back_in_ranges(
    google: Any, drive: DriveEmulator, shared: str, size: int
) -> None:
    content = os.urandom(size)
    file_id = drive.put(shared, "a.exr", content)

    assert downloaded(google, file_id, chunk=300_000) == content


def test_a_download_that_broke_off_is_asked_for_again(
    google: Any, drive: DriveEmulator, shared: str
) -> None:
    content = os.urandom(900_000)
    file_id = drive.put(shared, "a.exr", content)
    drive.faults(
        Fault("download", "error", status=429, reason="rateLimitExceeded"),
        Fault("download", "reset", first=3),
    )

    assert downloaded(google, file_id, chunk=400_000, retries=3) == content
    assert drive.requests["download"] == 5


def test_a_listing_finds_by_name_folder_time_and_kind_in_pages(
    google: Any, drive: DriveEmulator, shared: str
) -> None:
    folder = drive.folder_in(shared, "it's a \\ folder")
    for number in range(5):
        drive.put(folder, f"frame.{number:04d}.exr", b"x" * number)
    scope = {"corpora": "drive", "driveId": shared, **ALL_DRIVES}

    named = _names(google, scope, "name = 'it\\'s a \\\\ folder'")
    inside = _names(
        google, {**scope, "pageSize": 2, "orderBy": "name desc"}, f"'{folder}' in parents"
    )
    several = _names(google, scope, "name contains 'frame' and not name = 'FRAME.0001.exr'")
    old = _names(google, scope, "modifiedTime < '2020-01-01T00:00:00' or trashed = true")

    assert named == ["it's a \\ folder"]
    assert inside == [f"frame.{number:04d}.exr" for number in (4, 3, 2, 1, 0)]
    assert sorted(several) == [f"frame.{number:04d}.exr" for number in (0, 2, 3, 4)]
    assert old == []
    assert drive.requests["files.list"] == 3 + 3


def test_changes_tell_what_was_put_changed_trashed_and_deleted(
    google: Any, drive: DriveEmulator, shared: str
) -> None:
    scope = {"driveId": shared, "supportsAllDrives": True}
    token = google.changes().getStartPageToken(**scope).execute()["startPageToken"]
    kept, trashed, deleted = (drive.put(shared, name, b"x") for name in ("a", "b", "c"))

    google.files().update(fileId=trashed, body={"trashed": True}, supportsAllDrives=True).execute()
    drive.call("DELETE", f"/drive/v3/files/{deleted}")
    answer = (
        google.changes()
        .list(
            pageToken=token,
            fields="newStartPageToken,changes(fileId,removed,file(name,trashed))",
            **scope,
            includeItemsFromAllDrives=True,
        )
        .execute()
    )

    assert answer["changes"] == [
        {"fileId": kept, "removed": False, "file": {"name": "a", "trashed": False}},
        {"fileId": trashed, "removed": False, "file": {"name": "b", "trashed": True}},
        {"fileId": deleted, "removed": True},
    ]
    again = google.changes().list(pageToken=answer["newStartPageToken"], **scope).execute()
    assert again["changes"] == []


def test_what_lies_in_a_trashed_folder_is_trashed_and_comes_back_with_it(
    google: Any, drive: DriveEmulator, shared: str
) -> None:
    folder = drive.folder_in(shared, "show")
    drive.put(drive.folder_in(folder, "shot"), "a.exr", b"x")
    scope = {"corpora": "drive", "driveId": shared, **ALL_DRIVES}
    seen: list[list[str]] = []

    for trashed in (True, False):
        body = {"trashed": trashed}
        google.files().update(fileId=folder, body=body, supportsAllDrives=True).execute()
        seen.append(_names(google, scope, "name = 'a.exr' and trashed = false"))

    assert seen == [[], ["a.exr"]]


def test_a_pregenerated_id_makes_a_create_that_can_be_repeated(google: Any, shared: str) -> None:
    (file_id,) = google.files().generateIds(count=1).execute()["ids"]
    body = {"id": file_id, "name": "a.exr", "parents": [shared]}

    first = finished(upload_of(google, body, b"bytes"))
    with pytest.raises(HttpError, match="already exists with the provided ID") as told:
        finished(upload_of(google, body, b"bytes"))

    assert first["id"] == file_id
    assert told.value.status_code == 409


def test_a_copy_and_a_move_stay_on_the_server(
    google: Any, drive: DriveEmulator, shared: str
) -> None:
    folder = drive.folder_in(shared, "other")
    file_id = drive.put(shared, "a.exr", b"bytes")

    copied = google.files().copy(
        fileId=file_id, body={"name": "b.exr", "parents": [folder]}, supportsAllDrives=True
    )
    google.files().update(
        fileId=file_id, addParents=folder, removeParents=shared, supportsAllDrives=True
    ).execute()

    assert downloaded(google, copied.execute()["id"]) == b"bytes"
    assert [file.path for file in drive.files(shared) if file.id == file_id] == ["other/a.exr"]


def _names(google: Any, scope: dict[str, Any], query: str) -> list[str]:
    """Return the names that a query finds, all pages of it."""
    names: list[str] = []
    request = google.files().list(q=query, **scope)
    while request is not None:
        answer = request.execute()
        names += [file["name"] for file in answer["files"]]
        request = google.files().list_next(request, answer)
    return names

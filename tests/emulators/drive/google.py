"""Google's own client for Python, aimed at the emulator by nothing but its `rootUrl`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from google.oauth2.service_account import Credentials
from googleapiclient import discovery  # type: ignore[import-untyped]  # has none
from googleapiclient.http import (  # type: ignore[import-untyped]  # has none
    MediaIoBaseDownload,
    MediaIoBaseUpload,
)

SCOPE = "https://www.googleapis.com/auth/drive"
MIB = 1024 * 1024
ALL_DRIVES = {"supportsAllDrives": True, "includeItemsFromAllDrives": True}


@contextmanager
def google_client(url: str, key_file: Path) -> Generator[Any]:
    """Return a client of the Drive API for a service account."""
    shipped = files("googleapiclient") / "discovery_cache" / "documents" / "drive.v3.json"
    document = json.loads(shipped.read_text())
    document["rootUrl"] = f"{url}/"
    credentials = Credentials.from_service_account_file(str(key_file), scopes=[SCOPE])  # type: ignore[no-untyped-call]  # has none
    build = cast("Callable[..., Any]", discovery.build_from_document)
    with build(document, credentials=credentials) as client:
        yield client


def upload_of(
    google: Any, body: dict[str, Any], content: bytes, *, chunk: int = MIB, file: str | None = None
) -> Any:
    """Return a resumable upload that has not begun yet: a new file, or new bytes of one."""
    media = MediaIoBaseUpload(
        io.BytesIO(content), "application/octet-stream", chunksize=chunk, resumable=True
    )
    asked = {"fields": "id,size,md5Checksum", "supportsAllDrives": True, "media_body": media}
    if file is not None:
        return google.files().update(fileId=file, body=body, **asked)
    return google.files().create(body=body, **asked)


def finished(upload: Any, *, retries: int = 0) -> dict[str, Any]:
    """Send chunks until the end, and return the file; Google's client itself retries."""
    done: dict[str, Any] | None = None
    while done is None:
        _, done = upload.next_chunk(num_retries=retries)
    return done


def downloaded(google: Any, file_id: str, *, chunk: int = MIB, retries: int = 0) -> bytes:
    """Return a file's bytes, fetched in ranges."""
    content = io.BytesIO()
    media = MediaIoBaseDownload(content, google.files().get_media(fileId=file_id), chunksize=chunk)
    done = False
    while not done:
        _, done = media.next_chunk(num_retries=retries)
    return content.getvalue()

"""docs/google-drive.md, s3.md, rclone.md: each page's settings and commands, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from tests.docs.office import Office
from tests.docs.pages import block
from tests.servers.drive import DriveEmulator, drive_emulator
from tests.servers.rclone import configuration
from tests.servers.s3 import ACCESS_KEY, BUCKET, SECRET_KEY, S3Server, moto

NAME = "Bunny/shots/sh010/comp_v003.1001.exr"


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[DriveEmulator]:
    (tmp_path / "drive").mkdir()
    with drive_emulator(tmp_path / "drive") as running:
        yield running


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[S3Server]:
    (tmp_path / "moto").mkdir()
    with moto(tmp_path / "moto") as server:
        anyio.run(server.make_bucket)
        yield server


def brought(office: Office, site: str) -> dict[str, object]:
    """Publish a file that a site wants, reconcile as cron does, and return the site's entry."""
    office.environ["SITESYNC_SITE_ID"] = "studio"
    office.call("sitesync site init studio")
    office.call(block(_MARKERS[site]))
    representation = office.publish(NAME, site)
    office.call("sitesync reconcile")
    return office.entry(representation, site)


_MARKERS = {"gdrive": "gdrive: markers", "cloud": "bucket: markers", "dropbox": "rclone: markers"}


def test_a_shared_drive_gets_what_is_published(office: Office, drive: DriveEmulator) -> None:
    account = drive.service_account("studio")
    drive.folder_in(drive.shared_drive("Studio", fileOrganizer=account), "projects")
    key = drive.key_file(office.folder / "key.json", account)
    office.replaced["/mnt/secure/google-drive.json"] = str(key)
    office.environ["SITESYNC__SITES__GDRIVE__ENDPOINT"] = drive.url
    office.save("gdrive: settings")

    entry = brought(office, "gdrive")

    assert entry["verified"] == "checksum"
    assert NAME in " ".join(drive.contents())


def test_a_bucket_gets_what_is_published(office: Office, bucket: S3Server) -> None:
    office.replaced |= {
        "https://s3.example.com": bucket.endpoint,
        '"studio-projects"': f'"{BUCKET}"',
    }
    office.environ |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    office.save("bucket: settings")

    assert brought(office, "cloud")["verified"] == "checksum"


def test_what_rclone_reaches_gets_what_is_published(office: Office, tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    remote = {"type": "alias", "remote": str(tmp_path / "box")}
    config = configuration(tmp_path / "rclone.conf", {"dropbox": remote})
    office.replaced["/mnt/secure/rclone.conf"] = str(config)
    office.save("rclone: settings")

    assert brought(office, "dropbox")["verified"] == "checksum"
    assert (tmp_path / "box" / "Projects" / NAME).is_file()

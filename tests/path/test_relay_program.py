"""The program as a relay: from SFTP to SFTP or to Drive, through here or by the server itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from bson import ObjectId

from tests.path.program import add_drive, ended, reactor_process, write_settings
from tests.path.studio import Studio, some_bytes
from tests.servers.drive import DriveEmulator, drive_emulator
from tests.servers.sftp import SftpServer, sshd

MIB = 1024 * 1024
LARGE = 24 * MIB


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sshd(tmp_path_factory.mktemp("vendors")) as running:
        yield running


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sshd(tmp_path_factory.mktemp("archives")) as running:
        yield running


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriveEmulator]:
    with drive_emulator(tmp_path_factory.mktemp("drive")) as running:
        yield running


async def settings_of(studio: Studio, uri: str, vendors: SftpServer, archives: SftpServer) -> Path:
    """Write the settings of a studio with a second SFTP site, on some server."""
    studio.names = ("studio", "vendor", "archive")
    await studio.make_markers()
    file = write_settings(studio, uri, vendors)
    with file.open("a") as text:
        text.write(
            f"""
            always_accessible_on = ["archive"]
            [sites.archive]
            provider = "sftp"
            root = {{ work = {json.dumps(str(studio.path("archive")))} }}
            host = "127.0.0.1"
            port = {archives.port}
            user = {json.dumps(archives.options().user)}
            key_file = {json.dumps(str(archives.user_key))}
            known_hosts = {json.dumps(str(archives.folder / "known_hosts"))}
            """
        )
    return file


async def published(studio: Studio, content: bytes) -> ObjectId:
    studio.file("shot/a.exr", content, at="archive")
    return await studio.publish(studio.files_entry("shot/a.exr", at="archive"))


async def test_a_file_is_relayed_from_one_server_to_another(
    studio: Studio, mongo_uri: str, vendors: SftpServer, archives: SftpServer
) -> None:
    settings = await settings_of(studio, mongo_uri, vendors, archives)
    content = some_bytes(3 * MIB)
    representation = await published(studio, content)

    with reactor_process(settings, "--relay", "--until-idle") as process:
        code = await ended(process)

    assert code == 0
    assert studio.path("vendor", "shot/a.exr").read_bytes() == content
    assert not studio.path("studio", "shot").exists()
    entry = await studio.entry(representation, "vendor")
    assert entry["verified"] == "checksum"
    [attempt] = await studio.attempts(site="vendor")
    assert (attempt["source"], attempt["how"]) == ("archive", "stream")


async def test_on_one_server_the_server_copies_by_itself(
    studio: Studio, mongo_uri: str, vendors: SftpServer
) -> None:
    settings = await settings_of(studio, mongo_uri, vendors, vendors)
    content = some_bytes(3 * MIB)
    await published(studio, content)

    with reactor_process(settings, "--relay", "--until-idle") as process:
        code = await ended(process)

    assert code == 0
    assert studio.path("vendor", "shot/a.exr").read_bytes() == content
    [attempt] = await studio.attempts(site="vendor")
    assert (attempt["source"], attempt["how"]) == ("archive", "service")


async def test_a_machine_whose_settings_say_so_relays(
    studio: Studio, mongo_uri: str, vendors: SftpServer, archives: SftpServer
) -> None:
    settings = await settings_of(studio, mongo_uri, vendors, archives)
    representation = await published(studio, some_bytes())
    with reactor_process(settings, "--until-idle") as process:
        await ended(process)
    assert "created_dt" not in await studio.entry(representation, "vendor")
    settings.write_text("[machine]\nrelay = true\n" + settings.read_text())

    with reactor_process(settings, "--until-idle") as process:
        await ended(process)

    assert "created_dt" in await studio.entry(representation, "vendor")


async def test_from_sftp_to_drive_a_file_goes_in_one_pass_and_no_disk_sees_it(
    studio: Studio, mongo_uri: str, vendors: SftpServer, drive: DriveEmulator
) -> None:
    content = some_bytes(LARGE)
    shared = drive.shared_drive("Show", fileOrganizer=drive.service_account())
    settings = write_settings(studio, mongo_uri, vendors)
    add_drive(settings, drive.key_file(studio.folder / "key.json"), "Show", drive.url)
    settings.write_text("[machine]\nrelay = true\n" + settings.read_text())
    studio.file("shot/a.mov", content, at="vendor")
    element = studio.files_entry("shot/a.mov", at="vendor", wanted=["archive"])

    with reactor_process(settings) as process:
        representation = await studio.publish(element)
        entry = await studio.until(representation, "archive")
        [attempt] = await studio.until_attempts(1)
        written = _written(process.pid)

    assert (attempt["source"], attempt["how"], attempt["sent"]) == ("vendor", "stream", LARGE)
    assert entry["verified"] == "checksum"
    assert drive.contents(shared)["shot/a.mov"] == content
    assert not studio.path("studio", "shot").exists()
    assert written < LARGE // 8


def _written(pid: int) -> int:
    """How many bytes a process has written to files: what goes to sockets is not in this."""
    counted = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(counted["wchar"])

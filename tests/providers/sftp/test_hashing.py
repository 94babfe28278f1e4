from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from providers.base import Location
from tests.servers.sftp import SftpServer, sshd

_CONTENT = b"frame" * 10_000
_FILE = Location("work", "file.exr")


@pytest.fixture
def file(root: Path) -> Path:
    path = root / "file.exr"
    path.write_bytes(_CONTENT)
    return path


@pytest.fixture(scope="module")
def sftp_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sshd(tmp_path_factory.mktemp("forced"), "ForceCommand internal-sftp") as running:
        yield running


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("algorithm", ["blake2b", "sha256", "md5"])
async def test_a_command_of_the_server_hashes(
    server: SftpServer, root: Path, algorithm: str
) -> None:
    async with server.provider({"work": str(root)}, checksum="command") as provider:
        told = await provider.checksum(_FILE, algorithm)

    assert told == f"{algorithm}:{hashlib.new(algorithm, _CONTENT).hexdigest()}"


@pytest.mark.usefixtures("file")
async def test_an_extension_of_the_server_hashes(password_server: SftpServer, root: Path) -> None:
    async with password_server.provider({"work": str(root)}) as provider:
        told = await provider.checksum(_FILE, "md5")

    assert told == f"md5:{hashlib.md5(_CONTENT).hexdigest()}"


@pytest.mark.usefixtures("file")
async def test_a_server_that_forces_sftp_hashes_nothing_and_is_not_waited_for(
    sftp_only: SftpServer, root: Path
) -> None:
    with anyio.fail_after(5):
        async with sftp_only.provider({"work": str(root)}) as provider:
            told = await provider.checksum(_FILE, "sha256")

    assert told is None
    assert provider.features.checksums == frozenset()


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("choice", ["off", "read-back"])
async def test_a_site_may_do_without_the_servers_hashes(
    server: SftpServer, root: Path, choice: str
) -> None:
    async with server.provider({"work": str(root)}, checksum=choice) as provider:
        told = await provider.checksum(_FILE, "sha256")

    assert told is None
    assert provider.features.checksums == frozenset()
    assert provider.features.read_back is (choice == "read-back")


async def test_many_files_of_odd_names_are_hashed_at_once(server: SftpServer, root: Path) -> None:
    names = [f'{n} it\'s \\ $(x) "{n}"' for n in range(100)]
    for name in names:
        (root / name).write_bytes(name.encode())
    told: dict[str, str | None] = {}

    async with server.provider({"work": str(root)}) as provider:

        async def ask(name: str) -> None:
            told[name] = await provider.checksum(Location("work", name), "sha256")

        async with anyio.create_task_group() as tasks:
            for name in names:
                tasks.start_soon(ask, name)

    expected = {name: f"sha256:{hashlib.sha256(name.encode()).hexdigest()}" for name in names}
    assert told == expected


async def test_one_that_stops_waiting_takes_no_other_along(server: SftpServer, root: Path) -> None:
    for n in range(40):
        (root / str(n)).write_bytes(b"x")
    told: list[str | None] = []

    async with server.provider({"work": str(root)}) as provider:

        async def ask(name: str) -> None:
            with anyio.CancelScope() as scope:
                if int(name) < 8:
                    tasks.start_soon(_stop, scope)
                answer = await provider.checksum(Location("work", name), "md5")
                told.append(answer)

        async with anyio.create_task_group() as tasks:
            for n in range(40):
                tasks.start_soon(ask, str(n))

    assert set(told) == {f"md5:{hashlib.md5(b'x').hexdigest()}"}
    assert len(told) >= 32


@pytest.mark.usefixtures("file")
async def test_a_shell_that_shows_another_disk_is_not_believed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/.sitesync-root").write_text("another\n")
    (tmp_path / "other/file.exr").write_bytes(b"other bytes")
    script = tmp_path / "shell"
    script.write_text(
        'case "$SSH_ORIGINAL_COMMAND" in *sftp-server*) exec $SSH_ORIGINAL_COMMAND;; esac\n'
        f'exec sh -c "$(echo "$SSH_ORIGINAL_COMMAND" | sed s,{root},{tmp_path}/other,g)"\n'
    )
    command = f"ForceCommand sh {shlex.quote(str(script))}"
    (tmp_path / "sshd").mkdir()

    with sshd(tmp_path / "sshd", command, sftp="/usr/lib/openssh/sftp-server") as running:
        async with running.provider({"work": str(root)}) as provider:
            told = await provider.checksum(_FILE, "sha256")
            offered = provider.features.checksums

    assert "sha256" in offered
    assert told is None


async def _stop(scope: anyio.CancelScope) -> None:
    scope.cancel()

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from providers.base import SiteError
from providers.sftp import connecting
from providers.sftp.credentials import load_key
from tests.servers.processes import free_port
from tests.servers.sftp import PASSWORD, SftpServer

_NOBODY = 65534


async def _refusal(server: SftpServer, root: Path, **changes: Any) -> SiteError:
    with pytest.raises(SiteError) as refused:
        async with server.provider({"work": str(root)}, **changes):
            pass
    return refused.value


async def _gets_in(server: SftpServer, root: Path, **changes: Any) -> bool:
    async with server.provider({"work": str(root)}, **changes) as provider:
        return await provider.marker("work") is not None


async def test_a_key_lets_in(server: SftpServer, root: Path) -> None:
    assert await _gets_in(server, root)


async def test_a_key_with_a_passphrase_lets_in(server: SftpServer, root: Path) -> None:
    assert await _gets_in(server, root, key_file=_locked(server), key_passphrase="open sesame")


async def test_a_password_lets_in(password_server: SftpServer, root: Path) -> None:
    assert await _gets_in(password_server, root)


async def test_a_wrong_password_is_a_failure_of_the_site(
    password_server: SftpServer, root: Path
) -> None:
    error = await _refusal(password_server, root, password="wr0ng")

    assert error.kind == "login"
    assert "wr0ng" not in str(error)
    assert PASSWORD not in str(error)


async def test_a_key_that_the_server_does_not_know_is_named(
    server: SftpServer, root: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(other)
    other.chmod(0o600)

    error = await _refusal(server, root, key_file=other)

    assert error.kind == "login"
    assert str(other) in str(error)


async def test_a_wrong_passphrase_is_told(server: SftpServer, root: Path) -> None:
    error = await _refusal(server, root, key_file=_locked(server), key_passphrase="wr0ng")

    assert error.kind == "settings"
    assert "key_passphrase does not open" in str(error)


async def test_a_missing_passphrase_is_told(server: SftpServer, root: Path) -> None:
    error = await _refusal(server, root, key_file=_locked(server))

    assert "set key_passphrase" in str(error)


async def test_a_putty_key_is_refused_with_the_command_that_converts_it(
    server: SftpServer, root: Path, tmp_path: Path
) -> None:
    file = tmp_path / "studio.ppk"
    file.write_text("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n")

    error = await _refusal(server, root, key_file=file)

    assert f"puttygen {file} -O private-openssh -o {tmp_path / 'studio.pem'}" in str(error)


async def test_a_file_that_is_no_key_is_told(server: SftpServer, root: Path) -> None:
    error = await _refusal(server, root, key_file=server.host_key)

    assert "holds no private key" in str(error)


async def test_a_key_file_that_is_not_there_is_told(server: SftpServer, root: Path) -> None:
    error = await _refusal(server, root, key_file=root / "none")

    assert f"there is no key file {root / 'none'}" in str(error)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="Windows has no such rights")
def test_a_key_file_that_may_not_be_read_is_told(server: SftpServer, tmp_path: Path) -> None:
    file = tmp_path / "key"
    shutil.copy(server.user_key, file)
    file.chmod(0)

    with _as_nobody(), pytest.raises(SiteError, match="may not be read by this user") as refused:
        load_key("vendor", server.options(key_file=file))

    assert refused.value.kind == "settings"


async def test_a_server_that_is_not_known_shows_its_fingerprint(
    server: SftpServer, root: Path, tmp_path: Path
) -> None:
    error = await _refusal(server, root, known_hosts=tmp_path / "none")

    fingerprint = asyncssh.read_public_key(server.host_key).get_fingerprint()
    assert error.kind == "login"
    assert f'host_key = "{fingerprint}"' in str(error)
    assert f"ssh-keyscan -p {server.port} 127.0.0.1" in str(error)


async def test_a_changed_host_key_is_refused_with_the_line_that_differs(
    server: SftpServer, root: Path, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    known.write_text(f"# ours\n[127.0.0.1]:{server.port} {other}")

    error = await _refusal(server, root, known_hosts=known)

    assert error.kind == "login"
    assert "changed" in str(error)
    assert f"{known} line 2" in str(error)


@pytest.mark.parametrize("way", ["key", "fingerprint"])
async def test_a_pinned_key_is_enough(
    server: SftpServer, root: Path, tmp_path: Path, way: str
) -> None:
    key = asyncssh.read_public_key(server.host_key)
    pin = key.get_fingerprint() if way == "fingerprint" else key.export_public_key().decode()

    assert await _gets_in(server, root, known_hosts=tmp_path / "none", host_key=pin.strip())


@pytest.mark.parametrize("way", ["key", "fingerprint"])
async def test_a_pin_outweighs_known_hosts(server: SftpServer, root: Path, way: str) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    pin = key.get_fingerprint() if way == "fingerprint" else key.export_public_key().decode()

    error = await _refusal(server, root, host_key=pin.strip())

    assert error.kind == "login"
    assert "host_key pins another key" in str(error)


async def test_a_port_where_nobody_listens_is_unreachable(server: SftpServer, root: Path) -> None:
    error = await _refusal(server, root, port=free_port())

    assert error.kind == "unreachable"


async def test_a_name_that_does_not_exist_is_unreachable(server: SftpServer, root: Path) -> None:
    error = await _refusal(server, root, host="no such host")

    assert error.kind == "unreachable"
    assert "correct host" in str(error)


async def test_a_server_that_says_nothing_is_given_up(
    server: SftpServer, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = await _refusal(server, root, port=silent.getsockname()[1])

    assert error.kind == "unreachable"
    assert "no answer" in str(error)


async def test_the_cipher_is_the_fastest_that_both_sides_have(
    server: SftpServer, root: Path
) -> None:
    link = await connecting.connect("vendor", server.options())

    assert link.connection.get_extra_info("send_cipher") == "aes128-gcm@openssh.com"
    assert link.connection.get_extra_info("send_compression") == "none"
    link.close()
    await link.closed()


def _locked(server: SftpServer) -> Path:
    file = server.folder / "locked"
    asyncssh.read_private_key(server.user_key).write_private_key(file, passphrase="open sesame")
    file.chmod(0o600)
    return file


@contextmanager
def _as_nobody() -> Generator[None]:
    """Lose root's power to read everything; another user never had it."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(me)

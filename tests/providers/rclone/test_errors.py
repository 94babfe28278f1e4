"""What goes wrong at a remote, with a real rclone in front of it, in an artist's words."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from providers.base import FileError, Handle, Location, PermanentFileError, Provider, SiteError
from tests.servers.processes import free_port
from tests.servers.rclone import RCLONE, configuration, obscured, serving, site
from tests.servers.refusing import refusing

_FILE = Location("work", "shot/file.exr")
_ROOT = {"work": "work"}
_TOKEN = "sl.BkQ3n9x8w7v6u5t4s3r2q1p0"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have rclone try once: its patience with services is not what is tested here."""
    monkeypatch.setenv("RCLONE_LOW_LEVEL_RETRIES", "1")


async def _refusal(cloud: Provider) -> SiteError:
    with pytest.raises(SiteError) as refused:
        await cloud.__aenter__()
    assert "\n" not in str(refused.value)
    return refused.value


def _webdav(folder: Path, port: int, **more: str) -> Path:
    keys = {"type": "webdav", "url": f"http://127.0.0.1:{port}/", "vendor": "other", **more}
    return configuration(folder / "webdav.conf", {"dav": keys})


async def test_a_remote_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    names = ("dropbox", "archive")
    config = configuration(tmp_path / "c.conf", {name: {"type": "memory"} for name in names})

    error = await _refusal(site("dropbx:Projects", config, _ROOT))

    assert error.kind == "settings"
    assert f"{config} has no remote 'dropbx'; did you mean 'dropbox'?" in str(error)
    assert "It has: archive, dropbox" in str(error)


async def test_a_configuration_that_is_not_there_has_no_remote(tmp_path: Path) -> None:
    error = await _refusal(site("dropbox:", tmp_path / "none.conf", _ROOT))

    assert "make it with `rclone config`. It has: no remote at all" in str(error)


async def test_a_configuration_that_is_none_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "c.conf").write_text("hunter2 [[[")

    error = await _refusal(site("dropbox:", tmp_path / "c.conf", _ROOT))

    assert str(error).endswith("c.conf cannot be read; look at it with `rclone config`")


@pytest.mark.parametrize(
    ("password", "advice"),
    [
        (None, "is encrypted; set config_password_file"),
        ("wrong", "config_password does not open"),
    ],
)
async def test_a_locked_configuration_asks_for_its_password(
    tmp_path: Path, password: str | None, advice: str
) -> None:
    config = _encrypted(configuration(tmp_path / "c.conf", {"m": {"type": "memory"}}), "right")

    error = await _refusal(site("m:", config, _ROOT, config_password=password))

    assert error.kind == "settings"
    assert advice in str(error)


async def test_the_right_password_opens_it(tmp_path: Path) -> None:
    config = _encrypted(configuration(tmp_path / "c.conf", {"m": {"type": "memory"}}), "right")

    async with site("m:", config, _ROOT, config_password="right") as cloud:
        assert await cloud.facts(_FILE) is None


def _encrypted(config: Path, password: str) -> Path:
    command = [str(RCLONE), "--config", str(config), "config", "encryption", "set"]
    subprocess.run([*command, "--password-command", f"echo {password}"], check=True)
    assert "[m]" not in config.read_text()
    return config


async def test_a_server_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    async with site("dav:", _webdav(tmp_path, free_port()), _ROOT) as cloud:
        with pytest.raises(SiteError, match="connection refused") as error:
            await cloud.facts(_FILE)

    assert error.value.kind == "unreachable"


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (401, "login", "run `rclone config reconnect dav:`"),
        (429, "rate", "it goes on by itself"),
        (507, "quota", "free some room there"),
        (503, "unreachable", "503 Service Unavailable"),
    ],
)
async def test_a_service_that_refuses_stops_the_site(
    tmp_path: Path, status: int, kind: str, advice: str
) -> None:
    async with (
        refusing(status, "no") as port,
        site("dav:", _webdav(tmp_path, port), _ROOT) as cloud,
    ):
        with pytest.raises(SiteError) as error:
            await cloud.facts(_FILE)
        with pytest.raises(SiteError) as unlisted:
            _ = [file async for file in cloud.listing("work")]

    assert (error.value.kind, unlisted.value.kind) == (kind, kind)
    assert advice in str(error.value)


async def test_a_file_that_is_forbidden_is_the_file_s_fault(tmp_path: Path) -> None:
    async with (
        refusing(403, "not for you") as port,
        site("dav:", _webdav(tmp_path, port), _ROOT) as cloud,
    ):
        with pytest.raises(PermanentFileError, match="give its account the right"):
            await cloud.facts(_FILE)


async def test_a_remote_that_can_only_be_read_says_so_when_it_is_written_to(
    tmp_path: Path,
) -> None:
    (tmp_path / "files/work").mkdir(parents=True)
    (tmp_path / "files/work/.sitesync-root").write_text("0123456789abcdef\n")
    with serving("http", tmp_path / "files") as port:
        keys = {"type": "http", "url": f"http://127.0.0.1:{port}/"}
        config = configuration(tmp_path / "c.conf", {"web": keys})
        async with site("web:", config, _ROOT) as cloud:
            handle = await cloud.stage(_FILE, uuid4().hex, 1)
            with pytest.raises(SiteError) as error:
                await _write(cloud, handle)

    assert error.value.kind == "read-only"


async def _write(cloud: Provider, handle: Handle) -> None:
    async with cloud.write(handle) as sink:
        await sink.write(b"x")


async def test_a_file_where_a_folder_is_needed_is_told(tmp_path: Path) -> None:
    config = configuration(tmp_path / "c.conf", {"disk": {"type": "local"}})
    (tmp_path / "work").mkdir()
    (tmp_path / "work/shot").write_bytes(b"in the way")
    async with site("disk", config, {"work": str(tmp_path / "work")}) as cloud:
        await cloud.make_marker("work")
        handle = await cloud.stage(_FILE, uuid4().hex, 1)
        with pytest.raises(PermanentFileError, match="in the way"):
            await _write(cloud, handle)


async def test_a_root_that_is_a_file_is_the_settings_fault(tmp_path: Path) -> None:
    config = configuration(tmp_path / "c.conf", {"disk": {"type": "local"}})

    error = await _refusal(site(f"disk:{config}", config, _ROOT))

    assert error.kind == "settings"
    assert "correct `remote`" in str(error)


async def test_a_root_that_rclone_cannot_serve_is_the_settings_fault(tmp_path: Path) -> None:
    config = configuration(tmp_path / "c.conf", {"disk": {"type": "local"}})

    async with site("disk", config, {"work": f"{tmp_path}/[work]"}) as cloud:
        with pytest.raises(SiteError, match=r"with a \] in its name"):
            await cloud.marker("work")


async def test_a_root_without_marker_takes_nothing(tmp_path: Path) -> None:
    config = configuration(tmp_path / "c.conf", {"disk": {"type": "local"}})

    async with site("disk", config, {"work": str(tmp_path)}) as cloud:
        with pytest.raises(SiteError, match="sitesync site init cloud") as error:
            await cloud.stage(_FILE, uuid4().hex, 1)

    assert error.value.kind == "marker"


async def test_a_damaged_marker_is_told(tmp_path: Path) -> None:
    config = configuration(tmp_path / "c.conf", {"disk": {"type": "local"}})
    (tmp_path / ".sitesync-root").write_text("<html>\n")

    async with site("disk", config, {"work": str(tmp_path)}) as cloud:
        with pytest.raises(SiteError, match="is damaged; remove it"):
            await cloud.marker("work")


async def test_what_a_service_says_is_shown_without_secrets(tmp_path: Path) -> None:
    token = json.dumps({"access_token": _TOKEN, "token_type": "bearer"})
    config = _webdav(tmp_path, 1, bearer_token=_TOKEN)
    said: list[str] = []
    text = f"nobody knows {_TOKEN}, https://u:pa55word@host/x?sig=abcdef&key=klm {token}"
    async with refusing(418, text) as port:
        config = _webdav(tmp_path, port, bearer_token=_TOKEN, user="u", **{"pass": obscured("x")})
        async with site("dav:", config, _ROOT) as cloud:
            with pytest.raises(FileError) as error:
                await cloud.facts(_FILE)
            said = [str(error.value), repr(error.value), repr(cloud), repr(vars(cloud))]

    assert "nobody knows …" in said[0]
    assert not [
        one for one in said for word in (_TOKEN, "pa55word", "abcdef", "klm") if word in one
    ]


def test_no_secret_is_in_the_settings_text(tmp_path: Path) -> None:
    secret: dict[str, Any] = {"config_password": "s3cret"}
    cloud = site("disk", tmp_path / "c.conf", _ROOT, **secret)

    assert "s3cret" not in repr(vars(cloud))

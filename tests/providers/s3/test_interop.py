"""rclone as the witness: it reads what we wrote, and we read what it wrote."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from providers.conformance.moves import MTIME_NS, at, content_at, listed, payload, put
from providers.s3.parts import SMALLEST
from providers.s3.provider import S3Provider
from tests.servers.s3 import ACCESS_KEY, BUCKET, SECRET_KEY, S3Server, program

_NAMES = ("shot/small.exr", "shot/large.abc", "Žluťoučký kůň #1 +.exr", "empty")
_SIZES = (1000, 2 * SMALLEST + 1, 10, 0)


@pytest.fixture
def environment(server: S3Server) -> dict[str, str]:
    """How rclone reaches the server, as its remote `s3`."""
    return {
        **os.environ,
        "RCLONE_CONFIG_S3_TYPE": "s3",
        "RCLONE_CONFIG_S3_PROVIDER": "Other",
        "RCLONE_CONFIG_S3_ENDPOINT": server.endpoint,
        "RCLONE_CONFIG_S3_ACCESS_KEY_ID": ACCESS_KEY,
        "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": SECRET_KEY,
        "RCLONE_S3_CHUNK_SIZE": "5Mi",
        "RCLONE_S3_UPLOAD_CUTOFF": "5Mi",
    }


def _rclone(environment: dict[str, str], *words: str) -> str:
    command = [program("rclone"), "--config", "", *words]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment
    ).stdout


async def test_rclone_finds_the_same_bytes_and_times(
    site: S3Provider, environment: dict[str, str], folder: str, tmp_path: Path
) -> None:
    for name, size in zip(_NAMES, _SIZES, strict=True):
        content = payload(size)
        await put(site, name, content, MTIME_NS)
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    remote = f"s3:{BUCKET}/{folder}"

    _rclone(
        environment, "check", "--download", "--exclude", ".sitesync-root", remote, str(tmp_path)
    )
    told = json.loads(_rclone(environment, "lsjson", "-R", "--files-only", remote))

    times = {one["Path"]: datetime.fromisoformat(one["ModTime"]).timestamp() for one in told}
    assert times == {name: pytest.approx(MTIME_NS / 1e9, abs=1e-5) for name in _NAMES}


async def test_what_rclone_wrote_is_read_with_its_times(
    site: S3Provider, environment: dict[str, str], folder: str, tmp_path: Path
) -> None:
    contents = {name: payload(size) for name, size in zip(_NAMES, _SIZES, strict=True)}
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
        os.utime(tmp_path / name, ns=(MTIME_NS, MTIME_NS))

    _rclone(environment, "copy", str(tmp_path), f"s3:{BUCKET}/{folder}")

    assert {*await listed(site)} == {*_NAMES}
    for name, content in contents.items():
        facts = await site.facts(at(name))
        assert facts is not None
        assert (facts.size, facts.mtime_ns) == (len(content), MTIME_NS)
        assert await content_at(site, name) == content

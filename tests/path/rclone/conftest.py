"""
Remotes of different kinds, and a studio whose vendor is on one of them.

A disk renames and hashes, what WebDAV and SFTP serve is not hashed; all three show a file while
it is written. S3 shows what is whole, hashes it, and copies by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from tests.path.rclone.studio import RcloneStudio
from tests.path.studio import set_up
from tests.servers.rclone import configuration, obscured, serving
from tests.servers.s3 import ACCESS_KEY, BUCKET, SECRET_KEY, S3Server, moto

PASSWORD = "the vendor's own secret"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that WebDAV and SFTP serve; each test has one in it."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session")
def config(
    served: Path, bucket: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    login = ("--user", "vendor", "--pass", PASSWORD)
    host, user = "127.0.0.1", {"user": "vendor", "pass": obscured(PASSWORD)}
    with serving("webdav", served, *login) as dav, serving("sftp", served, *login) as sftp:
        yield configuration(
            tmp_path_factory.mktemp("config") / "rclone.conf",
            {
                "disk": {"type": "local"},
                "dav": {
                    "type": "webdav",
                    "url": f"http://{host}:{dav}/",
                    "vendor": "rclone",
                    "pacer_min_sleep": "0s",
                    **user,
                },
                "ssh": {
                    "type": "sftp",
                    "host": host,
                    "port": str(sftp),
                    "shell_type": "none",
                    **user,
                },
                "s3": {
                    "type": "s3",
                    "provider": "Other",
                    "endpoint": bucket.endpoint,
                    "access_key_id": ACCESS_KEY,
                    "secret_access_key": SECRET_KEY,
                },
            },
        )


@pytest.fixture
def kind() -> str:
    """The remote that the vendor is on."""
    return "dav"


@pytest.fixture
async def remotes(served: Path, bucket: S3Server) -> dict[str, str]:
    """A folder of the test's own at each remote."""
    own = uuid4().hex
    (served / own).mkdir()
    await bucket.make_bucket()
    return {
        "disk": f"disk:{served}/{own}",
        "dav": f"dav:{own}",
        "ssh": f"ssh:{own}",
        "s3": f"s3:{BUCKET}/{own}",
    }


@pytest.fixture
def places(remotes: dict[str, str], kind: str) -> dict[str, str]:
    """Where the studio's other sites are."""
    return {"vendor": remotes[kind]}


@pytest.fixture
async def studio(
    client: AsyncMongoClient[dict[str, Any]],
    database: AsyncDatabase[dict[str, Any]],
    config: Path,
    places: dict[str, str],
    tmp_path: Path,
) -> AsyncIterator[RcloneStudio]:
    names = ("studio", *places)
    made = RcloneStudio(client, database.name, tmp_path, names=names, config=config, places=places)
    async with set_up(made):
        yield made

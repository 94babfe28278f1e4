"""
S3 servers written by others, each a process of its own on loopback.

moto (the most of S3's protocol, the least of its checks), rclone (few requests, conditions
ignored), SeaweedFS (a server that studios run; its wheel is for Linux on x86_64).
"""

from __future__ import annotations

import json
import shutil
import socket
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from providers.base import Setup
from providers.s3.options import S3Options
from providers.s3.provider import S3Provider
from tests.servers.processes import free_port, served

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

ACCESS_KEY = "AKIASITESYNCTESTS"
SECRET_KEY = "only+for/these=tests"
BUCKET = "studio-projects"
_PATIENCE = 30.0


@dataclass(frozen=True)
class S3Server:
    """A running server, and all that a client needs to get in."""

    port: int

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def options(self, **changes: Any) -> S3Options:
        """Return settings that let one in, changed as a test wants them."""
        settings = {
            "bucket": BUCKET,
            "endpoint": self.endpoint,
            "access_key": ACCESS_KEY,
            "secret_key": SECRET_KEY,
            **changes,
        }
        return S3Options.model_validate(
            {key: value for key, value in settings.items() if value is not None}
        )

    def provider(self, roots: Mapping[str, str], **changes: Any) -> S3Provider:
        """Return a provider for this server."""
        return S3Provider(Setup("vendor", roots, self.options(**changes)))

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[S3Client]:
        """Yield a client written by others, to look at what is really there."""
        config = AioConfig(
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        async with get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=config,
        ) as client:
            yield client

    async def make_bucket(self, name: str = BUCKET, *, versioned: bool = False) -> None:
        """Make a bucket, unless it is there."""
        async with self.client() as client:
            found = await client.list_buckets()
            if name not in [bucket.get("Name") for bucket in found.get("Buckets", [])]:
                await client.create_bucket(Bucket=name)
            if versioned:
                await client.put_bucket_versioning(
                    Bucket=name, VersioningConfiguration={"Status": "Enabled"}
                )


@contextmanager
def moto(folder: Path) -> Generator[S3Server]:
    """Run moto's server."""
    port = free_port()
    command = [program("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with served(command, port, folder / "moto.log"):
        yield S3Server(port)


@contextmanager
def rclone(folder: Path) -> Generator[S3Server]:
    """Run `rclone serve s3` over a folder; its buckets are the folders in there."""
    port, root = free_port(), folder / "rclone"
    root.mkdir()
    flags = ["--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"]
    command = [program("rclone"), "--config", "", "serve", "s3", str(root), *flags]
    with served(command, port, folder / "rclone.log"):
        yield S3Server(port)


@contextmanager
def seaweedfs(folder: Path) -> Generator[S3Server]:
    """Run SeaweedFS: master, volumes, filer and S3 gateway in one process."""
    if (program := _found("weed")) is None:
        pytest.skip("no SeaweedFS on this platform: put its program `weed` on PATH")
    with ExitStack() as ports:
        names = ("master", "volume", "filer", "s3", "metrics")
        taken = {name: ports.enter_context(_pair_of_ports()) for name in names}
    may = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
    sees = {"accessKey": f"{ACCESS_KEY}RO", "secretKey": SECRET_KEY}
    identities = [
        {"name": "artist", "credentials": [may], "actions": ["Admin", "Read", "List", "Write"]},
        {"name": "guest", "credentials": [sees], "actions": ["Read", "List"]},
    ]
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": identities}))
    (folder / "weed").mkdir()
    command = [
        *(program, "server", f"-dir={folder / 'weed'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(f"-{name}.port={port}" for name, port in taken.items() if name != "metrics"),
        *("-filer", "-s3", f"-s3.config={config}"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),  # else of fixed numbers: one server a machine
        *(f"-metricsPort={taken['metrics']}", "-master.telemetry=false"),
        *("-master.volumeSizeLimitMB=64", "-volume.max=500"),
    ]
    server = S3Server(taken["s3"])
    with served(command, server.port, folder / "weed.log") as process:
        try:
            _wait_until_it_answers(server)
            yield server
        finally:
            process.kill()  # asked to end, it takes half a minute


def _wait_until_it_answers(server: S3Server) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(server.endpoint, timeout=5)
        except urllib.error.HTTPError as error:
            if error.code == 403:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise RuntimeError("SeaweedFS does not answer")


@contextmanager
def _pair_of_ports() -> Generator[int]:
    """Hold a port whose neighbour ten thousand above is free, too: SeaweedFS takes both."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as low:
            port: int = low.getsockname()[1]
            if port > 55_000:
                continue
            try:
                high = socket.create_server(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            with high:
                yield port
                return


def _found(name: str) -> str | None:
    return shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)


def program(name: str) -> str:
    """Return the program of a package that the tests are installed with."""
    found = _found(name)
    assert found, f"{name} belongs to the extra `dev` (python {sys.version_info[:2]})"
    return found

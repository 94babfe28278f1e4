"""The program itself as a process, with a settings file of its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from subprocess import Popen, run
from typing import Any

import anyio

from tests.path.studio import PATIENCE, Studio
from tests.servers.sftp import SftpServer


def write_settings(studio: Studio, uri: str, server: SftpServer) -> Path:
    """Write settings of a studio whose vendor is an SFTP site on a server, and return the file."""
    vendor = f"""
        provider = "sftp"
        root = {{ work = {json.dumps(str(studio.path("vendor")))} }}
        host = "127.0.0.1"
        port = {server.port}
        user = {json.dumps(server.options().user)}
        key_file = {json.dumps(str(server.user_key))}
        known_hosts = {json.dumps(str(server.folder / "known_hosts"))}
        """
    return write_vendor(studio, uri, vendor)


def write_vendor(studio: Studio, uri: str, vendor: str) -> Path:
    """Write settings of a studio and of a vendor that these lines describe, and return the file."""
    file = studio.folder / "sitesync.toml"
    file.write_text(
        f"""
        [mongo]
        uri = {json.dumps(uri)}
        database = {json.dumps(studio.database)}
        state_database = {json.dumps(f"{studio.database}_state")}
        [sites.studio]
        root = {{ work = {json.dumps(str(studio.path("studio")))} }}
        [sites.vendor]
        {vendor}
        [defaults]
        remote_site = "vendor"
        """
    )
    return file


def add_drive(
    settings: Path,
    key_file: Path,
    shared: str,
    endpoint: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> None:
    """
    Add a site `archive`, a shared drive of some name, and make its marker.

    The settings must end with their defaults.
    """
    elsewhere = f"endpoint = {json.dumps(endpoint)}" if endpoint else ""
    with settings.open("a") as text:
        text.write(
            f"""
            always_accessible_on = ["archive"]
            [sites.archive]
            provider = "gdrive"
            key_file = {json.dumps(str(key_file))}
            root = {{ work = {json.dumps(f"/{shared}")} }}
            {elsewhere}
            """
        )
    command = [sys.executable, "-m", "reactor", "--config", str(settings), "site", "init"]
    environ = {**environment(settings), **(variables or {})}
    run([*command, "archive"], check=True, capture_output=True, env=environ)


def environment(settings: Path) -> dict[str, str]:
    """Return this process's environment, but for the settings of whoever runs the tests."""
    return {**os.environ, "XDG_CONFIG_HOME": str(settings.parent / "config")}


@contextmanager
def reactor_process(
    settings: Path,
    *arguments: str,
    variables: Mapping[str, str] | None = None,
    host: str | None = None,
) -> Generator[Popen[bytes]]:
    """
    Run `sitesync run` as the studio; it is killed if it still runs at the end.

    With a `host` it finds itself on a machine of that name; see `several_hosts`.
    """
    elsewhere = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host] if host else []
    command = [*elsewhere, sys.executable, "-m", "reactor", "--config", str(settings), "run"]
    environ = {**environment(settings), **(variables or {})}
    with (settings.parent / "reactor.log").open("ab") as log:
        process = Popen([*command, "--active-site", "studio", *arguments], stderr=log, env=environ)
        with process:
            try:
                yield process
            finally:
                process.kill()


def several_hosts() -> bool:
    """Return whether processes may be given machines of other names: root on Linux may."""
    unshare = which("unshare")
    return unshare is not None and run([unshare, "--uts", "true"], check=False).returncode == 0


async def until_journalled(studio: Studio) -> dict[str, Any]:
    """Wait until a claim's journal speaks of staged bytes, and return the claim."""
    with anyio.fail_after(PATIENCE):
        while True:
            found: dict[str, Any] | None = await studio.state["claims"].find_one(
                {"journal.offset": {"$gt": 0}}
            )
            if found is not None:
                return found
            await anyio.sleep(0.005)


async def ended(process: Popen[bytes]) -> int:
    """Wait until a process has ended, and return its exit code."""
    with anyio.fail_after(2 * PATIENCE):
        while (code := process.poll()) is None:
            await anyio.sleep(0.02)
    return code

"""The demo's studio: an SFTP server of its own, settings that name it, and roots with markers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import psutil
import tomli_w
from anyio.abc import Process

from config.load import Sources, load
from config.models import Settings
from providers.base import SiteError
from reactor.cli.compose import open_sites
from reactor.cli.demo.layout import HEADER, OWN_SITE, PROJECT, RETRY_COUNT, DemoError, Layout
from reactor.cli.kinds import OPTIONS

_SERVER = Path(__file__).with_name("server.py")
_START = 20.0
_OPENSSH = "OpenSSH's sshd"
_ASYNCSSH = "asyncssh's own server"


@asynccontextmanager
async def open_studio(layout: Layout) -> AsyncGenerator[str]:
    """Yield what kind of SFTP server runs; on entry, settings and markers are there."""
    async with AsyncExitStack() as stack:
        yield await _open_sshd(stack, layout) or await _open_asyncssh(stack, layout)


async def _open_sshd(stack: AsyncExitStack, layout: Layout) -> str | None:
    """Return what runs, or None where there is no sshd that lets this user in."""
    sshd = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if sshd is None:
        return None
    try:
        async with AsyncExitStack() as attempt:
            port = await attempt.enter_async_context(_server(layout, sshd))
            await _set_up(layout, port)
            stack.push_async_exit(attempt.pop_all())
    except (DemoError, SiteError):
        return None
    return f"{_OPENSSH} on 127.0.0.1:{port}"


async def _open_asyncssh(stack: AsyncExitStack, layout: Layout) -> str:
    port = await stack.enter_async_context(_server(layout))
    await _set_up(layout, port)
    return f"{_ASYNCSSH} on 127.0.0.1:{port} (no sshd that lets this user in was found)"


@asynccontextmanager
async def _server(layout: Layout, *sshd: str) -> AsyncGenerator[int]:
    """Yield the port of a running SFTP server, which Ctrl-C does not reach before us."""
    layout.server.mkdir(mode=0o700, exist_ok=True)
    command = [sys.executable, "-P", str(_SERVER), str(layout.server), *sshd]
    with (layout.server / "log").open("wb") as log:
        process = await anyio.open_process(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    async with process:
        try:
            yield await _port(layout, process)
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)


async def _port(layout: Layout, process: Process) -> int:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    with anyio.move_on_after(_START):
        try:
            return int(await process.stdout.receive())
        except anyio.EndOfStream:
            pass
    raise DemoError(f"the SFTP server did not start: look into {layout.server / 'log'}")


async def _end(process: Process) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    try:
        await process.stdin.send(b"end\n")
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return  # it ended by itself
    await process.wait()


async def _set_up(layout: Layout, port: int) -> None:
    """Write the settings and make the markers, which is what only the demo does by itself."""
    layout.settings_file.write_text(HEADER + tomli_w.dumps(_tables(layout, port)), "utf-8")
    async with open_sites(load_settings(layout)) as (sites, _):
        for site in sites:
            await site.open()
            await site.provider.make_marker("work")


def load_settings(layout: Layout) -> Settings:
    """Return the settings of the demo's studio, whatever the user's own say."""
    machine = layout.user_config / "machine.toml"
    sources = Sources(layout.settings_file, machine, {})
    return load(sources, OPTIONS)


def _tables(layout: Layout, port: int) -> dict[str, Any]:
    vendor = {
        "provider": "sftp",
        "host": "127.0.0.1",
        "port": port,
        "user": psutil.Process().username(),
        "key_file": str(layout.server / "user"),
        "checksum": "read-back",  # not every server runs commands, and login shells can be slow
        "host_key": (layout.server / "host.pub").read_text("ascii").strip(),
        "root": {"work": layout.site("vendor").as_posix()},
    }
    return {
        "mongo": {"data_folder": str(layout.mongod)},
        "machine": {"site_id": OWN_SITE},
        "sites": {
            OWN_SITE: {"root": {"work": str(layout.site(OWN_SITE))}},
            "vendor": vendor,
            "vendor_web": {**vendor, "alternative_sites": ["vendor"]},
            "backup": {"provider": "local_drive", "root": {"work": str(layout.site("backup"))}},
        },
        "projects": {
            PROJECT: {
                "active_site": OWN_SITE,
                "remote_site": "vendor",
                "always_accessible_on": ["backup"],
                "retry_count": RETRY_COUNT,
            }
        },
    }

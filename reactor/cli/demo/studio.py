"""The demo's studio: servers of its own, settings that name them, and roots with markers."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import tomli_w

from config.load import load
from config.models import Settings
from config.sources import Sources
from providers.base import SiteError
from reactor.cli.compose import open_sites
from reactor.cli.demo.drive import Drive, open_drive
from reactor.cli.demo.layout import (
    DRIVE,
    HEADER,
    OWN_SITE,
    PROJECT,
    RETRY_COUNT,
    DemoError,
    Layout,
)
from reactor.cli.demo.servers import serving
from reactor.cli.kinds import OPTIONS

_SERVER = Path(__file__).with_name("server.py")
_OPENSSH = "OpenSSH's sshd"
_ASYNCSSH = "asyncssh's own server"


@dataclass(frozen=True, slots=True)
class Servers:
    """What serves the studio's remote sites: a sentence on the SFTP server, and the Drive."""

    sftp: str
    drive: Drive | None


@asynccontextmanager
async def open_studio(layout: Layout) -> AsyncGenerator[Servers]:
    """Yield the servers that run; on entry, settings and markers are there."""
    async with AsyncExitStack() as stack:
        drive = await stack.enter_async_context(open_drive(layout))
        setup = _Setup(layout, drive, stack)
        yield Servers(await setup.open_sshd() or await setup.open_asyncssh(), drive)


@dataclass(frozen=True, slots=True)
class _Setup:
    layout: Layout
    drive: Drive | None
    stack: AsyncExitStack

    async def open_sshd(self) -> str | None:
        """Return what runs, or None where there is no sshd that lets this user in."""
        sshd = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
        if sshd is None:
            return None
        try:
            async with AsyncExitStack() as attempt:
                port = await attempt.enter_async_context(_sftp_server(self.layout, sshd))
                await self._settle(port)
                self.stack.push_async_exit(attempt.pop_all())
        except (DemoError, SiteError):
            return None
        return f"{_OPENSSH} on 127.0.0.1:{port}"

    async def open_asyncssh(self) -> str:
        """Return what runs in its place."""
        port = await self.stack.enter_async_context(_sftp_server(self.layout))
        await self._settle(port)
        return f"{_ASYNCSSH} on 127.0.0.1:{port} (no sshd that lets this user in was found)"

    async def _settle(self, port: int) -> None:
        """Write the settings and make the markers, which is what only the demo does by itself."""
        tables = _tables(self.layout, port)
        if self.drive is not None:
            tables["sites"][DRIVE] = self.drive.site
        self.layout.settings_file.write_text(HEADER + tomli_w.dumps(tables), "utf-8")
        async with open_sites(load_settings(self.layout)) as (sites, _):
            for site in sites:
                await site.open()
                await site.provider.make_marker("work")


@asynccontextmanager
async def _sftp_server(layout: Layout, *sshd: str) -> AsyncGenerator[int]:
    """Yield the port of a running SFTP server."""
    layout.server.mkdir(mode=0o700, exist_ok=True)
    command = [sys.executable, "-P", str(_SERVER), str(layout.server), *sshd]
    async with serving("SFTP server", command, layout.server) as port:
        yield int(port)


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
                "always_accessible_on": list(layout.copies[1:]),
                "retry_count": RETRY_COUNT,
            }
        },
    }

"""SFTP sites: any server that speaks version 3, at the speed of OpenSSH's own client."""

from __future__ import annotations

from pathlib import Path

from providers.base import Kind, Provider, Setup
from providers.sftp.options import SftpOptions

__all__ = ["KIND", "SftpOptions"]


def _make(setup: Setup) -> Provider:
    from providers.sftp.provider import SftpProvider  # noqa: PLC0415 - asyncssh takes its time

    return SftpProvider(setup)


KIND = Kind("sftp", SftpOptions, _make, icon=Path(__file__).with_name("icon.png"))

"""SFTP sites: any server that speaks version 3, at the speed of OpenSSH's own client."""

from __future__ import annotations

from providers.base import Kind
from providers.sftp.options import SftpOptions
from providers.sftp.provider import SftpProvider

__all__ = ["KIND", "SftpOptions", "SftpProvider"]

KIND = Kind("sftp", SftpOptions, SftpProvider)

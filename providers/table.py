"""The kinds of site that are part of the product, written out."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from providers import local_drive, memory, rclone, sftp
from providers.base import Kind

PROVIDERS: Mapping[str, Kind] = MappingProxyType(
    {kind.name: kind for kind in (local_drive.KIND, memory.KIND, rclone.KIND, sftp.KIND)}
)

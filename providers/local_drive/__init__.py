"""Sites on a disk of this machine or on a mounted share: the kernel copies, the disk is synced."""

from __future__ import annotations

from pathlib import Path

from providers.base import Kind
from providers.local_drive.provider import LocalDrive
from providers.local_drive.settings import LocalDriveOptions

__all__ = ["KIND", "LocalDrive", "LocalDriveOptions"]

KIND = Kind("local_drive", LocalDriveOptions, LocalDrive, icon=Path(__file__).with_name("icon.png"))

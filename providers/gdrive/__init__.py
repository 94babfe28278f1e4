"""Google Drive sites: shared drives, and folders that are shared with a service account."""

from __future__ import annotations

from pathlib import Path

from providers.base import Kind, Provider, Setup
from providers.gdrive.options import GdriveOptions

__all__ = ["KIND", "GdriveOptions"]


def _make(setup: Setup) -> Provider:
    from providers.gdrive.provider import GdriveProvider  # noqa: PLC0415 - aiogoogle and aiohttp

    return GdriveProvider(setup)


KIND = Kind("gdrive", GdriveOptions, _make, icon=Path(__file__).with_name("icon.png"))

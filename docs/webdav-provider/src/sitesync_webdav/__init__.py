"""Sites on WebDAV servers."""

from __future__ import annotations

from pathlib import Path

from providers.base import Kind, Provider, Setup
from sitesync_webdav.options import WebdavOptions

__all__ = ["KIND", "WebdavOptions"]


def _make(setup: Setup) -> Provider:
    """Return a provider; what it stands on is imported by those who have such a site."""
    from sitesync_webdav.provider import WebdavProvider  # noqa: PLC0415

    return WebdavProvider(setup)


KIND = Kind("webdav", WebdavOptions, _make, icon=Path(__file__).with_name("icon.png"), api=1)

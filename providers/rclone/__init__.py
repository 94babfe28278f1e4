"""Sites on any remote that rclone speaks to, through one rclone for all of a process."""

from __future__ import annotations

from pathlib import Path

from providers.base import Kind, Provider, Setup
from providers.rclone.options import RcloneOptions

__all__ = ["KIND", "RcloneOptions"]


def _make(setup: Setup) -> Provider:
    """Return a provider; what it stands on is imported by those who have such a site."""
    from providers.rclone.provider import RcloneProvider  # noqa: PLC0415

    return RcloneProvider(setup)


KIND = Kind("rclone", RcloneOptions, _make, icon=Path(__file__).with_name("icon.png"))

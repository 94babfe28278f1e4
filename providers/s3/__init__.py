"""S3 sites: AWS, and any server that speaks its protocol."""

from __future__ import annotations

from pathlib import Path

from providers.base import Kind, Provider, Setup
from providers.s3.options import S3Options

__all__ = ["KIND", "S3Options"]


def _make(setup: Setup) -> Provider:
    from providers.s3.provider import S3Provider  # noqa: PLC0415 - aiohttp and botocore take their time

    return S3Provider(setup)


KIND = Kind("s3", S3Options, _make, icon=Path(__file__).with_name("icon.png"))

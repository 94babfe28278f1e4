"""The settings of a Google Drive site; the predecessor's name of the key file is understood too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field

_GOOGLE = "https://www.googleapis.com"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _expanded(path: Path) -> Path:
    return path.expanduser()


def _reachable_safely(address: str) -> str:
    """Accept `https://host[:port]`; without encryption on this machine only."""
    parts = urlsplit(address)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.path.strip("/"):
        raise ValueError(f'must be an address like "{_GOOGLE}"')
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("must begin with https://: keys and files would travel unencrypted")
    return f"{parts.scheme}://{parts.netloc}"


class GdriveOptions(BaseModel):
    """
    Which account works at Google Drive, how it is reached, and how often it may call.

    `key_file` is a service account's JSON key; it may lie on a shared disk.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    key_file: Annotated[Path, AfterValidator(_expanded)] = Field(
        validation_alias=AliasChoices("key_file", "credentials_url")
    )
    calls_per_second: float = Field(100.0, gt=0, le=1000)
    endpoint: Annotated[str, AfterValidator(_reachable_safely)] = _GOOGLE

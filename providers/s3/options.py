"""The settings of an S3 site."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

_BUCKET = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,253}[a-zA-Z0-9]")


def _endpoint(value: str) -> str:
    """Accept the address of a server: a scheme, a host, at most a port and a path."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError('is no address like "https://s3.example.com"')
    if parts.username or parts.password:
        raise ValueError("holds a user name: that belongs into access_key and secret_key")
    if parts.query or parts.fragment:
        raise ValueError("has more than a host, a port and a path")
    return value.rstrip("/")


def _bucket(value: str) -> str:
    if not _BUCKET.fullmatch(value):
        raise ValueError("is no bucket's name: letters, digits, dots and dashes only")
    return value


def _expanded(path: Path) -> Path:
    return path.expanduser()


class S3Options(BaseModel):
    """
    Where a bucket is, and who we are there.

    Without `access_key` the usual chain of AWS decides: environment, `profile` of
    `~/.aws/`, single sign-on, the role of the machine. Without `endpoint` it is AWS itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    bucket: Annotated[str, AfterValidator(_bucket)] | None = None
    endpoint: Annotated[str, AfterValidator(_endpoint)] | None = None
    region: str | None = Field(None, min_length=1)
    access_key: str | None = Field(None, min_length=1)
    secret_key: SecretStr | None = None
    profile: str | None = Field(None, min_length=1)
    path_style: bool | None = None
    ca_file: Annotated[Path, AfterValidator(_expanded)] | None = None

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError(
                "needs access_key and secret_key (or secret_key_file) together, or none of them"
            )
        if self.access_key is not None and self.profile is not None:
            raise ValueError("has an access_key and a profile: keep one and remove the other")
        return self

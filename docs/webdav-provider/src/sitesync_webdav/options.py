"""The settings of a site on a WebDAV server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, model_validator

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _url(value: str) -> str:
    """Accept the address of a folder at a server, without anything secret in it."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError('must be an address like "https://dav.example.com/projects"')
    if "@" in parts.netloc:
        raise ValueError("must not hold a login: write `user` and `password_file` instead")
    if parts.query or parts.fragment:
        raise ValueError("must end with a folder: remove what follows after ? or #")
    return value.rstrip("/")


class WebdavOptions(BaseModel):
    """
    Where a server is, and who we are there.

    `ca_file` holds the certificates to trust where the server's is the studio's own. Without
    `read_back` it is known only of how many bytes an arrived file is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_url)]
    user: str | None = None
    password: SecretStr | None = None
    ca_file: Annotated[Path, AfterValidator(Path.expanduser)] | None = None
    read_back: bool = True

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("needs both `user` and `password` (or password_file), or neither")
        parts = urlsplit(self.url)
        if self.password and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ValueError("would send its password for all to read: use https:// in `url`")
        return self

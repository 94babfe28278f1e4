"""The settings of an SFTP site; the predecessor's names of them are understood too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")

ChecksumChoice = Literal["auto", "command", "read-back", "off"]


def _pinned(value: str) -> str:
    """Accept a public key, or its SHA256 fingerprint, as `ssh-keygen -l` prints it."""
    if _FINGERPRINT.fullmatch(value):
        return value
    import asyncssh  # noqa: PLC0415 - only a pinned key is worth the time that it takes

    try:
        asyncssh.import_public_key(value)
    except asyncssh.KeyImportError:
        raise ValueError(
            'is neither a public key ("ssh-ed25519 AAAA…") nor a fingerprint ("SHA256:…")'
        ) from None
    return value


def _expanded(path: Path) -> Path:
    return path.expanduser()


def _alias(name: str) -> AliasChoices:
    return AliasChoices(name, f"sftp_{name}")


class SftpOptions(BaseModel):
    """
    How an SFTP server is reached, and how it is known to be the right one.

    Nothing in here turns the check of the host key off: `host_key` or `known_hosts` decides.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: str = Field(min_length=1, validation_alias=_alias("host"))
    port: int = Field(22, ge=1, le=65535, validation_alias=_alias("port"))
    user: str = Field(min_length=1, validation_alias=_alias("user"))
    password: SecretStr | None = Field(
        None, validation_alias=AliasChoices("password", "sftp_pass", "sftp_password")
    )
    key_file: Annotated[Path, AfterValidator(_expanded)] | None = Field(
        None, validation_alias=AliasChoices("key_file", "sftp_key")
    )
    key_passphrase: SecretStr | None = Field(
        None, validation_alias=AliasChoices("key_passphrase", "sftp_key_pass")
    )
    known_hosts: Annotated[Path, AfterValidator(_expanded)] = Field(
        Path("~/.ssh/known_hosts"), validate_default=True
    )
    host_key: Annotated[str, AfterValidator(_pinned)] | None = None
    checksum: ChecksumChoice = "auto"
    connections: int = Field(3, ge=1, le=16)
    keepalive: float = Field(15.0, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, values: object) -> object:
        """Take the predecessor's empty fields for absent ones; its dialogs wrote them all."""
        if not isinstance(values, dict):
            return values
        return {key: value for key, value in values.items() if value != ""}  # pyright: ignore[reportUnknownVariableType]  # any mapping; fields are checked next

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.password is not None and self.key_file is not None:
            raise ValueError("has a password and a key_file: keep one and remove the other")
        if self.password is None and self.key_file is None:
            raise ValueError("needs a password (or password_file) or a key_file to log in with")
        if self.key_passphrase is not None and self.key_file is None:
            raise ValueError("has a key_passphrase but no key_file that it would open")
        return self

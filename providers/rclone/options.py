"""The settings of a site that rclone reaches."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

# What rclone itself accepts as the name of a remote; a path may follow after the colon.
_REMOTE = re.compile(r"([\w.+@][\w.+@ -]*)(:.*)?")

ChecksumChoice = Literal["auto", "read-back", "off"]


def _remote(value: str) -> str:
    """Accept a remote of rclone's configuration, and a folder there; parameters belong there, too."""
    if _REMOTE.fullmatch(value):
        return value
    raise ValueError(
        'must be a remote of rclone\'s configuration ("dropbox:"), with a folder there if you like '
        '("dropbox:Projects"); connection parameters belong into that configuration'
    )


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("no home folder is known for this user") from None


_File = Annotated[Path, AfterValidator(_expanded)]


class RcloneOptions(BaseModel):
    """
    Which remote a site is, and the configuration in which rclone finds it.

    `rclone` is the program; left out: the one on PATH, else the one of the extra `rclone`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    remote: Annotated[str, AfterValidator(_remote)] = Field(min_length=1)
    config_file: _File | None = None
    config_password: SecretStr | None = None
    checksum: ChecksumChoice = "auto"
    rclone: _File | None = None

    @property
    def name(self) -> str:
        """The remote's name in rclone's configuration."""
        return self.remote.partition(":")[0]

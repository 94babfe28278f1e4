"""A machine with settings files of its own, and providers as small as they can be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Annotated

import pytest
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr

from config.errors import SettingsError
from config.load import load
from config.models import Settings
from config.sources import Sources


class DiskOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(validation_alias=AliasChoices("host", "sftp_host"))
    port: Annotated[int, Field(ge=1, validation_alias=AliasChoices("port", "sftp_port"))] = 22
    transfers: int = 20
    password: Annotated[
        SecretStr | None, Field(validation_alias=AliasChoices("password", "sftp_pass"))
    ] = None


PROVIDERS: Mapping[str, type[BaseModel]] = {"local_drive": DiskOptions, "sftp": ServerOptions}


@dataclass
class Machine:
    """One machine's settings: its files in a folder, its environment in a mapping."""

    folder: Path
    environ: dict[str, str] = field(default_factory=lambda: {"SITESYNC_SITE_ID": "ws-1"})

    @property
    def file(self) -> Path:
        return self.folder / "sitesync.toml"

    @property
    def machine_file(self) -> Path:
        return self.folder / "user" / "machine.toml"

    def write(self, text: str) -> None:
        self.file.write_text(dedent(text), encoding="utf-8")

    def write_machine(self, text: str) -> None:
        self.machine_file.parent.mkdir(exist_ok=True)
        self.machine_file.write_text(dedent(text), encoding="utf-8")

    def load(self) -> Settings:
        file = self.file if self.file.exists() else None
        return load(Sources(file, self.machine_file, self.environ), PROVIDERS)

    def settings(self, text: str) -> Settings:
        """Return what the studio's file alone makes of a text."""
        self.write(text)
        return self.load()

    def problems(self, text: str = "") -> list[str]:
        """Return what is wrong with a text, as `line: key: why` for the studio's file."""
        if text:
            self.write(text)
        with pytest.raises(SettingsError) as raised:
            self.load()
        prefix = re.escape(str(self.file))
        return [re.sub(f"^{prefix}:", "", line) for line in str(raised.value).splitlines()]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)

"""Packages that bring a kind of site, as pip would leave them: a module and its metadata."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

KIND = """
from pydantic import BaseModel
from providers.base import Kind, SiteError

class Options(BaseModel):
    address: str

def make(setup):
    raise SiteError("unreachable", "nobody is there")

KIND = Kind("webdav", Options, make, api=1)
"""


@dataclass
class Packages:
    """A folder of packages that this process can import."""

    folder: Path
    modules: list[str] = field(default_factory=list[str])

    def install(
        self, name: str, module: str = KIND, *, kind: str = "webdav", version: str = "1.2"
    ) -> None:
        """Install a package whose one module brings a kind of site."""
        code = name.replace("-", "_")
        info = self.folder / f"{code}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[sitesync.providers]\n{kind} = {code}:KIND\n")
        (self.folder / f"{code}.py").write_text(dedent(module))
        self.modules.append(code)

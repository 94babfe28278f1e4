"""
The environment of somebody who has installed sitesync and a provider's package, and nothing of our trees.

Both are wheels in a virtual environment of its own. What they depend on comes from the environment
of the tests, which is put on the path behind it: nothing is fetched, and nothing that is installed
there for development is in the way (a `.pth` in a folder that another `.pth` names is not read, so
the editable install of our tree is not).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.docs.pages import HERE

_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
# pip reads its "no" options from the environment by their outcome: 0 is no isolation.
_OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_DEPS": "1"}


@dataclass(frozen=True)
class Stranger:
    """An environment, and a folder to work in."""

    home: Path
    folder: Path

    @property
    def programs(self) -> Path:
        """Where the programs of the environment are."""
        return self.home / "bin"

    def build(self, source: Path) -> Path:
        """Build the wheel of a source tree, and return it."""
        wheels = self.folder / "wheels" / source.name
        _called([*_PIP, "wheel", "--wheel-dir", str(wheels), str(source)], self.folder)
        (wheel,) = wheels.glob("*.whl")
        return wheel

    def install(self, wheel: Path) -> None:
        """Install a wheel into the environment."""
        python = str(self.programs / "python")
        _called([*_PIP, "--python", python, "install", str(wheel)], self.folder)

    def run(self, *command: str, code: int = 0, **environ: str) -> str:
        """Call a program of the environment; return what it writes."""
        return _called([str(self.programs / command[0]), *command[1:]], self.folder, code, environ)

    def answer(self, *arguments: str, code: int = 0) -> Any:
        """Call `sitesync` with `--json`, and return its answer."""
        return json.loads(self.run("sitesync", *arguments, "--json", code=code))


def environment(folder: Path) -> Stranger:
    """Make an environment with a wheel of this tree, and nothing else that is ours."""
    home = folder / "environment"
    _called([sys.executable, "-m", "venv", "--without-pip", str(home)], folder)
    stranger = Stranger(home, folder)
    stranger.install(stranger.build(HERE))
    packages = stranger.run(
        "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"
    )
    others = Path(packages.strip()) / "of_the_tests.pth"
    others.write_text(sysconfig.get_path("purelib") + "\n")
    return stranger


def _called(
    command: list[str], folder: Path, code: int = 0, environ: dict[str, str] | None = None
) -> str:
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**inherited, **_OFFLINE, **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout

"""What to look at now, and how to go on to one's own studio."""

from __future__ import annotations

import shlex
import shutil
import sys
from importlib.resources import files
from pathlib import Path

from reactor.cli.demo.layout import COPIES, OWN_SITE, Layout


def hand_over(layout: Layout) -> str:
    """Return the demo's last words."""
    sitesync = _program()
    settings = shlex.quote(str(layout.settings_file))
    folders = "\n".join(f"  {layout.site(name)}" for name in (OWN_SITE, *COPIES))
    return f"""
Look around:
{folders}
  {layout.log}  has one line a transfer
  {sitesync} --config {settings} status
When you have seen enough (nothing of it runs any more):
  rm -r {shlex.quote(str(layout.folder))}

Your own studio:
  {files("config") / "example.toml"}  has every setting, with its default
  Copy it to sitesync.toml and name your MongoDB and your sites; README.md goes through it. Then:
  {sitesync} site init --all && {sitesync} doctor && {sitesync} run --active-site studio"""


def _program() -> str:
    """Return how a shell calls this sitesync: it is not on PATH in a checkout's environment."""
    beside_python = Path(sys.executable).with_name("sitesync")
    found = shutil.which("sitesync")
    if not beside_python.exists() or (found and Path(found).samefile(beside_python)):
        return "sitesync"
    return shlex.quote(str(beside_python))

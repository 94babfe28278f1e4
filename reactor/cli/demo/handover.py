"""What to look at now, and how to go on to one's own studio."""

from __future__ import annotations

import shlex
from importlib.resources import files

from reactor.cli.demo.layout import COPIES, OWN_SITE, Layout


def hand_over(layout: Layout) -> str:
    """Return the demo's last words."""
    settings = shlex.quote(str(layout.settings_file))
    folders = "\n".join(f"  {layout.site(name)}" for name in (OWN_SITE, *COPIES))
    return f"""
Look around:
{folders}
  {layout.log}  has one line a transfer
  sitesync --config {settings} status

Your own studio:
  {files("config") / "example.toml"}  has every setting, with its default
  Copy it to sitesync.toml and name your MongoDB and your sites; README.md goes through it. Then:
  sitesync doctor && sitesync site init --all && sitesync run"""

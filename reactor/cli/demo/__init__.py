"""
`sitesync demo`: the main job on real input, from nothing, in a minute.

Everything of it lies in one folder: the studio's disks, the settings, the database, the
logs. Nothing outside that folder is written, and the user's own settings are not read.
"""

from __future__ import annotations

from reactor.cli.demo.command import demo

__all__ = ["demo"]

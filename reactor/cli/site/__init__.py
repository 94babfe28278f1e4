"""`sitesync site …`: sites, and which of them are to have which files."""

from __future__ import annotations

import click

from reactor.cli.commands import late
from reactor.cli.late import LateGroup


@click.group(cls=LateGroup)
def site() -> None:
    """Set sites up, and say which files they are to have."""


site.late = late("site")

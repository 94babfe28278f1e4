"""`sitesync site …`: sites, and which of them are to have which files."""

from __future__ import annotations

import click

from reactor.cli.site.add import add
from reactor.cli.site.init import init
from reactor.cli.site.listing import list_sites
from reactor.cli.site.remove import remove
from reactor.cli.site.reset import reset


@click.group()
def site() -> None:
    """Set sites up, and say which files they are to have."""


for command in (init, list_sites, add, reset, remove):
    site.add_command(command)

"""`sitesync site init`: the markers of roots."""

from __future__ import annotations

from collections.abc import Sequence

import click

from config.models import Settings
from providers.base import ProviderError
from reactor.cli.commands import command
from reactor.cli.compose import open_sites
from reactor.cli.scopes import require_sites
from reactor.cli.shell import DONE, FAILED, WRONG_USE, Shell, fail, pass_shell, run_async
from reactor.sites import Site


@command("site init")
@pass_shell
def init(shell: Shell, names: tuple[str, ...], everything: bool) -> None:  # noqa: FBT001 - a flag
    """
    Make the markers of sites' roots, so that they are served.

    A marker is a small file, .sitesync-root, that tells the right disk from the empty mount
    point of a missing one: nothing is sent to a root without it. Run this once for each
    site, with its disk mounted. What is there already is kept.
    """
    shell.logs(quiet=True)
    settings = shell.settings()
    if not names and not everything:
        known = ", ".join(settings.site_names)
        fail(f"name a site, or use --all; the settings have {known}", WRONG_USE)
    raise SystemExit(run_async(lambda: _init(settings, names)))


async def _init(settings: Settings, names: Sequence[str]) -> int:
    """Make the markers of the named sites, or of all; return the exit code."""
    wanted = require_sites(settings, names, settings.site_names)
    code = DONE
    async with open_sites(settings) as (sites, problems):
        for label, why in problems.items():
            if label.partition("@")[0] in wanted:
                click.echo(f"{label}: {why}", err=True)
                code = FAILED
        for one in sites:
            if not wanted or one.name in wanted:
                code = max(code, await _init_site(one))
    return code


async def _init_site(one: Site) -> int:
    try:
        await one.open()
        for root in one.roots:
            before = await _existing(one, root)
            marker = await one.provider.make_marker(root)
            done = "was marked already" if before else "marked"
            click.echo(f"{one.label}: root {root or '(the only one)'} {done} ({marker.id[:8]}…)")
    except ProviderError as error:
        click.echo(f"{one.label}: {error}", err=True)
        return FAILED
    return DONE


async def _existing(one: Site, root: str) -> bool:
    try:
        return await one.provider.marker(root) is not None
    except ProviderError:
        return False  # making the marker makes the folder too, or says why it cannot

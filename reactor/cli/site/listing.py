"""`sitesync site list`: the sites of the settings, how each is reached, and by whose provider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from config.errors import SettingsError
from config.models import Settings, Site
from providers.icons import IconError, icon_of
from providers.plugins import PluginError
from providers.table import PROVIDERS
from reactor.cli.checks.settings import served_sites
from reactor.cli.commands import command
from reactor.cli.icons import data_uri
from reactor.cli.shell import Shell, pass_shell, print_json, print_table


@command("site list")
@pass_shell
def list_sites(shell: Shell, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """
    List the sites that the settings know, with their providers, and what other packages bring.

    Nothing is asked of the sites themselves; that is what doctor does. Terminals with kitty's
    or iTerm2's way to show pictures show each provider's icon; --json carries them as data.
    """
    settings = shell.settings()
    kinds = {name: _Shown(name) for name in PROVIDERS}
    rows = [*_rows(settings, kinds)]
    if as_json:
        print_json(
            {
                "sites": [_site_json(row) for row in rows],
                "providers": [_kind_json(kind) for kind in kinds.values()],
            }
        )
        return
    columns = ["site", "provider", "from", "roots", "use", "problem"]
    cells = [_cells(row) for row in rows]
    print_table("Sites", columns, cells, [row.kind.icon if row.kind else None for row in rows])


@dataclass(frozen=True)
class _Shown:
    """A kind of site as a list shows it: whose it is, and its icon if that can be shown."""

    name: str

    @cached_property
    def problem(self) -> str | None:
        try:
            PROVIDERS[self.name]
        except PluginError as error:
            return str(error)
        return None

    @cached_property
    def icon(self) -> bytes | None:
        if self.problem:
            return None
        try:
            return icon_of(PROVIDERS[self.name])
        except IconError:
            return None  # `doctor` tells why

    @property
    def package(self) -> str | None:
        return PROVIDERS.package(self.name)


@dataclass(frozen=True, slots=True)
class _Row:
    """A site, as all projects have it or as one `project` has it."""

    site: Site
    project: str | None
    kind: _Shown | None
    roots: dict[str, str]
    use: str
    problem: str | None


def _rows(settings: Settings, kinds: dict[str, _Shown]) -> Iterator[_Row]:
    served = served_sites(settings)
    for project, site in _sites(settings):
        own = site.name == settings.machine.site_id
        use = "own" if own else "served" if site.name in served else "unused"
        roots, problem = _roots(site)
        yield _Row(site, project, kinds.get(site.provider), roots, use, problem)


def _sites(settings: Settings) -> Iterator[tuple[str | None, Site]]:
    """Yield all sites, then those that projects have of their own, or otherwise."""
    for site in settings.sites.values():
        yield None, site
    for project, view in settings.projects.items():
        for name, site in view.sites.items():
            if site != settings.sites.get(name):
                yield project, site


def _roots(site: Site) -> tuple[dict[str, str], str | None]:
    """Return a site's roots on this machine, and why it cannot be served, if it cannot."""
    try:
        roots = site.roots()
    except SettingsError as error:
        return {}, site.problem or str(error)
    off = None if site.enabled else "turned off in the settings"
    return roots, site.problem or off


def _cells(row: _Row) -> list[str]:
    package = (row.kind.package or "sitesync") if row.kind else "-"
    roots = ", ".join(f"{name}: {path}" if name else path for name, path in row.roots.items())
    name = f"{row.site.name}@{row.project}" if row.project else row.site.name
    return [name, row.site.provider, package, roots or "-", row.use, row.problem or "-"]


def _site_json(row: _Row) -> dict[str, Any]:
    return {
        "site": row.site.name,
        "project": row.project,
        "provider": row.site.provider,
        "icon": data_uri(row.kind.icon) if row.kind else None,
        "roots": row.roots,
        "use": row.use,
        "problem": row.problem,
    }


def _kind_json(kind: _Shown) -> dict[str, Any]:
    return {
        "provider": kind.name,
        "package": kind.package,
        "icon": data_uri(kind.icon),
        "problem": kind.problem,
    }

"""
Layers, and what a project sees of them once they are merged.

A later layer wins whatever it speaks of: what `machine.toml` sets for all projects counts
more than what the studio's file sets for one. Within a layer a project's own word counts more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from config.tables import Table, merge, merge_all

LOCAL = "local"
"""The name by which settings mean the site of whichever machine reads them."""

STUDIO = "studio"
"""The site that publishes where settings do not say otherwise; it is always there."""

SpellSite = Callable[[Table, str], Table]


@dataclass(frozen=True, slots=True)
class Layers:
    """All layers with canonical keys, the lowest first; `shared` ones are the whole studio's."""

    shared: tuple[Table, ...]
    own: tuple[Table, ...]

    def __iter__(self) -> Iterator[Table]:
        yield from self.shared
        yield from self.own

    def merged(self) -> Table:
        """Return all layers laid over each other, projects still apart."""
        return merge_all(self)

    def has_shared_site(self, name: str) -> bool:
        """Return whether the studio's own settings have a site of this name."""
        return any(name in layer.table("sites").entries for layer in self.shared)

    def with_own_site(self, site_id: str) -> Layers:
        """
        Return these layers with `sites.local` under the machine's site id.

        A machine that bears the name of one of the studio's sites is that site: `sites.local`,
        which describes workstations, is then left out.
        """
        keep = not self.has_shared_site(site_id)

        def renamed(table: Table) -> Table:
            if LOCAL not in table.table("sites").entries:
                return table
            return table.with_entry("sites", _renamed(table.table("sites"), site_id, keep=keep))

        def of_layer(layer: Table) -> Table:
            projects = layer.table("projects").each(renamed)
            return renamed(layer).with_entry("projects", projects)

        return Layers(tuple(map(of_layer, self.shared)), tuple(map(of_layer, self.own)))

    def view(self, project: str | None, spell: SpellSite) -> Table:
        """
        Return `defaults` and `sites` as one project sees them, of the sites only its own.

        Its own are those of which some layer says something for this project alone. For None,
        the view of any project without a word of its own, all sites are there. `spell` is
        given each site's table in each layer, with its provider, before they are merged.
        """
        parts = [part for layer in self for part in _parts(layer, project)]
        if project is not None:
            own = self._sites_of(project)
            parts = [part.with_entry("sites", part.table("sites").only(own)) for part in parts]
        sites = merge_all(parts).table("sites").tables()
        providers = {name: table.text("provider") or "" for name, table in sites.items()}
        return merge_all(_spelled(part, spell, providers) for part in parts)

    def _sites_of(self, project: str) -> set[str]:
        tables = (layer.table("projects").table(project).table("sites") for layer in self)
        return {name for table in tables for name in table.entries}


def _spelled(part: Table, spell: SpellSite, providers: Mapping[str, str]) -> Table:
    sites = part.table("sites")
    tables = {name: spell(table, providers[name]) for name, table in sites.tables().items()}
    return part.with_entry("sites", sites.with_entries(tables))


def _renamed(sites: Table, site_id: str, *, keep: bool) -> Table:
    rest = sites.without(LOCAL)
    if not keep:
        return rest
    own = sites.table(LOCAL)
    named = rest.entries.get(site_id)
    return rest.with_entry(site_id, merge(own, named) if isinstance(named, Table) else own)


def _parts(layer: Table, project: str | None) -> Iterator[Table]:
    """Yield what a layer says of everything, then what it says of one project."""
    yield layer.only(("sites", "defaults"))
    if project is not None and project in layer.table("projects").entries:
        own = layer.table("projects").table(project)
        parts = {"sites": own.table("sites"), "defaults": own.without("sites")}
        yield layer.with_entries(parts)

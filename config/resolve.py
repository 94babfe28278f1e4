"""From layers to settings: every view validated, everything wrong told at once."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from config.credentials import Speller, known_keys
from config.errors import dotted
from config.models import Limits, Machine, Mongo, Project, ProjectKeys, Settings, Site, StudioKeys
from config.problems import Model, Problems
from config.sites import SiteReader
from config.tables import Table, merge_all
from config.views import LOCAL, Layers

_TABLES = ("mongo", "machine", "limits", "sites", "defaults", "projects")


def resolve(
    layers: Layers,
    providers: Mapping[str, type[BaseModel]],
    environ: Mapping[str, str],
    problems: Problems,
) -> Settings:
    """Return the settings that layers make; `SettingsError` tells all that is wrong."""
    top = layers.merged()
    problems.add_unknown(top, (*StudioKeys.model_fields, *_TABLES))
    speller = Speller(environ, problems)
    mongo = merge_all(speller.spelled(layer.table("mongo"), Mongo) for layer in layers)
    site_id = top.table("machine").text("site_id") or LOCAL
    section = site_id if layers.has_shared_site(site_id) else LOCAL
    reader = SiteReader(site_id, dotted(("sites", section)), providers, speller, problems)
    layers = layers if site_id == LOCAL else layers.with_own_site(site_id)
    defaults = _project(None, layers, reader, {})
    projects = top.table("projects").tables()
    settings = Settings(
        enabled=problems.checked(StudioKeys, top).enabled,
        mongo=_whole(Mongo, mongo, problems),
        machine=_whole(Machine, top.table("machine"), problems),
        limits=_whole(Limits, top.table("limits"), problems),
        defaults=defaults,
        projects={name: _project(name, layers, reader, defaults.sites) for name in projects},
        secret_files=tuple(speller.files),
    )
    problems.raise_if_any()
    return settings


def _whole(model: type[Model], table: Table, problems: Problems) -> Model:
    problems.add_unknown(table, known_keys(model))
    return problems.checked(model, table)


def _project(
    name: str | None, layers: Layers, reader: SiteReader, shared: Mapping[str, Site]
) -> Project:
    """Return a project's view; a site of which it says nothing of its own is the shared one."""
    view = layers.view(name, reader.spelled)
    tables, defaults = view.table("sites").tables(), view.table("defaults")
    known = {*shared, *tables}
    keys = _whole(ProjectKeys, defaults, reader.problems)
    remote = [keys.remote_site] if keys.remote_site else []
    reader.check_names([keys.active_site], defaults, "active_site", known)
    reader.check_names(remote, defaults, "remote_site", known)
    reader.check_names(keys.always_accessible_on, defaults, "always_accessible_on", known)
    return Project.model_validate(
        {
            **dict(keys),
            "active_site": reader.own(keys.active_site),
            "remote_site": reader.own(keys.remote_site),
            "always_accessible_on": tuple(map(reader.own, keys.always_accessible_on)),
            "name": name or "",
            "sites": {**shared, **reader.sites(tables, known)},
        }
    )

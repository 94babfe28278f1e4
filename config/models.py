"""
The settings as every other part sees them: validated, merged, and without `local`.

A project's view is complete: whoever holds a `Project` need not know about defaults,
overrides or layers. No repr, dump or error of these models shows a secret.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    SerializeAsAny,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails

from config.errors import SettingsError, nearest
from config.roots import Roots, folders_on, on_disk, platform_of, read_roots
from config.views import LOCAL, STUDIO

LOCAL_DRIVE = "local_drive"
_NOT_IN_DATABASES = '/\\. "$\0'

Bandwidth = Annotated[ByteSize, Field(gt=0)]
SiteName = Annotated[str, Field(min_length=1)]
OnMissing = Literal["restore", "forget", "report"]


def _mongo_uri(uri: SecretStr) -> SecretStr:
    if not uri.get_secret_value().startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("must begin with mongodb:// or mongodb+srv://")
    return uri


def _database_name(name: str) -> str:
    if any(char in name for char in _NOT_IN_DATABASES):
        raise ValueError(r'must hold no space and none of / \ . " $')
    return name


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("no home folder is known for this user") from None


def _machine_name(name: str) -> str:
    if name == LOCAL:
        raise ValueError(f"{LOCAL!r} means each machine's own site: give this machine a name")
    return name


class Frozen(BaseModel):
    """What all settings share: no unknown key, no change afterwards, no input in errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


_DatabaseName = Annotated[str, Field(min_length=1), AfterValidator(_database_name)]


class Mongo(Frozen):
    """
    The database. Without `uri` an embedded one is used.

    It is run by `mongod` and kept in `data_folder`, if these are given.
    """

    uri: Annotated[SecretStr, AfterValidator(_mongo_uri)] | None = None
    database: _DatabaseName = "avalon"
    state_database: _DatabaseName = "sitesync"
    mongod: Annotated[Path, AfterValidator(_expanded)] | None = None
    data_folder: Annotated[Path, AfterValidator(_expanded)] | None = None

    @model_validator(mode="after")
    def _two_databases(self) -> Self:
        if self.database.casefold() != self.state_database.casefold():
            return self
        written = "state_database" if "state_database" in self.model_fields_set else "database"
        why = ValueError("database and state_database must differ, and not only in case")
        found: InitErrorDetails = {
            "type": "value_error",
            "loc": (written,),
            "input": None,
            "ctx": {"error": why},
        }
        raise ValidationError.from_exception_data("mongo", [found])


class Machine(Frozen):
    """
    This machine; `site_id` names its own site in documents.

    Its processes `relay` where they also bring files from one remote site to another.
    """

    site_id: Annotated[SiteName, AfterValidator(_machine_name)]
    relay: bool = False


class Limits(Frozen):
    """Limits over all sites: `bandwidth` in bytes per second."""

    bandwidth: Bandwidth | None = None


class SiteKeys(Frozen):
    """What may be set for a site of any provider; None leaves a limit to the provider."""

    provider: str
    enabled: bool = True
    root: Annotated[Roots, BeforeValidator(read_roots)] = Field(default_factory=dict)
    alternative_sites: tuple[SiteName, ...] = ()
    trust_size: bool = False
    on_missing: OnMissing = "restore"
    vanish_grace: float = Field(default=10, ge=0)
    deletion_limit: int = Field(default=500, ge=0)
    changes_interval: float = Field(default=20, ge=1)
    transfers: int | None = Field(default=None, ge=1)
    timeout: float = Field(default=120, gt=0)
    bandwidth: Bandwidth | None = None


class NoOptions(Frozen):
    """The options of a site whose provider is not known."""


class Site(SiteKeys):
    """
    A site of one project. `options` is what its provider asked for.

    `section` is where its settings are written (`sites.local` for the machine's own). A
    site with a `problem` cannot be served; the text says why.
    """

    name: SiteName
    section: str
    options: SerializeAsAny[BaseModel]
    problem: str | None = None

    def roots(self) -> dict[str, str]:
        """Return this platform's folder of each root; `SettingsError` where one has none."""
        if not self.root:
            self._refuse("has no root")
        platform = platform_of(sys.platform)
        try:
            folders = folders_on(self.root, platform)
            if self.provider == LOCAL_DRIVE:
                folders = {k: on_disk(path, platform, os.environ) for k, path in folders.items()}
        except ValueError as error:
            self._refuse(str(error))
        return folders

    def _refuse(self, why: str) -> NoReturn:
        hint = f'write its folder as root = "…" under [{self.section}]'
        raise SettingsError([f"site {self.name!r}: {why}; {hint}"])


class ProjectKeys(Frozen):
    """What may be set for all projects and for each; `remote_site` "" means no syncing."""

    enabled: bool = True
    active_site: SiteName = STUDIO
    remote_site: str = ""
    always_accessible_on: tuple[SiteName, ...] = ()
    retry_count: int = Field(default=3, ge=1)
    reconcile_interval: float = Field(default=60, gt=0)


class Project(ProjectKeys):
    """One project's settings, with its sites by name; `name` is "" for any other project."""

    name: str
    sites: dict[str, Site]

    def site(self, name: str) -> Site:
        """Return a site by name; `SettingsError` with the nearest name if there is none."""
        if name not in self.sites:
            raise SettingsError([f"there is no site {name!r}{nearest(name, self.sites)}"])
        return self.sites[name]

    def alternatives(self) -> dict[str, tuple[str, ...]]:
        """Return, for every site, the alternative sites that its own settings name."""
        return {name: site.alternative_sites for name, site in self.sites.items()}


class StudioKeys(Frozen):
    """What may be set outside of all tables: `enabled`, for the whole studio."""

    enabled: bool = True


class Settings(StudioKeys):
    """All settings of one process. `defaults` serves projects that have none of their own."""

    mongo: Mongo
    machine: Machine
    limits: Limits
    defaults: Project
    projects: dict[str, Project]
    secret_files: tuple[Path, ...] = ()
    """The files of their own that secrets were read from."""

    @property
    def sites(self) -> dict[str, Site]:
        """The sites as they are where no project says otherwise."""
        return self.defaults.sites

    @property
    def site_names(self) -> tuple[str, ...]:
        """The names of all sites, those that only a project has included."""
        views = (self.defaults, *self.projects.values())
        return tuple(dict.fromkeys(name for view in views for name in view.sites))

    def project(self, name: str) -> Project:
        """Return a project's view; it is enabled only if the whole studio is."""
        project = self.projects.get(name) or self.defaults.model_copy(update={"name": name})
        enabled = self.enabled and project.enabled
        return project.model_copy(update={"enabled": enabled})

    def problems(self) -> tuple[str, ...]:
        """Return why sites cannot be served, each reason once."""
        views = (self.defaults, *self.projects.values())
        found = (site.problem for view in views for site in view.sites.values())
        return tuple(dict.fromkeys(problem for problem in found if problem))

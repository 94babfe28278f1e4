"""Which representation a command is asked about: by its `_id`, or by one of its files' paths."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import anyio

from config.errors import SettingsError
from config.models import LOCAL_DRIVE, Project, Settings
from reactor.cli.scopes import Asked, require_projects, require_sites
from reactor.cli.shell import plain_cell
from reactor.database import Client
from reactor.events import Key
from reactor.model import groups_of
from reactor.operators import naming
from reactor.presence import read_presence
from reactor.reader import Reader

Document = dict[str, Any]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Target:
    """One representation that was named, by its `_id`."""

    project: str
    representation: object


class NamedEntries(NamedTuple):
    """
    The entries of one representation that a command is about.

    `together` are the named sites and their alternatives: one transfer serves them all.
    """

    key: Key
    sites: frozenset[str]
    together: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Found:
    project: str
    id: object
    type: str
    path: str

    def __str__(self) -> str:
        """Return what people know it by."""
        name = f"{self.id} in project {self.project!r}"
        return plain_cell(f"{name}, {self.path}" if self.path else name)


async def find_representation(
    client: Client, settings: Settings, text: str, projects: Sequence[str] = ()
) -> Target:
    """
    Return the representation that a text names, in some projects or in all.

    The text is an `_id`, or a file's path: as documents have it, or on this machine.
    `SettingsError` says what may have been meant where it names none, or several.
    """
    named = await require_projects(client, settings, projects)
    if not named:
        name = settings.mongo.database
        why = "nothing was published yet, or [mongo] database is another one"
        raise SettingsError([f"there is no project in the database {name!r}: {why}"])
    search = _Search(client, settings, named)
    is_path = text.startswith("{root") or "/" in text or "\\" in text
    found = await (search.by_path(text) if is_path else search.by_id(text))
    if len(found) > 1:
        raise SettingsError(
            [
                f"{text!r} names several representations: give the _id of one"
                " (and its --project, where two projects have the same)",
                *(f"  {one}" for one in found[:_SHOWN]),
                *(["  …"] if len(found) > _SHOWN else []),
            ]
        )
    return Target(found[0].project, found[0].id)


async def named_entries(
    client: Client, settings: Settings, text: str, asked: Asked
) -> NamedEntries:
    """
    Return a representation and which of its entries are meant: those of some sites, or all.

    `SettingsError` says what may have been meant where a name is wrong.
    """
    target = await find_representation(client, settings, text, asked.projects)
    key = Key(target.project, target.representation)
    found = await Reader(client[settings.mongo.database]).one(*key)
    names = {entry.name for file in (found.files if found else ()) for entry in file.entries}
    presence = await read_presence(client[settings.mongo.state_database])
    view = settings.project(target.project)
    known = names.union(view.sites, (reactor.site for reactor in presence.reactors))
    sites = require_sites(settings, asked.sites, known) or frozenset(names)
    groups = groups_of(view.alternatives())
    together = frozenset[str]().union(*(groups.get(site, {site}) for site in sites))
    return NamedEntries(key, sites, together)


class _Search:
    """Looks through some projects. What is not there is a `SettingsError`."""

    def __init__(self, client: Client, settings: Settings, projects: Sequence[str]) -> None:
        self._database = client[settings.mongo.database]
        self._settings = settings
        self._projects = projects

    async def by_id(self, text: str) -> list[_Found]:
        """Return the representations that have an `_id`."""
        there = await self._everywhere(naming.having_id(naming.ids_of(text)))
        if found := [one for one in there if one.type == "representation"]:
            return found
        if there:
            what = f"{text!r} is the _id of a {plain_cell(there[0].type)}, not of a representation"
            raise SettingsError([f"{what}; a representation stands below a version"])
        pipelines = naming.beside(text, _SHOWN)
        near = [one for asked in pipelines for one in await self._everywhere(asked)]
        close = set(naming.closest(text, (str(one.id) for one in near)))
        said = sorted({str(one) for one in near if str(one.id) in close})[:_SHOWN]
        hints = ["The nearest:", *(f"  {one}" for one in said)] if said else []
        raise SettingsError([f"there is no representation {text!r}{self._where}", *hints])

    async def by_path(self, text: str) -> list[_Found]:
        """Return the representations that name a path, in any of its forms."""
        forms = {name: await self._forms(name, text) for name in self._projects}
        if not any(forms.values()):
            raise SettingsError([_outside(text, self._views())])
        asked = [(name, naming.having_path(paths, _SHOWN + 1)) for name, paths in forms.items()]
        if found := [one for name, pipeline in asked for one in await self._ask(name, pipeline)]:
            return found
        near = [one for name in forms for one in await self._alike(name, forms[name])]
        hints = ["The nearest:", *(f"  {one}" for one in near[:_SHOWN])] if near else []
        raise SettingsError([f"no representation has the file {text!r}{self._where}", *hints])

    @property
    def _where(self) -> str:
        return f" in project {', '.join(self._projects)}" if len(self._projects) < _SHOWN else ""

    def _views(self) -> Iterator[Project]:
        return map(self._settings.project, self._projects)

    async def _forms(self, project: str, text: str) -> list[str]:
        view = self._settings.project(project)
        forms = await anyio.to_thread.run_sync(_spellings, view, text)
        return sorted(forms | {unicodedata.normalize("NFC", form) for form in forms})

    async def _alike(self, project: str, paths: Sequence[str]) -> list[str]:
        """Return the nearest names of files in the folders of some paths."""
        pipelines = [naming.in_folder(path) for path in paths]
        there = [one for asked in pipelines for one in await self._ask(project, asked)]
        known = {one.path: one for one in there}
        close = [n for path in paths for n in difflib.get_close_matches(path, known, n=_SHOWN)]
        return [str(known[name]) for name in dict.fromkeys(close)]

    async def _everywhere(self, pipeline: list[Document]) -> list[_Found]:
        return [one for name in self._projects for one in await self._ask(name, pipeline)]

    async def _ask(self, project: str, pipeline: list[Document]) -> list[_Found]:
        found = await self._database[project].aggregate(pipeline)
        return [
            _Found(project, one["_id"], str(one.get("type")), str(one.get("path") or ""))
            async for one in found
        ]


def _spellings(project: Project, text: str) -> set[str]:
    """Return how a project's documents may name a path; none where no root of it is above it."""
    if text.startswith("{root"):
        return {text, naming.plainly(text)}
    known = {name for site in project.sites.values() for name in site.root}
    return {
        form
        for roots in _folders(project)
        for root, folder in roots.items()
        for below in _below(Path(text), Path(folder))
        for form in naming.spellings(roots, root, below, known)
    }


def _folders(project: Project) -> Iterator[dict[str, str]]:
    """Yield the folders, by root, of each site that is a disk of this machine."""
    for site in project.sites.values():
        if site.provider == LOCAL_DRIVE:
            try:
                yield site.roots()
            except SettingsError:  # it has none on this platform: no path lies there
                continue


def _below(path: Path, folder: Path) -> set[str]:
    """Return a path as it lies below a folder, if it does: as named, and with links followed."""
    pairs = [(one, root) for one in _seen(path) for root in _seen(folder)]
    inside = (one.relative_to(root) for one, root in pairs if one.is_relative_to(root))
    return {below.as_posix() for below in inside if below.parts and ".." not in below.parts}


def _seen(path: Path) -> Iterable[Path]:
    try:
        return path.absolute(), path.resolve()
    except (OSError, RuntimeError):  # links that go round in a circle
        return (path.absolute(),)


def _outside(text: str, projects: Iterable[Project]) -> str:
    folders = {folder for one in projects for roots in _folders(one) for folder in roots.values()}
    known = ", ".join(sorted(folders)) or "none"
    return f"{text!r} lies below no root of a site on this machine (they are: {known})"

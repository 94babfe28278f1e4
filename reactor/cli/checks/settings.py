"""Settings: which file counts, whose machine this is, which sites cannot be served."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from config.models import Project, Settings
from config.sources import Sources
from reactor.cli.checks.finding import Finding, ok, problem, warning
from reactor.model import groups_of

_BUILT_IN = ("studio", "local")


def check_settings(
    settings: Settings, sources: Sources, unserved: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield what the settings amount to; `unserved` says why sites cannot be served."""
    yield ok("settings", f"read from {_files(sources)}")
    yield _own_site(settings, unserved)
    yield from _projects(settings)
    served = served_sites(settings)
    for label, why in unserved.items():
        name = label.partition("@")[0]
        if name == settings.machine.site_id or (name in _BUILT_IN and name not in served):
            continue
        if name in served:
            yield problem(f"site {label}", why, "nothing is moved to or from it until then")
        else:
            yield warning(f"site {label}", why, "nothing, as long as no project uses it")


def served_sites(settings: Settings) -> frozenset[str]:
    """Return the sites that this machine brings files to or from, alternatives included."""
    return _syncing(settings, lambda _: {settings.machine.site_id})


def synced_sites(settings: Settings) -> frozenset[str]:
    """Return the sites that this machine or the studio's own brings files to or from."""
    own = settings.machine.site_id
    here = {own} if settings.sites[own].root else set[str]()
    return _syncing(settings, lambda project: here | {project.active_site})


def _syncing(settings: Settings, own_of: Callable[[Project], Collection[str]]) -> frozenset[str]:
    served: set[str] = set()
    for project in enabled_projects(settings):
        groups = groups_of(project.alternatives())
        own = own_of(project) if is_syncing(project) else ()
        for name in (*own, project.remote_site, *project.always_accessible_on):
            if name:
                served |= groups.get(name, {name})
    return frozenset(served)


def enabled_projects(settings: Settings) -> list[Project]:
    """Return the enabled views: what any project has, and those with a word of their own."""
    if not settings.enabled:
        return []
    views = (settings.defaults, *settings.projects.values())
    return [project for project in views if project.enabled]


def is_syncing(project: Project) -> bool:
    """Return whether files of a project have anywhere to go."""
    return bool(project.remote_site or project.always_accessible_on)


def _files(sources: Sources) -> str:
    files = [sources.file, sources.machine_file if sources.machine_file.is_file() else None]
    named = " and ".join(str(file) for file in files if file)
    return named or "nowhere: there is no settings file, so everything has its default"


def _own_site(settings: Settings, unserved: Mapping[str, str]) -> Finding:
    own = settings.machine.site_id
    about = "this machine"
    if own not in unserved:
        return ok(about, f"its own site is {own!r}")
    if settings.sites[own].root:
        return problem(about, f"its own site: {unserved[own]}", "nothing will be moved until then")
    return warning(
        about,
        f"its own site {own!r} has no root; nothing will be moved",
        f'write its folder as root = "…" under [{settings.sites[own].section}]; '
        "to serve the studio run with --active-site studio",
    )


def _projects(settings: Settings) -> Iterator[Finding]:
    if not settings.enabled:
        yield warning("projects", "all syncing is turned off", "set enabled = true at the top")
    elif not any(map(is_syncing, enabled_projects(settings))):
        yield warning(
            "projects",
            "no project has a site to bring files to; nothing will be moved",
            "set remote_site under [defaults] or under a project",
        )

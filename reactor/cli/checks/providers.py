"""Providers that other packages bring: which they are, who uses them, what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator

from config.models import Settings
from providers.icons import IconError, icon_of
from providers.plugins import Plugin, PluginError
from providers.table import PROVIDERS
from reactor.cli.checks.finding import Finding, ok, warning


def check_providers(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each provider of another package; our own need no word."""
    for plugin in PROVIDERS.plugins:
        yield from _check(plugin, _users(settings, plugin.name))


def _check(plugin: Plugin, users: str) -> Iterator[Finding]:
    about = f"provider {plugin.name}"
    if PROVIDERS.package(plugin.name) is None:
        text = f"package {plugin.package} brings one of this name, which is sitesync's own"
        yield warning(about, f"{text}; the package's is not used", "remove that package")
        return
    try:
        kind = PROVIDERS[plugin.name]
    except PluginError as error:
        yield warning(about, str(error), f"until then nothing reaches its sites ({users})")
        return
    yield ok(about, f"brought by package {plugin.package}; its sites: {users}")
    try:
        icon_of(kind)
    except IconError as error:
        yield warning(about, f"its icon is not shown: {error}")


def _users(settings: Settings, provider: str) -> str:
    views = (settings.defaults, *settings.projects.values())
    sites = (site for view in views for site in view.sites.values())
    return ", ".join(sorted({one.name for one in sites if one.provider == provider})) or "none"

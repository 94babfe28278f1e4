"""
What several commands take, and what completes it. Imported at each press of a key: click only.

What is named in the settings has the type `PROJECT`, `SITE` or `OWN_SITE`; that alone completes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, cast

import click
from click.shell_completion import CompletionItem

from config.names import Names, read_names
from config.sources import find
from config.views import LOCAL

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


class _Named(click.types.StringParamType):
    """A name out of the settings. It is not checked: documents may know others."""

    def __init__(self, known: Callable[[Names], Collection[str]]) -> None:
        self._known = known

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that go on so, but for those that were given already."""
        given = ctx.params.get(param.name or "")
        used = cast("tuple[str, ...]", given) if isinstance(given, tuple) else ()
        known = sorted(self._known(_names(ctx)))
        return [
            CompletionItem(name)
            for name in known
            if name.startswith(incomplete) and name not in used and _is_one_word(name)
        ]


class Duration(click.ParamType[float]):
    """Seconds, written as 90, 90s, 5m or 2h."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return seconds; end the program with exit code 2 where the text has another form."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no duration: write seconds as 90, or 90s, 5m, 2h", param, ctx)
        return float(match[1]) * _UNITS[match[2]]


PROJECT = _Named(lambda names: names.projects)
SITE = _Named(lambda names: names.sites)
OWN_SITE = _Named(lambda names: names.sites - {LOCAL})  # a process has to say whose it is

project_option = click.option(
    "-p",
    "--project",
    "projects",
    metavar="PROJECT",
    type=PROJECT,
    multiple=True,
    help="Only this project; may be repeated.",
)
site_option = click.option(
    "-s",
    "--site",
    "sites",
    metavar="SITE",
    type=SITE,
    multiple=True,
    help="Only this site; may be repeated.",
)
representation_option = click.option(
    "-r",
    "--representation",
    metavar="REPRESENTATION",
    help="Only this one: its _id, or the path of one of its files.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Print what would be done, and change nothing."
)
site_argument = click.argument("site", type=SITE)
representation_argument = click.argument("representation")


def needed_site_option(purpose: str) -> Decorator:
    """Return the option for the one site that a command cannot do without."""
    return click.option("-s", "--site", metavar="SITE", type=SITE, required=True, help=purpose)


def _names(ctx: click.Context) -> Names:
    """Return what the settings name; nothing where they cannot be read: this is no time to say so."""
    config: Path | None = ctx.find_root().params.get("config")
    try:
        return read_names(find(config and config.expanduser()))
    except Exception:  # noqa: BLE001 - a shell would print it in the middle of what is typed
        return Names()


def _is_one_word(name: str) -> bool:
    """Return whether a shell takes a name as it is: it puts no quotes around what it is told."""
    return re.fullmatch(r"[\w.@%+=-]+", name) is not None

"""
Kinds of site that other packages bring, by the entry-point group `sitesync.providers`.

They are looked for without importing them. One that is broken says which package is to be
mended, when it is loaded; it takes nothing else down.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from pydantic import BaseModel

from providers.base import API, Kind

GROUP = "sitesync.providers"


class PluginError(Exception):
    """A kind of site that another package brings cannot be used; the text names the package."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """One kind of site as a package announces it: nothing of it is imported before `load`."""

    entry: EntryPoint

    @property
    def name(self) -> str:
        """Return what settings call this kind."""
        return self.entry.name

    @property
    def package(self) -> str:
        """Return the package that brings it, with its version."""
        dist = self.entry.dist
        return f"{dist.name} {dist.version}" if dist else self.entry.module

    def load(self) -> Kind:
        """Return the kind, imported and checked; `PluginError` if anything is wrong with it."""
        try:
            with redirect_stdout(sys.stderr):  # a program's answers go to stdout
                found: object = self.entry.load()
        except (Exception, SystemExit) as error:
            raise self._broken(f"cannot be loaded ({_said(error)})") from error
        if not isinstance(found, Kind):
            raise self._broken(f"is a {type(found).__name__}, not a providers.base.Kind")
        if why := self._flaw(found):
            raise self._broken(why)
        return found

    def _flaw(self, kind: Kind) -> str | None:
        if kind.api != API:
            written = "does not say for which" if kind.api is None else f"is for {kind.api} as"
            return f"{written} version of the provider interface; this sitesync has {API}"
        if kind.name != self.name:
            return f"calls itself {kind.name!r}"
        if not _is_model(kind.options):
            return "has options that are no pydantic model"
        return None

    def _broken(self, why: str) -> PluginError:
        return PluginError(
            f"provider {self.name!r} of package {self.package} {why}; "
            "install a version of that package that fits, or remove it"
        )


def installed() -> Sequence[Plugin]:
    """Return what the packages of this environment announce."""
    return [Plugin(entry) for entry in entry_points(group=GROUP)]


def _is_model(options: object) -> bool:
    return isinstance(options, type) and issubclass(options, BaseModel)


def _said(error: BaseException) -> str:
    lines = str(error).splitlines()
    return ": ".join((type(error).__name__, *lines[:1]))

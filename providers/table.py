"""
The kinds of site: those of the product, written out, and those that other packages bring.

A kind is imported when it is asked for by name, so that nobody pays for one that no site is of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from types import MappingProxyType

from providers.base import Kind
from providers.plugins import Plugin, PluginError, installed

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "local_drive": "providers.local_drive:KIND",
        "gdrive": "providers.gdrive:KIND",
        "memory": "providers.memory:KIND",
        "rclone": "providers.rclone:KIND",
        "s3": "providers.s3:KIND",
        "sftp": "providers.sftp:KIND",
    }
)
"""Where each kind of the product is found, spelled as entry points are."""


class Kinds(Mapping[str, Kind]):
    """
    All kinds of site by name, each imported when it is first asked for.

    `PluginError` where another package's is broken; KeyError where there is none of that name.
    """

    def __init__(self, built_in: Mapping[str, str]) -> None:
        self._built_in = built_in
        self._loaded: dict[str, Kind] = {}
        self._broken: dict[str, str] = {}

    def __getitem__(self, name: str) -> Kind:
        if name in self._broken:
            raise PluginError(self._broken[name])
        if name not in self._loaded:
            try:
                self._loaded[name] = self._load(name)
            except PluginError as error:
                self._broken[name] = str(error)
                raise
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._built_in or name in self._by_name

    def __iter__(self) -> Iterator[str]:
        yield from self._built_in
        yield from (name for name in self._by_name if name not in self._built_in)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @cached_property
    def plugins(self) -> Sequence[Plugin]:
        """What other packages bring, whether it can be used or not."""
        return installed()

    def package(self, name: str) -> str | None:
        """Return the package that brings a kind, with its version; None for the product's own."""
        if name in self._built_in:
            return None
        return " and ".join(sorted(plugin.package for plugin in self._by_name[name]))

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[Plugin]]:
        found: dict[str, list[Plugin]] = {}
        for plugin in self.plugins:
            found.setdefault(plugin.name, []).append(plugin)
        return found

    def _load(self, name: str) -> Kind:
        if name in self._built_in:
            module, _, attribute = self._built_in[name].partition(":")
            kind: Kind = getattr(import_module(module), attribute)
            return kind
        plugins = self._by_name[name]
        if len(plugins) > 1:
            raise PluginError(
                f"provider {name!r} is brought by more than one package: "
                f"{self.package(name)}; keep one"
            )
        return plugins[0].load()


PROVIDERS = Kinds(BUILT_IN)
"""How each kind of site is reached. Nothing in here knows what a document or a database is."""

"""What settings have to know of the kinds of site: the model of each one's own keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from config.errors import UnusableProviderError
from providers.plugins import PluginError
from providers.table import PROVIDERS


class KindOptions(Mapping[str, type[BaseModel]]):
    """The options' model of each kind; a kind is imported when its model is asked for."""

    def __getitem__(self, name: str) -> type[BaseModel]:
        try:
            return PROVIDERS[name].options
        except PluginError as error:
            raise UnusableProviderError(str(error)) from error

    def __contains__(self, name: object) -> bool:
        return name in PROVIDERS

    def __iter__(self) -> Iterator[str]:
        return iter(PROVIDERS)

    def __len__(self) -> int:
        return len(PROVIDERS)


OPTIONS = KindOptions()

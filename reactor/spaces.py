"""How much more sites take, as this process was last told: for `status`, which asks no site."""

from __future__ import annotations

import time
from typing import Any

import anyio

from providers.base import ProviderError
from providers.space import Space
from reactor.sites import Site, Sites

ASK_SECONDS = 300.0
_LOOK_SECONDS = 5.0  # for sites that were opened meanwhile


class Spaces:
    """Asks all sites that tell it, from time to time."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites
        self._told: dict[tuple[str, str], Space] = {}
        self._asked: dict[str, float] = {}

    async def run(self) -> None:
        """Ask for ever; a site that does not answer now is told of no more until it does."""
        while True:
            for site in self._sites:
                if self._is_due(site):
                    self._asked[site.label] = time.monotonic()
                    await self._ask(site)
            await anyio.sleep(_LOOK_SECONDS)

    def as_documents(self) -> list[dict[str, Any]]:
        """Return what was told last, for the list of reactors."""
        return [
            {"site": site, "root": root, "free": space.free, "total": space.total}
            for (site, root), space in sorted(self._told.items())
        ]

    def _is_due(self, site: Site) -> bool:
        if not site.is_open or not site.provider.features.space:
            return False
        return time.monotonic() - self._asked.get(site.label, float("-inf")) >= ASK_SECONDS

    async def _ask(self, site: Site) -> None:
        for root in site.roots:
            try:
                space = await site.provider.space(root)
            except ProviderError:
                space = None  # its transfers tell what is wrong
            self._told.pop((site.label, root), None)
            if space is not None:
                self._told[site.label, root] = space

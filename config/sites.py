"""From a site's merged table to a `Site`: its own keys, and its provider's options."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from config.credentials import Speller, known_keys, secrets_in, spellings
from config.errors import UnusableProviderError, dotted, nearest
from config.models import NoOptions, Site, SiteKeys
from config.problems import Problems, described
from config.tables import Table
from config.views import LOCAL


@dataclass(frozen=True, slots=True)
class SiteReader:
    """
    Makes sites of tables, and notes what is wrong with them.

    A provider that is unknown or cannot be used is not noted: it makes a site with a
    `problem`, and all others serve.
    """

    site_id: str
    section: str
    providers: Mapping[str, type[BaseModel]]
    speller: Speller
    problems: Problems

    def spelled(self, table: Table, provider: str) -> Table:
        """Return one layer's table of a site with its provider's own keys, secrets fetched."""
        try:
            model = self.providers.get(provider, NoOptions)
        except UnusableProviderError:
            model = NoOptions
        return self.speller.spelled(table, model)

    def own(self, name: str) -> str:
        """Return the machine's site id for `local`, and any other name as it is."""
        return self.site_id if name == LOCAL else name

    def check_names(
        self, names: Iterable[str], table: Table, key: str, sites: Collection[str]
    ) -> None:
        """Note each name under a table's `key` that no site has."""
        for name in names:
            if self.own(name) not in sites:
                node = table.entries.get(key, table)
                known = (*sites, LOCAL)
                self.problems.add(node, f"unknown site {name!r}{nearest(name, known)}")

    def sites(self, tables: Mapping[str, Table], known: Collection[str]) -> dict[str, Site]:
        """Return the site of each table; one without a provider is noted and left out."""
        if "" in tables:
            self.problems.add(tables[""], "a site needs a name, as in [sites.studio]")
        tables = {name: table for name, table in tables.items() if name}
        real = {name: table for name, table in tables.items() if "provider" in table.entries}
        unknown = tables.keys() - real.keys()
        for name in unknown:
            others = {*known} - unknown
            text = f"unknown site {name!r}{nearest(name, others)}; a new site needs a provider"
            self.problems.add(tables[name], text)
        return {name: self._site(name, table, known) for name, table in real.items()}

    def _site(self, name: str, table: Table, known: Collection[str]) -> Site:
        keys = self.problems.checked(SiteKeys, table)
        self.check_names(keys.alternative_sites, table, "alternative_sites", known)
        provider = table.text("provider") or ""
        problem = self._problem(table, provider)
        options: BaseModel = NoOptions()
        if problem is None:
            try:
                options = self._options(table, provider)
            except Exception as error:  # noqa: BLE001 - other packages' models run code of their own
                text = f"provider {provider!r} fails on these settings ({type(error).__name__})"
                problem = described(table.entries["provider"], text)
        return Site.model_validate(
            {
                **dict(keys),
                "provider": provider,
                "alternative_sites": tuple(map(self.own, keys.alternative_sites)),
                "name": name,
                "section": self.section if name == self.site_id else dotted(("sites", name)),
                "options": options,
                "problem": problem,
            }
        )

    def _options(self, table: Table, provider: str) -> BaseModel:
        """Return the provider's options; a key of every site that its model has too is in both."""
        model = self.providers[provider]
        known = SiteKeys.model_fields.keys() | known_keys(model)
        self.problems.add_unknown(table, known, spellings(model))
        return self.problems.checked(model, table, secrets_in(table, model))

    def _problem(self, table: Table, provider: str) -> str | None:
        """Return why a provider's sites cannot be served, or None where they can."""
        node = table.entries["provider"]
        try:
            self.providers[provider]
        except UnusableProviderError as error:
            return described(node, str(error))
        except KeyError:
            text = f"unknown provider {provider!r}{nearest(provider, self.providers)}"
            return described(node, text)
        return None

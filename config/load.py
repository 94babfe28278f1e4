"""
Loading: read the layers, resolve them. Called again, it reads all anew.

The layers, a later one winning: built-in values, the studio's file, the machine's own
`machine.toml` in the user's configuration folder, the environment.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from config.aliases import canonical
from config.environment import read_environment
from config.models import LOCAL_DRIVE, Settings
from config.problems import Problems
from config.resolve import resolve
from config.site_id import keep_new_site_id
from config.sources import Sources
from config.tables import NOTHING, Source, merge_all, table_of
from config.toml_file import read_table, read_table_if_any
from config.views import LOCAL, STUDIO, Layers

_BUILT_IN = {
    "sites": {
        STUDIO: {"provider": LOCAL_DRIVE},
        LOCAL: {"provider": LOCAL_DRIVE, "on_missing": "forget"},  # artists tidy up their disks
    }
}


def load(sources: Sources, providers: Mapping[str, type[BaseModel]]) -> Settings:
    """
    Return the settings that the sources hold; `SettingsError` tells all that is wrong.

    `providers` has, for each provider, the model of its own keys under `[sites.NAME]`; it is
    asked for those that sites have, and may raise `UnusableProviderError`. A machine without a site id gets one, which is kept in its `machine.toml`.
    """
    problems = Problems()
    layers = _layers(sources, problems)
    if "site_id" not in layers.merged().table("machine").entries:
        keep_new_site_id(sources.machine_file)
        layers = _layers(sources, problems)
    return resolve(layers, providers, sources.environ, problems)


def _layers(sources: Sources, problems: Problems) -> Layers:
    built_in = table_of(_BUILT_IN, Source("built-in settings"))
    studio = canonical(read_table(sources.file) if sources.file else NOTHING, problems)
    machine = canonical(read_table_if_any(sources.machine_file), problems)
    below = merge_all((built_in, studio, machine))
    environment = canonical(read_environment(sources.environ, below), problems)
    return Layers(shared=(built_in, studio), own=(machine, environment))

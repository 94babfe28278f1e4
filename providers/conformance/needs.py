"""
What a test needs of a provider, and why there is nothing to try where its features say otherwise.

Features are known once a provider is entered, so such a test is skipped and not left out. That
they are honest is tried on its own (`features`, `content`).
"""

from __future__ import annotations

import pytest

from providers.base import Provider

_WITHOUT = {
    "atomic_replace": "the claim is held while it replaces",
    "copies_staged": "what somebody slow has staged is sent again",
    "cuts_staged": "its service says where staged bytes end",
    "derived_handles": "its handles carry a token",
    "local_paths": "its files are on no disk of this machine",
    "mtime_resolution_ns": "it says that it keeps no times",
    "published_checksum": "staged bytes are proved before",
    "reads_staged": "an upload is seen once it is published",
    "resume": "it begins again from zero",
    "space": "it does not tell how much more it takes",
}


def needs(provider: Provider, *features: str) -> None:
    """Skip a test whose subject a provider does not have."""
    for name in features:
        value: object = getattr(provider.features, name)
        if value is None or value is False:
            # What it does not promise cannot be broken: the skip says which promise that is.
            pytest.skip(f"features.{name} is {value}: {_WITHOUT[name]}")

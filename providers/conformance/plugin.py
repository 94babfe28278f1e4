"""
What pytest loads at its start: failing assertions of the suite then show their values.

It must not import the suite, since pytest rewrites only what is imported later.
"""

from __future__ import annotations

import pytest

_PARTS = ("content", "folders", "moves", "names", "pressure", "roots", "staging")

pytest.register_assert_rewrite(*(f"providers.conformance.{part}" for part in _PARTS))

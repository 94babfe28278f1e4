"""The command line's own machine: settings, folders and a database of a test's own."""

from __future__ import annotations

from tests.cli.conftest import _own_surroundings, machine, machine_of

__all__ = ["_own_surroundings", "machine", "machine_of"]

"""The suite over the site of the command line: `pytest --pyargs providers.conformance --provider=NAME …`."""

from __future__ import annotations

from typing import ClassVar

import pytest

from providers.conformance.suite import (
    FolderConformance,
    LargeConformance,
    ProviderConformance,
    ServerConformance,
)


class TestProvider(ProviderConformance):
    """All that holds for every provider."""

    keeps_every_name: ClassVar = False  # a service may forbid some, if it says so


class TestFolder(FolderConformance):
    """What shows in the storage itself."""

    pytestmark: ClassVar = [pytest.mark.anyio, pytest.mark.in_folder]


class TestServer(ServerConformance):
    """What is told of a server that cannot be used."""


class TestLarge(LargeConformance):
    """5 GiB, with --large."""

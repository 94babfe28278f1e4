"""The simulated provider is one like any other: it passes the suite that every provider passes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar
from uuid import uuid4

import pytest
from anyio.lowlevel import checkpoint

from providers.base import CHUNK, Features, Setup
from providers.base import Provider as AnyProvider
from providers.conformance.suite import ProviderConformance
from providers.memory import MemoryOptions
from tests.simulation.disk import Disk
from tests.simulation.provider import Provider
from tests.simulation.storage import Store
from tests.simulation.studio import KINDS

T = TypeVar("T")


@dataclass
class Direct:
    """Carries out steps at once."""

    name: str = "direct"
    stores: dict[str, Store] = field(default_factory=dict[str, Store])

    async def reach(self, site: str, label: str, act: Callable[[], T]) -> T:
        await checkpoint()
        return act()

    def new_marker(self) -> str:
        return uuid4().hex

    def store(self, name: str) -> Store:
        return self.stores[name]


def _made(features: Features) -> Provider:
    store = Store("s", time.time_ns)
    setup = Setup("s", {"work": "/work", "bare": "/bare"}, MemoryOptions())
    kind = Disk if features.local_paths else Provider
    return kind(setup, store, Direct(stores={"s": store}), features, CHUNK)


class TestSimulatedDisk(ProviderConformance):
    @pytest.fixture
    async def provider(self) -> AsyncIterator[Provider]:
        async with _made(KINDS["disk"]) as entered:
            yield entered

    @pytest.mark.skip("its paths lead to simulated storage, which no other program can open")
    async def test_a_disk_of_this_machine_has_the_bytes_where_it_says(
        self, provider: AnyProvider
    ) -> None: ...


class TestSimulatedService(ProviderConformance):
    @pytest.fixture
    async def provider(self) -> AsyncIterator[Provider]:
        async with _made(replace(KINDS["service"], durable=False)) as entered:
            yield entered

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from providers.base import Provider, Setup
from providers.conformance.suite import (
    ChangeConformance,
    CopyConformance,
    ProviderConformance,
)
from providers.memory import KIND, MemoryOptions


@pytest.fixture
def setup() -> Setup:
    return _setup(uuid4().hex)


@pytest.fixture
async def provider(setup: Setup) -> AsyncIterator[Provider]:
    async with KIND.make(setup) as entered:
        yield entered


@pytest.fixture
async def other(setup: Setup) -> AsyncIterator[Provider]:
    async with KIND.make(setup) as entered:
        yield entered


@pytest.fixture
async def neighbour() -> AsyncIterator[Provider]:
    async with KIND.make(_setup(uuid4().hex)) as entered:
        yield entered


class TestMemory(ProviderConformance, CopyConformance, ChangeConformance): ...


def _setup(store: str) -> Setup:
    return Setup("cache", {"work": "/work", "bare": "/bare"}, MemoryOptions(store=store))

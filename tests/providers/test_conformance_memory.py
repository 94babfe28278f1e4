from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from providers.base import Provider, Setup
from providers.conformance.suite import ProviderConformance
from providers.memory import KIND, MemoryOptions


@pytest.fixture
def setup() -> Setup:
    options = MemoryOptions(store=uuid4().hex)
    return Setup("cache", {"work": "/work", "bare": "/bare"}, options)


@pytest.fixture
async def provider(setup: Setup) -> AsyncIterator[Provider]:
    async with KIND.make(setup) as entered:
        yield entered


@pytest.fixture
async def other(setup: Setup) -> AsyncIterator[Provider]:
    async with KIND.make(setup) as entered:
        yield entered


class TestMemory(ProviderConformance): ...

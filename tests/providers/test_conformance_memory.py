from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from providers.base import Provider, Setup
from providers.conformance.suite import ProviderConformance
from providers.memory import KIND, MemoryOptions


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    options = MemoryOptions(store=uuid4().hex)
    async with KIND.make(Setup("cache", {"work": "/work", "bare": "/bare"}, options)) as entered:
        yield entered


class TestMemory(ProviderConformance): ...

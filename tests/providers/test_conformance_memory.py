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
def store() -> str:
    return uuid4().hex


@pytest.fixture
async def provider(store: str) -> AsyncIterator[Provider]:
    async with _site(store) as entered:
        yield entered


@pytest.fixture
async def other(store: str) -> AsyncIterator[Provider]:
    async with _site(store) as entered:
        yield entered


@pytest.fixture
async def neighbour() -> AsyncIterator[Provider]:
    async with _site(uuid4().hex) as entered:
        yield entered


class TestMemory(ProviderConformance, CopyConformance, ChangeConformance): ...


def _site(store: str) -> Provider:
    setup = Setup("cache", {"work": "/work", "bare": "/bare"}, MemoryOptions(store=store))
    return KIND.make(setup)

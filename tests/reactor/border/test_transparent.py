"""Behind the border a provider is what it was: the suite for providers passes there, too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from providers import local_drive, memory
from providers.base import Provider, Setup
from providers.conformance.suite import (
    ChangeConformance,
    CopyConformance,
    FolderConformance,
    ProviderConformance,
)
from reactor.border.contained import Contained
from reactor.border.errors import Terms

_OURS = Terms("tried")
_APART = Terms("tried", apart=True)


def _disk(storage: Path) -> Provider:
    roots = {"work": str(storage), "bare": str(storage.parent / "bare")}
    options = local_drive.LocalDriveOptions()
    return local_drive.KIND.make(Setup("studio", roots, options))


def _memory(store: str) -> Provider:
    roots = {"work": "/work", "bare": "/bare"}
    return memory.KIND.make(Setup("cache", roots, memory.MemoryOptions(store=store)))


class _Suite:
    terms = _OURS

    @pytest.fixture
    async def provider(self, make: Callable[[], Provider]) -> AsyncIterator[Provider]:
        async with Contained(make, "site", self.terms) as entered:
            yield entered

    @pytest.fixture
    async def other(self, make: Callable[[], Provider]) -> AsyncIterator[Provider]:
        async with Contained(make, "site", self.terms) as entered:
            yield entered


class TestDisk(_Suite, ProviderConformance, FolderConformance):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Path:
        for name in ("work", "bare"):
            (tmp_path / "roots" / name).mkdir(parents=True)
        return tmp_path / "roots/work"

    @pytest.fixture
    def make(self, storage: Path) -> Callable[[], Provider]:
        return lambda: _disk(storage)


class _InMemory(_Suite, ProviderConformance, ChangeConformance):
    @pytest.fixture
    def make(self) -> Callable[[], Provider]:
        store = uuid4().hex
        return lambda: _memory(store)


class TestMemory(_InMemory, CopyConformance):
    @pytest.fixture
    async def neighbour(self) -> AsyncIterator[Provider]:
        store = uuid4().hex
        async with Contained(lambda: _memory(store), "neighbour", self.terms) as entered:
            yield entered


class TestMemoryApart(_InMemory):
    terms = _APART

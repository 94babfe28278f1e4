from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from providers.base import Provider, Setup
from providers.conformance.suite import FolderConformance, LargeConformance, ProviderConformance
from providers.local_drive import KIND, LocalDriveOptions


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    for name in ("work", "bare"):
        (tmp_path / "roots" / name).mkdir(parents=True)
    return tmp_path / "roots/work"


@pytest.fixture
async def provider(storage: Path) -> AsyncIterator[Provider]:
    roots = {"work": str(storage), "bare": str(storage.parent / "bare")}
    async with KIND.make(Setup("studio", roots, LocalDriveOptions())) as entered:
        yield entered


@pytest.fixture
async def other(storage: Path) -> AsyncIterator[Provider]:
    roots = {"work": str(storage), "bare": str(storage.parent / "bare")}
    async with KIND.make(Setup("studio", roots, LocalDriveOptions())) as entered:
        yield entered


class TestLocalDrive(ProviderConformance, FolderConformance): ...


class TestLargeFile(LargeConformance): ...

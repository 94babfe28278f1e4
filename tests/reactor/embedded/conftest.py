"""Folders for embedded servers, and processes that use them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.reactor.embedded.processes import User, ended


@pytest.fixture
def users() -> Iterator[Callable[..., User]]:
    started: list[User] = []

    def start(folder: Path, *options: str) -> User:
        started.append(User(folder, *options))
        return started[-1]

    yield start
    for user in started:
        user.kill()


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    """A data folder; the test has failed if its server outlives it."""
    home = tmp_path / "mongod"
    yield home
    await ended(home)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A folder for temporary data."""
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"

"""The fixtures of the suite as it is run by `pytest --pyargs providers.conformance`."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import anyio
import pytest

from providers.base import Provider, ProviderError, Setup
from providers.conformance.site import TriedSite, UsageError, read_keys, tried_site


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run on asyncio, as the reactor does."""
    return "asyncio"


@pytest.fixture(scope="session")
def site(pytestconfig: pytest.Config) -> TriedSite:
    """Return the site that was named on the command line."""
    try:
        given: list[str] = pytestconfig.getoption("--provider-settings") or []
        tried = tried_site(pytestconfig.getoption("--provider"), given)
        tried.setup("")
    except UsageError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    return tried


@pytest.fixture
def folder(pytestconfig: pytest.Config) -> Iterator[str]:
    """Return the name of a folder of the test's own, which is removed where this machine sees it."""
    name = f"sitesync-{uuid4().hex[:12]}"
    yield name
    seen: Path | None = pytestconfig.getoption("--provider-folder")
    if seen is not None:
        shutil.rmtree(seen / name, ignore_errors=True)


@pytest.fixture
def setup(site: TriedSite, folder: str) -> Setup:
    """Return what providers of the test's own roots are made from."""
    return site.setup(folder)


@pytest.fixture
async def provider(
    pytestconfig: pytest.Config, site: TriedSite, setup: Setup, folder: str
) -> AsyncIterator[Provider]:
    """Yield the provider; what it published is removed afterwards."""
    seen: Path | None = pytestconfig.getoption("--provider-folder")
    async with site.kind.make(setup) as entered:
        if seen is not None:
            (seen / folder / "bare").mkdir(parents=True)
        else:
            await entered.make_marker("seed")  # so that the folder of root `bare` is there
        yield entered
        with anyio.move_on_after(30), suppress(ProviderError):
            for root in ("work", "bare"):
                async for file in entered.listing(root):
                    await entered.remove(file.where)


@pytest.fixture
async def other(site: TriedSite, setup: Setup) -> AsyncIterator[Provider]:
    """Yield another provider of the same roots, as another process has it."""
    async with site.kind.make(setup) as entered:
        yield entered


@pytest.fixture
def storage(pytestconfig: pytest.Config, folder: str, provider: Provider) -> Path:  # noqa: ARG001 - it makes the folder
    """Return the folder behind root `work`, as this machine sees it."""
    seen: Path | None = pytestconfig.getoption("--provider-folder")
    assert seen is not None, "without that folder these tests are left out"
    return seen / folder / "work"


@pytest.fixture
def unreachable(pytestconfig: pytest.Config, site: TriedSite, folder: str) -> Provider:
    """Return a provider whose server is not there."""
    return _changed(pytestconfig, "--provider-unreachable", site, folder)


@pytest.fixture
def refused(pytestconfig: pytest.Config, site: TriedSite, folder: str) -> Provider:
    """Return a provider that its server does not let in."""
    return _changed(pytestconfig, "--provider-refused", site, folder)


def _changed(config: pytest.Config, option: str, site: TriedSite, folder: str) -> Provider:
    given: list[str] = config.getoption(option) or []
    if not given:  # nobody but who asks for this run knows how its server refuses
        pytest.skip(f"{option}=KEY=VALUE was not given: it says what makes this site fail so")
    return site.kind.make(site.setup(folder, read_keys(given)))

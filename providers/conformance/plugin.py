"""
What pytest loads at its start: options, a limit to each test's time, and assertions that show values.

It must not import the suite, since pytest rewrites only what is imported later.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path

import anyio
import pytest

_PARTS = (
    *("cancelling", "content", "features", "folders", "large", "moves", "names", "pauses"),
    *("pressure", "roots", "services", "staging", "trouble"),
)

pytest.register_assert_rewrite(*(f"providers.conformance.{part}" for part in _PARTS))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what `pytest --pyargs providers.conformance` asks for."""
    group = parser.getgroup("sitesync", "SiteSync Reactor: the suite that every provider passes")
    group.addoption("--provider", metavar="NAME", help="The provider to try, by its name.")
    group.addoption(
        "--provider-settings",
        action="append",
        default=[],
        metavar="FILE|KEY=VALUE",
        help="Its site: a TOML file of the keys below [sites.NAME], or single keys. `root` is a "
        "folder for these tests alone, in which they make folders of their own.",
    )
    group.addoption(
        "--provider-folder",
        type=Path,
        metavar="PATH",
        help="The same folder as `root` as this machine sees it: more can be tried then.",
    )
    group.addoption(
        "--provider-unreachable",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="Settings that lead to a server that is not there.",
    )
    group.addoption(
        "--provider-refused",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="Settings with which the server lets nobody in.",
    )
    group.addoption("--large", action="store_true", help="Try a file of 5 GiB, too.")


def pytest_configure(config: pytest.Config) -> None:
    """Make the suite's markers known."""
    config.addinivalue_line("markers", "large: moves 5 GiB; only with --large")
    config.addinivalue_line("markers", "in_folder: looks into the storage's folder")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what was not asked for, and what there is nothing for to look into."""
    if config.pluginmanager.has_plugin("timeout"):
        for item in items:
            if item.get_closest_marker("large"):
                item.add_marker(pytest.mark.timeout(0))  # its own limit is longer than most
    left_out = [item for item in items if _is_left_out(config, item)]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def _is_left_out(config: pytest.Config, item: pytest.Item) -> bool:
    if item.get_closest_marker("large") and not config.getoption("--large"):
        return True
    return bool(item.get_closest_marker("in_folder") and not config.getoption("--provider-folder"))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Let no test of the suite wait for ever for its provider."""
    seconds: object = getattr(pyfuncitem.cls, "seconds", None)
    if isinstance(seconds, float):
        pyfuncitem.obj = _limited(pyfuncitem.obj, seconds)
    return (yield)


def _limited(test: Callable[..., Awaitable[None]], seconds: float) -> Callable[..., object]:
    @functools.wraps(test)
    async def limited(*args: object, **kwargs: object) -> None:
        with anyio.move_on_after(seconds) as scope:
            await test(*args, **kwargs)
        if scope.cancelled_caught:
            raise AssertionError(f"it had not come to an end after {seconds:g} seconds")

    return limited

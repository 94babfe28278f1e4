"""Kinds of site: our own rows, and what other packages bring, broken or not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from providers.plugins import PluginError
from providers.table import BUILT_IN, PROVIDERS, Kinds
from tests.packages import KIND, Packages


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_kind_of_the_product_is_found_under_its_own_name(name: str) -> None:
    assert PROVIDERS[name].name == name


def test_a_kind_that_nobody_asks_for_is_not_imported() -> None:
    modules = [row.partition(":")[0] for row in BUILT_IN.values()]
    asked = f"import sys, providers.table; print([m for m in {modules} if m in sys.modules])"

    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "[]"


def test_a_package_beside_ours_adds_a_kind(packages: Packages) -> None:
    packages.install("sitesync-webdav")
    kinds = Kinds(BUILT_IN)

    assert "webdav" in kinds
    assert [*kinds] == [*BUILT_IN, "webdav"]
    assert "sitesync_webdav" not in sys.modules
    assert [*kinds["webdav"].options.model_fields] == ["address"]
    assert kinds["webdav"] is kinds["webdav"]
    assert [plugin.package for plugin in kinds.plugins] == ["sitesync-webdav 1.2"]


def test_there_is_no_kind_that_nobody_brings(packages: Packages) -> None:
    packages.install("sitesync-webdav")

    with pytest.raises(KeyError):
        Kinds(BUILT_IN)["ftp"]


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (
            "import no_such_library",
            "cannot be loaded (ModuleNotFoundError: No module named 'no_such_library')",
        ),
        ("def (", "cannot be loaded (SyntaxError: invalid syntax (sitesync_webdav.py, line 1))"),
        ("raise SystemExit(3)", "cannot be loaded (SystemExit: 3)"),
        ("raise RuntimeError('one\\ntwo')", "cannot be loaded (RuntimeError: one)"),
        ("from providers.base import Kind", "cannot be loaded (AttributeError"),
        ("KIND = 'webdav'", "is a str, not a providers.base.Kind"),
        (
            KIND.replace("api=1", "api=2"),
            "is for 2 as version of the provider interface; this sitesync has 1",
        ),
        (
            KIND.replace(", api=1", ""),
            "does not say for which version of the provider interface; this sitesync has 1",
        ),
        (KIND.replace('"webdav"', '"dav"'), "calls itself 'dav'"),
        (KIND.replace("BaseModel)", ")"), "has options that are no pydantic model"),
    ],
)
def test_what_is_wrong_with_a_package_is_told_in_one_line_that_names_it(
    packages: Packages, module: str, why: str
) -> None:
    packages.install("sitesync-webdav", module)
    kinds = Kinds(BUILT_IN)

    with pytest.raises(PluginError) as raised:
        kinds["webdav"]

    text = str(raised.value)
    assert text.startswith(f"provider 'webdav' of package sitesync-webdav 1.2 {why}")
    assert "\n" not in text
    with pytest.raises(PluginError):
        kinds["webdav"]
    assert kinds["local_drive"] is PROVIDERS["local_drive"]


def test_our_own_kind_stays_what_it_is_when_a_package_takes_its_name(packages: Packages) -> None:
    packages.install("sitesync-other", kind="memory")
    kinds = Kinds(BUILT_IN)

    assert kinds["memory"] is PROVIDERS["memory"]
    assert [*kinds] == [*BUILT_IN]
    assert [plugin.package for plugin in kinds.plugins] == ["sitesync-other 1.2"]


def test_two_packages_that_bring_one_name_are_told_both(packages: Packages) -> None:
    packages.install("sitesync-webdav")
    packages.install("sitesync-dav", version="0.3")
    kinds = Kinds(BUILT_IN)

    assert [*kinds] == [*BUILT_IN, "webdav"]
    with pytest.raises(PluginError, match=r"sitesync-dav 0\.3 and sitesync-webdav 1\.2; keep one"):
        kinds["webdav"]

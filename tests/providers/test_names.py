"""Names that a provider accepts, and its own."""

from __future__ import annotations

import pytest

from providers.base import MARKER_NAME, Location, PermanentFileError
from providers.conformance.names import HOSTILE
from providers.names import claim_of, components, is_ours, staged_name, windows_flaw


def test_a_path_leads_through_its_components() -> None:
    assert components(Location("work", "Show/shot/file.exr")) == ("Show", "shot", "file.exr")


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_path_is_refused_with_its_root(path: str) -> None:
    with pytest.raises(PermanentFileError, match="work"):
        components(Location("work", path))


@pytest.mark.parametrize("name", ["a..b", "..a", "...", "a:b", "C:", "x" * 1000, ".sitesync.exr"])
def test_a_name_that_only_looks_hostile_is_accepted(name: str) -> None:
    assert components(Location("", f"folder/{name}"))[1] == name


@pytest.mark.parametrize("claim", ["", "../x", "a/b", "a.b", "a\0"])
def test_a_claim_that_could_lead_elsewhere_is_refused(claim: str) -> None:
    with pytest.raises(ValueError, match="claim id"):
        staged_name(claim)


def test_staged_names_are_known_as_ours() -> None:
    assert is_ours(staged_name("0123abcd"))


@pytest.mark.parametrize(
    "name",
    ["a:b", "a?", 'a"b', "a\\b", "a\tb", "con", "NUL.exr", "com1.txt", "LPT¹", "dot.", "space "],
)
def test_what_windows_cannot_hold_has_a_reason(name: str) -> None:
    assert windows_flaw(name)


@pytest.mark.parametrize("name", ["console.exr", "com10.exr", "a.con", ".hidden", "ünï.exr"])
def test_what_windows_can_hold_has_none(name: str) -> None:
    assert windows_flaw(name) is None


def test_a_staged_name_tells_its_claim() -> None:
    assert claim_of(staged_name("a1-b_2")) == "a1-b_2"


@pytest.mark.parametrize(
    "name", ["a", "a1.part", ".sitesync-a1", ".sitesync-.part", ".sitesync-a.b.part", MARKER_NAME]
)
def test_any_other_name_is_of_no_claim(name: str) -> None:
    assert claim_of(name) is None

"""What a pause covers, and when something was resumed."""

from __future__ import annotations

from typing import Any

import pytest

from reactor.pauses import Pauses

EVERYTHING: dict[str, Any] = {"_id": "all", "project": None, "site": None}
BUNNY = {"_id": "b", "project": "Bunny"}
VENDOR = {"_id": "v", "site": "vendor"}
BOTH = {"_id": "bv", "project": "Bunny", "site": "vendor"}


def paused(*documents: dict[str, Any]) -> Pauses:
    pauses = Pauses()
    pauses.replace(documents)
    return pauses


@pytest.mark.parametrize(
    ("pause", "covered"),
    [
        (EVERYTHING, {("Bunny", "vendor"), ("Bunny", "drive"), ("Other", "vendor")}),
        (BUNNY, {("Bunny", "vendor"), ("Bunny", "drive")}),
        (VENDOR, {("Bunny", "vendor"), ("Other", "vendor")}),
        (BOTH, {("Bunny", "vendor")}),
    ],
    ids=["everything", "a project", "a site", "a project's site"],
)
def test_a_pause_covers(pause: dict[str, Any], covered: set[tuple[str, str]]) -> None:
    pauses = paused(pause)

    asked = [("Bunny", "vendor"), ("Bunny", "drive"), ("Other", "vendor")]
    assert {pair for pair in asked if pauses.covers(*pair)} == covered


def test_without_pauses_nothing_is_covered() -> None:
    assert not Pauses().covers("Bunny", "vendor")


def test_only_the_end_of_a_pause_resumes() -> None:
    pauses = Pauses()

    assert not pauses.replace([BUNNY])
    assert not pauses.replace([BUNNY, VENDOR])
    assert pauses.replace([VENDOR])
    assert not pauses.replace([VENDOR])


def test_a_pause_that_replaces_another_resumes_what_that_covered() -> None:
    pauses = paused(BUNNY)

    assert pauses.replace([VENDOR])
    assert not pauses.covers("Bunny", "drive")

"""Whether files come: what is known of each, and what that makes of all together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from reactor.documents import parse_representation
from reactor.events import Key
from reactor.model import Topology
from reactor.operators.arrival import Arrival, FileState, Missing, State, arrival, together

KEY = Key("Show", 1)
NOW = datetime(2024, 6, 1, tzinfo=UTC)
THERE = {"name": "vendor", "created_dt": NOW}


def topology(**settings: Any) -> Topology:
    known: dict[str, Any] = {
        "alternatives": {"studio": [], "vendor": [], "nas": []},
        "reachable": frozenset[str](),
        **settings,
    }
    return Topology("Show", "studio", ("studio", "vendor"), **known)


def seen(*sites: object, path: str = "{root}/a", **settings: Any) -> Arrival:
    """Return what is at the vendor of a representation of one file."""
    document = {"_id": 1, "files": [{"path": path, "sites": [*sites]}]}
    found = parse_representation("Show", document)
    return arrival(KEY, found, "vendor", topology(**settings))


@pytest.mark.parametrize(
    ("entry", "state"),
    [
        ({}, "waiting"),
        ({"tries": 1}, "retrying"),
        ({"paused": True}, "paused"),
        ({"paused": True, "tries": 3}, "failed"),
        ({"tries": 3}, "failed"),
    ],
    ids=str,
)
def test_a_missing_file_has_the_state_of_its_entry(entry: dict[str, Any], state: FileState) -> None:
    [missing] = seen({"name": "vendor", **entry}).missing

    assert missing.state == state


def test_a_file_that_cannot_be_served_has_failed_with_its_flaw() -> None:
    [missing] = seen({"name": "vendor"}, path="{root}/../a").missing

    assert missing.state == "failed"
    assert "leaves its root" in str(missing.error)


def test_a_missing_entry_is_waited_for_only_where_the_settings_ask_for_it() -> None:
    assert seen().state == "unwanted"
    assert seen({"name": "nas"}).state == "unwanted"
    assert seen(always=("vendor",)).state == "waiting"
    alternatives = {"studio": [], "vendor": [], "nas": ["vendor"]}
    assert seen({"name": "nas"}, alternatives=alternatives).state == "waiting"


def test_one_wanted_entry_of_duplicates_makes_all_wanted() -> None:
    assert seen(THERE, {"name": "vendor"}).state == "waiting"


def test_a_document_without_files_never_arrives() -> None:
    found = parse_representation("Show", {"_id": 1})

    assert arrival(KEY, found, "vendor", topology()).state == "failed"


def test_what_is_gone_is_gone() -> None:
    assert arrival(KEY, None, "vendor", topology()).state == "gone"


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ((), "available"),
        (("failed", "waiting"), "waiting"),
        (("gone", "paused"), "waiting"),
        (("failed", "retrying"), "waiting"),
        (("unwanted", "failed"), "failed"),
        (("failed", "gone"), "gone"),
        (("unwanted",), "unwanted"),
    ],
    ids=str,
)
def test_while_any_file_may_come_all_are_waited_for(
    states: tuple[FileState, ...], state: State
) -> None:
    parts = [Arrival(2, (Missing(KEY, "a", one),)) for one in states]

    whole = together(parts)

    assert whole.state == state
    assert (whole.files, whole.there) == (2 * len(states), len(states))

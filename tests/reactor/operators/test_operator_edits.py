"""What operators ask for is done once, to the entries it is about, and changes no copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from reactor.documents import parse_representation
from reactor.edits import FileEdit
from reactor.model import DRIFTED, Entry, File, Representation
from reactor.operators.operator_edits import (
    pause_entries,
    prioritise_entries,
    resume_entries,
    retry_entries,
    wanted_files,
)
from tests.reactor.studio_documents import PROJECT, REPRESENTATIONS, SITES, STRANGER
from tests.reactor.update_model import carried_out

Document = dict[str, Any]
Ask = Callable[[Representation], list[FileEdit]]

NOW = datetime(2024, 6, 1, tzinfo=UTC)

_SETS = st.frozensets(st.sampled_from([*SITES, STRANGER]))
_ASKS: st.SearchStrategy[Ask] = st.one_of(
    *(
        st.builds(partial, st.just(ask), sites=_SETS)
        for ask in (pause_entries, resume_entries, retry_entries)
    ),
    st.builds(partial, st.just(prioritise_entries), sites=_SETS, priority=st.sampled_from([2, 90])),
)


def asked(document: Document, ask: Ask) -> Document:
    """Return a document after what is asked for was carried out."""
    return carried_out(document, ask(parse_representation(PROJECT, document)), NOW)


def entries(document: Document) -> Iterator[tuple[File, Entry]]:
    for file in parse_representation(PROJECT, document).files:
        for entry in file.entries:
            yield file, entry


@given(REPRESENTATIONS, _ASKS)
def test_what_is_asked_for_twice_is_done_once(document: Document, ask: Ask) -> None:
    once = asked(document, ask)

    assert ask(parse_representation(PROJECT, once)) == []


@given(REPRESENTATIONS, _ASKS)
def test_no_file_becomes_available_or_wanted(document: Document, ask: Ask) -> None:
    def copies(of: Document) -> list[tuple[str, bool]]:
        return [(entry.name, entry.available) for _, entry in entries(of)]

    assert copies(asked(document, ask)) == copies(document)


@given(REPRESENTATIONS, _SETS)
def test_what_is_wanted_at_the_sites_is_paused_and_can_be_resumed(
    document: Document, sites: frozenset[str]
) -> None:
    paused = asked(document, partial(pause_entries, sites=sites))

    for file, entry in entries(paused):
        if entry.name in sites and (not entry.available or entry.stale(file.hash)):
            assert entry.paused

    resumed = asked(paused, partial(resume_entries, sites=sites))
    assert not any(entry.paused for _, entry in entries(resumed) if entry.name in sites)


@given(REPRESENTATIONS, _SETS)
def test_nothing_that_is_wanted_has_failed_after_a_retry(
    document: Document, sites: frozenset[str]
) -> None:
    for _, entry in entries(asked(document, partial(retry_entries, sites=sites))):
        if entry.name in sites and not entry.available:
            assert entry.tries <= 0


@given(REPRESENTATIONS, _SETS)
def test_as_many_files_are_wanted_as_could_be_given_a_priority(
    document: Document, sites: frozenset[str]
) -> None:
    found = parse_representation(PROJECT, document)

    assert wanted_files(found, sites) == len(prioritise_entries(found, sites, 12345))


def test_a_pause_that_was_left_behind_is_ended_too() -> None:
    there = {"name": "vendor", "created_dt": NOW}
    file = {"_id": "f", "path": "{root}/a", "hash": "h", "sites": [{**there, "paused": True}]}

    document = asked({"_id": 1, "files": [file]}, partial(resume_entries, sites={"vendor"}))

    [after] = cast("list[Document]", document["files"])
    assert after["sites"] == [there]


def test_a_stale_entry_counts_as_wanted() -> None:
    stale = {"name": "vendor", "created_dt": NOW, "source_hash": "0123456789abcdef"}
    file = {"_id": "f", "path": "{root}/a", "hash": "h", "sites": [stale]}

    document = asked({"_id": 1, "files": [file]}, partial(pause_entries, sites={"vendor"}))

    [after] = cast("list[Document]", document["files"])
    assert after["sites"] == [{**stale, "paused": True}]


def test_what_somebody_changed_in_place_is_not_tried_again() -> None:
    entry = {"name": "vendor", "tries": 3, "error": f"{DRIFTED}: it has 5 bytes"}
    file = {"_id": "f", "path": "{root}/a", "hash": "h", "sites": [entry]}

    document = asked({"_id": 1, "files": [file]}, partial(retry_entries, sites={"vendor"}))

    [after] = cast("list[Document]", document["files"])
    assert after["sites"] == [entry]

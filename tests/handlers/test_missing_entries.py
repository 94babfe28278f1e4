"""Entries that the settings ask for are added where they are missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handlers.missing_entries import add_missing_entries
from reactor.commands import AddEntries
from tests.handlers.studio import REF, STUDIO, change, file, held, removed, said, wanted


def test_sites_that_must_have_every_file_get_an_entry() -> None:
    assert said(add_missing_entries, change(file(held("studio")))) == [
        AddEntries(REF, frozenset({"archive"}))
    ]


def test_a_file_that_names_no_site_at_all_gets_the_entries_too() -> None:
    assert said(add_missing_entries, change(file())) == [AddEntries(REF, frozenset({"archive"}))]


@pytest.mark.parametrize("entry", [held("vendor_web"), wanted("vendor_web")])
def test_alternatives_of_a_site_that_a_file_names_get_an_entry(entry: dict[str, Any]) -> None:
    assert said(add_missing_entries, change(file(entry, held("archive")))) == [
        AddEntries(REF, frozenset({"vendor"}))
    ]


def test_alternatives_of_sites_that_must_have_every_file_get_an_entry() -> None:
    always = replace(STUDIO, always=("vendor",))

    assert said(add_missing_entries, change(file(held("studio"))), always) == [
        AddEntries(REF, frozenset({"vendor", "vendor_web"}))
    ]


@pytest.mark.parametrize(
    "archive", [wanted("archive", paused=True), wanted("archive", tries=9), held("archive")]
)
def test_an_entry_that_is_there_is_left_as_it_is(archive: dict[str, Any]) -> None:
    assert said(add_missing_entries, change(file(archive, held("stranger")))) == []


def test_a_file_with_a_flaw_is_left_as_it_is() -> None:
    assert said(add_missing_entries, change(file(held("studio"), path="x.exr"))) == []


def test_a_document_that_is_gone_gets_nothing() -> None:
    assert said(add_missing_entries, removed()) == []

"""A document of the wrong shape is told of, and only what is wrong in it stops."""

from __future__ import annotations

from handlers.flaws import report_flaws
from reactor.commands import Complain, FailEntries
from reactor.events import ChangeEvent
from tests.handlers.studio import KEY, PATH, change, file, held, removed, said, wanted

BAD_PATH = "{root[work]}/../x.exr"
FLAW = f"path {BAD_PATH!r} leaves its root"


def complaints(event: ChangeEvent) -> list[str]:
    commands = said(report_flaws, event)
    return [command.message for command in commands if isinstance(command, Complain)]


def failures(event: ChangeEvent) -> list[FailEntries]:
    return [cmd for cmd in said(report_flaws, event) if isinstance(cmd, FailEntries)]


def test_a_document_without_files_is_told_of() -> None:
    assert said(report_flaws, change(files=None)) == [Complain(KEY, "the document has no files")]


def test_a_flaw_is_told_with_the_files_path() -> None:
    assert complaints(change(file(held("studio"), path=BAD_PATH))) == [f"{BAD_PATH}: {FLAW}"]


def test_an_element_that_is_no_file_is_told_with_its_position() -> None:
    assert complaints(change(None)) == ["file 0: files[0] is empty (null)"]


def test_a_flaw_is_written_into_the_wanted_entries_and_stops_them() -> None:
    sites = (held("studio"), wanted("vendor"), wanted("archive"))

    [failure] = failures(change(file(*sites, path=BAD_PATH)))

    assert failure.sites == {"vendor", "archive"}
    assert (failure.error, failure.tries) == (FLAW, 3)


def test_a_flaw_is_written_for_alternatives_of_served_sites_too() -> None:
    [failure] = failures(change(file(wanted("vendor_web"), path=BAD_PATH)))

    assert failure.sites == {"vendor_web"}


def test_a_flaw_is_not_written_for_sites_that_others_serve() -> None:
    assert failures(change(file(wanted("drive"), wanted("stranger"), path=BAD_PATH))) == []


def test_a_flaw_that_was_written_is_not_written_again() -> None:
    assert failures(change(file(wanted("vendor", error=FLAW, tries=3), path=BAD_PATH))) == []


def test_a_flaw_is_written_again_when_somebody_retries() -> None:
    assert failures(change(file(wanted("vendor", error=FLAW), path=BAD_PATH)))


def test_another_flaw_replaces_what_was_written() -> None:
    assert failures(change(file(wanted("vendor", error="no", tries=3), path=BAD_PATH)))


def test_duplicate_entries_are_told_of_but_stop_nothing() -> None:
    event = change(file(held("vendor"), held("vendor")))

    assert complaints(event) == [f"{PATH}: several entries for site vendor"]
    assert failures(event) == []


def test_there_is_nothing_to_tell_of_a_right_document() -> None:
    assert said(report_flaws, change(file(held("studio"), wanted("vendor")))) == []


def test_there_is_nothing_to_tell_of_a_document_that_is_gone() -> None:
    assert said(report_flaws, removed()) == []

"""Each cause that keeps a published file from a site is found, and the one to mend comes first."""

from __future__ import annotations

from typing import Any

import pytest

from reactor.model import source_hash
from reactor.story.finding import Finding
from reactor.story.situation import Sight, moments_of
from reactor.story.telling import chapters_of, flaw_of
from tests.handlers.studio import HASH, PATH, file, held, wanted
from tests.reactor.story.story_cases import (
    PUBLISHED,
    codes,
    document,
    entry,
    first,
    in_seconds,
    is_available,
    runs,
    seen,
    settings,
    situation,
    told,
    trouble,
)


def test_a_file_that_waits_for_its_turn_is_queued() -> None:
    found = first(entry(priority=70), situation(runs()))

    assert found.code == "queued"
    assert "render-07 (pid 4711) brings it from 'studio'" in found.text
    assert found.facts == {"priority": 70}
    assert "sitesync prioritise r1 vendor 90" in found.todo


def test_the_whole_studio_can_be_turned_off() -> None:
    case = situation(runs(), rules=settings(studio_enabled=False))

    assert codes(PUBLISHED, case)[0] == "studio_off"


def test_a_project_can_be_turned_off() -> None:
    case = situation(runs(), rules=settings(project_enabled=False))

    assert codes(PUBLISHED, case)[0] == "project_off"
    assert "[projects.Bunny]" in first(PUBLISHED, case).todo


def test_nobody_asked_for_it() -> None:
    found = first(file(held("studio")), situation(runs(), site="drive"))

    assert found.code == "no_entry"
    assert "it names 'studio'" in found.text
    assert "sitesync site add drive --representation r1" in found.todo


def test_what_was_published_before_remote_site_was_set_can_be_asked_for_in_one_go() -> None:
    found = first(file(held("studio")), situation(runs()))

    assert "sitesync site add vendor --project Bunny --all" in found.todo


@pytest.mark.parametrize(
    ("site", "rules"),
    [("archive", settings(always=("archive",))), ("vendor_web", settings())],
)
def test_an_entry_that_a_setting_asks_for_comes_with_a_full_scan(site: str, rules: Any) -> None:
    found = first(PUBLISHED, situation(runs(), site=site, rules=rules))

    assert found.code == "entry_missing"
    assert found.todo.endswith("sitesync reconcile --project Bunny")


def test_an_entry_can_be_paused() -> None:
    found = first(entry(paused=True), situation(runs()))

    assert found.code == "paused"
    assert found.todo == "sitesync resume --representation r1 --site vendor"


def test_a_failure_tells_its_error_and_how_to_try_again() -> None:
    failed = entry(tries=3, error="no space left", last_failed_dt="then")

    found = first(failed, situation(runs()))

    assert found.code == "failed"
    assert found.text.endswith("its 3 tries are used up: no space left")
    assert found.todo.endswith("sitesync retry --representation r1 --site vendor")


def test_an_error_is_told_once() -> None:
    assert "tried" not in codes(entry(tries=3, error="no space left"), situation(runs()))


def test_an_alternative_that_may_still_be_tried_makes_up_for_a_failure() -> None:
    both = file(held("studio"), wanted("vendor", tries=3, error="x"), wanted("vendor_web"))

    assert codes(both, situation(runs()))[0] == "queued"


def test_a_file_that_failed_lately_waits_for_its_next_attempt() -> None:
    found = first(entry(tries=1, error="reset", retry_at=in_seconds(90)), situation(runs()))

    assert found.code == "retry"
    assert found.text.endswith("after 1 of 3 tries: reset")
    assert found.facts["retry_in_seconds"] == 90


def test_an_alternative_that_may_be_tried_now_makes_up_for_one_that_waits() -> None:
    waits = wanted("vendor", tries=1, retry_at=in_seconds(90))

    assert (
        codes(file(held("studio"), waits, wanted("vendor_web")), situation(runs()))[0] == "queued"
    )


def test_the_highest_priority_of_alternatives_counts() -> None:
    both = file(held("studio"), wanted("vendor", priority=10), wanted("vendor_web", priority=90))

    assert first(both, situation(runs())).facts == {"priority": 90}


def test_retry_at_without_tries_is_ignored() -> None:
    assert codes(entry(retry_at=in_seconds(90)), situation(runs()))[0] == "queued"


def test_an_attempt_that_failed_and_may_be_made_again_is_a_note() -> None:
    found = told(entry(tries=1, error="reset", retry_at=in_seconds(-1)), situation(runs()))

    assert [one.code for one in found] == ["queued", "tried", "alternatives"]
    assert found[1].text == "Its last attempt failed (1 of 3 tries): reset"


def test_a_file_may_be_available_nowhere() -> None:
    found = first(file(wanted("studio"), wanted("vendor")), situation(runs()))

    assert found.code == "no_source"
    assert "'studio' should have it, too" in found.text
    assert found.todo.endswith("sitesync validate --site studio")


def test_all_that_is_available_may_be_of_earlier_content() -> None:
    stale = file(held("studio", source_hash="0" * 16), wanted("vendor"))

    assert codes(stale, situation(runs()))[0] == "source_stale"


def test_what_was_published_again_is_told_to_be_stale() -> None:
    stale = file(held("studio"), held("vendor", source_hash="0" * 16))

    assert codes(stale, situation(runs()))[0] == "stale"


def test_a_document_that_describes_a_file_wrongly_is_to_be_mended() -> None:
    found = told(file(held("studio"), wanted("vendor"), path="/etc/passwd"), situation(runs()))

    assert found[0].code == "flaw"
    assert "'/etc/passwd' does not begin with {root[NAME]}/" in found[0].text


def test_sites_as_a_mapping_are_not_found_by_the_quick_scan() -> None:
    found = first(file() | {"sites": {"studio": held("studio"), "vendor": {}}}, situation(runs()))

    assert found.code == "old_shape"
    assert found.todo.endswith("sitesync reconcile --project Bunny")


def test_entries_of_one_name_are_noted() -> None:
    assert "oddity" in codes(file(held("studio"), wanted("vendor"), held("vendor")), situation())


def test_alternatives_are_told_and_what_is_at_one_needs_proof_only() -> None:
    found = told(file(held("vendor_web"), wanted("vendor")), situation(runs()))

    assert found[0].code == "queued"
    assert found[1].text == (
        "'vendor' and 'vendor_web' are alternatives: they hold the same bytes. "
        "It is marked at 'vendor_web' already, so its bytes need proof only."
    )


def test_what_is_available_is_told_with_its_proof() -> None:
    proved = held(
        "vendor", verified="checksum", checksum="xxh128:00", source_hash=source_hash(HASH)
    )

    found = first(file(held("studio"), proved), situation())

    assert found.code == "available"
    assert found.text == (
        "It is available at 'vendor': its own bytes were hashed and are right, "
        "made for the content that the document means now."
    )
    assert found.facts == {"verified": "checksum", "checksum": "xxh128:00"}


def test_what_another_program_marked_is_not_said_to_be_proved() -> None:
    found = first(file(held("vendor")), situation())

    assert "another program marked it" in found.text


@pytest.mark.parametrize(
    ("sight", "expected"),
    [
        (Sight(), ["available"]),
        (seen(64), ["available", "seen"]),
        (trouble("unreachable", "no answer"), ["available", "not_seen"]),
        (Sight(failures={PATH: "permission denied"}), ["available", "not_seen"]),
        (seen(63), ["other_size", "available"]),
        (seen(None), ["gone", "available"]),
    ],
)
def test_a_look_at_the_site_tells_whether_it_is_really_there(
    sight: Sight, expected: list[str]
) -> None:
    element, case = file(held("studio"), held("drive")), situation(site="drive", sight=sight)

    assert codes(element, case) == expected
    assert is_available(element, case) is (expected[0] == "available")


def test_what_vanished_is_sent_again_if_there_is_another_copy() -> None:
    gone = situation(site="drive", sight=seen(None))

    again = first(file(held("studio"), held("drive")), gone)
    only = first(file(wanted("studio"), held("drive")), gone)

    assert again.todo.startswith("send it again: sitesync site reset drive --representation r1 ")
    assert only.todo.startswith("no other copy is known: put the file back or publish it again")


def test_a_document_without_files_is_told() -> None:
    assert (flaw_of(document()) or Finding("seen", "note", "")).code == "flaw"
    assert flaw_of(document(PUBLISHED)) is None


def test_files_with_the_same_story_are_told_together() -> None:
    frames = [
        file(
            held("studio"),
            wanted("vendor", tries=3, error=f"shots/x.{frame}.exr is gone"),
            path=f"{{root[work]}}/shots/x.{frame}.exr",
        )
        for frame in range(1001, 1011)
    ]
    there = [file(held("studio"), held("vendor"))] * 20
    paused = entry(paused=True)

    chapters = chapters_of(document(*there, paused, *frames), situation(runs()))

    assert [(one.files, one.size, one.story.is_available) for one in chapters] == [
        (10, 640, False),
        (1, 64, False),
        (20, 1280, True),
    ]
    assert "shots/x.1001.exr is gone" in chapters[0].story.findings[0].text


def test_dates_are_shown_as_their_writer_had_them() -> None:
    raw = {
        "files": [
            file(held("vendor") | {"created_dt": in_seconds(0)}),
            file(held("vendor") | {"created_dt": in_seconds(0), "source_hash": "0"}),
            file(wanted("vendor", last_failed_dt=in_seconds(0))),
        ]
    }

    found = moments_of(raw, "vendor")

    assert found[0].created == "2026-05-01 12:00:00"
    assert found[1].created == "2026-05-01 12:00:00 UTC"
    assert found[2].failed == "2026-05-01 12:00:00"

"""What is wanted and can be brought is requested; what is paused or gone stops."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.transfers import request_transfers
from reactor.commands import KeepTransfers, RequestTransfer, StopTransfer
from reactor.events import ChangeEvent
from reactor.model import Topology, source_hash
from tests.handlers.studio import KEY, STUDIO, change, file, held, removed, said, wanted, work

AT = datetime(2024, 3, 5, 12, tzinfo=UTC)


def requests(event: ChangeEvent, topology: Topology = STUDIO) -> list[RequestTransfer]:
    commands = said(request_transfers, event, topology)
    return [command for command in commands if isinstance(command, RequestTransfer)]


def stops(event: ChangeEvent) -> list[StopTransfer]:
    commands = said(request_transfers, event)
    return [command for command in commands if isinstance(command, StopTransfer)]


def kept(event: ChangeEvent) -> list[KeepTransfers]:
    commands = said(request_transfers, event)
    return [command for command in commands if isinstance(command, KeepTransfers)]


def test_a_wanted_file_that_is_available_in_reach_is_requested() -> None:
    assert requests(change(file(held("studio"), wanted("vendor")))) == [
        RequestTransfer(work("vendor"))
    ]


def test_a_file_is_brought_to_the_own_site_too() -> None:
    assert requests(change(file(wanted("studio"), held("vendor")))) == [
        RequestTransfer(work("studio"))
    ]


@pytest.mark.parametrize(
    "entry",
    [
        held("vendor"),
        wanted("drive"),
        wanted("stranger"),
        wanted("vendor", paused=True),
        wanted("vendor", tries=3, error="no"),
    ],
    ids=["available", "not served", "unknown", "paused", "failed"],
)
def test_nothing_is_requested_for(entry: dict[str, Any]) -> None:
    assert requests(change(file(held("studio"), entry))) == []


@pytest.mark.parametrize("entry", [wanted("studio"), held("vendor_web"), held("stranger")])
def test_nothing_is_requested_where_no_site_in_reach_has_it(entry: dict[str, Any]) -> None:
    assert requests(change(file(entry, wanted("archive")))) == []


def test_nothing_is_moved_between_two_other_sites() -> None:
    assert requests(change(file(held("vendor"), wanted("archive")))) == []


def test_a_process_that_relays_moves_files_between_two_other_sites() -> None:
    event = change(file(held("vendor"), wanted("archive")))

    assert requests(event, STUDIO.relaying()) == [RequestTransfer(work("archive"))]


def test_a_site_out_of_reach_gets_no_requests() -> None:
    offline = replace(STUDIO, reachable=frozenset({"studio"}))

    assert requests(change(file(held("studio"), wanted("vendor"))), offline) == []


def test_an_alternative_is_served_through_the_site_that_stands_for_its_group() -> None:
    assert requests(change(file(held("studio"), wanted("vendor_web")))) == [
        RequestTransfer(work("vendor"))
    ]


def test_a_group_is_requested_once_with_its_highest_priority() -> None:
    group = (wanted("vendor", priority=20), wanted("vendor_web", priority=80))

    assert requests(change(file(held("studio"), *group))) == [
        RequestTransfer(work("vendor"), priority=80)
    ]


def test_one_alternative_that_is_not_paused_lets_the_group_be_served() -> None:
    group = (wanted("vendor", paused=True), wanted("vendor_web"))

    assert requests(change(file(held("studio"), *group)))


def test_a_file_that_an_alternative_has_is_requested_to_be_proved() -> None:
    topology = replace(STUDIO, reachable=STUDIO.reachable | {"vendor_web"})

    assert requests(change(file(held("vendor_web"), wanted("vendor"))), topology)


def test_a_priority_is_handed_on() -> None:
    [request] = requests(change(file(held("studio"), wanted("vendor", priority=90))))

    assert request.priority == 90


def test_an_attempt_waits_for_its_time() -> None:
    [request] = requests(change(file(held("studio"), wanted("vendor", tries=1, retry_at=AT))))

    assert request.retry_at == AT


def test_tries_that_were_deleted_mean_a_new_attempt_at_once() -> None:
    [request] = requests(change(file(held("studio"), wanted("vendor", retry_at=AT))))

    assert request.retry_at is None


def test_the_first_of_a_groups_times_counts() -> None:
    group = (
        wanted("vendor", tries=1, retry_at=AT + timedelta(seconds=9)),
        wanted("vendor_web", tries=1, retry_at=AT),
    )

    [request] = requests(change(file(held("studio"), *group)))

    assert request.retry_at == AT


def test_one_of_a_group_that_may_be_tried_at_once_lets_it_be_tried_at_once() -> None:
    group = (wanted("vendor", tries=1, retry_at=AT), wanted("vendor_web"))

    [request] = requests(change(file(held("studio"), *group)))

    assert request.retry_at is None


def test_a_republished_file_is_sent_again_from_where_it_was_published() -> None:
    old = held("vendor", source_hash=source_hash("of other bytes"))

    assert requests(change(file(held("studio"), old))) == [RequestTransfer(work("vendor"))]


def test_of_duplicate_entries_one_wanted_makes_all_wanted() -> None:
    duplicates = (held("vendor"), wanted("vendor"))

    assert len(requests(change(file(held("studio"), *duplicates)))) == 1


def test_a_file_with_a_flaw_is_not_requested() -> None:
    assert requests(change(file(held("studio"), wanted("vendor"), path="/etc/passwd"))) == []


def test_one_flaw_does_not_hold_up_the_other_files() -> None:
    other = file(held("studio"), wanted("vendor"), path="{root}/other")

    assert requests(change(None, other)) == [RequestTransfer(work("vendor", "{root}/other"))]


def test_what_runs_for_a_document_and_is_wanted_may_go_on() -> None:
    [keep] = kept(change(file(held("studio"), wanted("vendor"))))

    assert keep == KeepTransfers(KEY, frozenset({work("vendor")}))


def test_what_runs_for_a_document_that_is_gone_may_not_go_on() -> None:
    assert said(request_transfers, removed()) == [KeepTransfers(KEY, frozenset())]


def test_what_is_paused_stops() -> None:
    assert stops(change(file(held("studio"), wanted("vendor", paused=True)))) == [
        StopTransfer(work("vendor"))
    ]


def test_a_group_of_which_only_one_is_paused_does_not_stop() -> None:
    group = (wanted("vendor", paused=True), wanted("vendor_web"))

    assert stops(change(file(held("studio"), *group))) == []


def test_pausing_what_is_available_stops_nothing() -> None:
    assert stops(change(file(held("studio"), held("vendor", paused=True)))) == []

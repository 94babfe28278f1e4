"""Carrying out all commands leaves nothing to do: that is how our own writes end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.table import HANDLERS
from reactor import edits
from reactor.commands import (
    AddEntries,
    Command,
    FailEntries,
    MigrateSites,
    NoteError,
    RequestTransfer,
    ResetStale,
)
from reactor.documents import parse_representation
from reactor.edits import FileEdit, file_edit
from reactor.events import ChangeEvent, Key, Origin
from reactor.jobs import Job, Postponed, Variant, jobs_of
from reactor.model import Topology
from tests.reactor.studio_documents import FUTURE, PAST, PROJECT, REPRESENTATIONS, TOPOLOGIES
from tests.reactor.update_model import carried_out

Document = dict[str, Any]
Finish = Callable[[Job, Variant], Iterable[FileEdit]]

_NOW = PAST + timedelta(days=1)
_ROUNDS = 8


def available(job: Job, variant: Variant) -> Iterable[FileEdit]:
    facts = {"verified": "checksum", "checksum": "xxh128:01"}
    return [edits.completion(file, job.group, facts) for file in variant.files]


def stopped(job: Job, variant: Variant) -> Iterable[FileEdit]:
    return [edits.stopped(file, job.group, "no", job.retry_count) for file in job.files]


def failed(job: Job, variant: Variant) -> Iterable[FileEdit]:
    return [edits.failure(file, job.group, "not now", 5_000) for file in job.files]


def wrong_or_stopped(job: Job, variant: Variant) -> Iterable[FileEdit]:
    if variant.sources:
        return stopped(job, variant)
    return [edits.reset(file, job.group, "not there") for file in variant.files]


def decide(document: Document, topology: Topology, origin: Origin = Origin.STREAM) -> list[Command]:
    event = ChangeEvent(
        Key(PROJECT, document["_id"]), origin, parse_representation(PROJECT, document)
    )
    return [command for handler in HANDLERS for command in handler(event, topology)]


def to_write(commands: Iterable[Command]) -> list[FileEdit]:
    return [
        file_edit(command)
        for command in commands
        if isinstance(command, AddEntries | ResetStale | MigrateSites | FailEntries | NoteError)
    ]


def to_transfer(
    commands: Iterable[Command], document: Document, topology: Topology, now: datetime
) -> list[Job | Postponed | None]:
    works = [command.work for command in commands if isinstance(command, RequestTransfer)]
    representation = parse_representation(PROJECT, document)
    return list(jobs_of(works, [representation], topology, now).values())


@settings(max_examples=250, deadline=None)
@given(REPRESENTATIONS, TOPOLOGIES, st.sampled_from([available, stopped, failed, wrong_or_stopped]))
def test_carrying_out_all_commands_leaves_nothing_to_do(
    document: Document, topology: Topology, finish: Finish
) -> None:
    for _ in range(_ROUNDS):
        commands = decide(document, topology)
        written = to_write(commands)
        document = carried_out(document, written, _NOW)
        for job in to_transfer(commands, document, topology, FUTURE):
            if isinstance(job, Job):
                written += finish(job, job.variants[0])
                document = carried_out(document, finish(job, job.variants[0]), _NOW)
        if not written:
            break

    remaining = decide(document, topology)
    assert not to_write(remaining)
    assert not [command for command in remaining if isinstance(command, RequestTransfer)]


@settings(max_examples=150, deadline=None)
@given(REPRESENTATIONS, TOPOLOGIES)
def test_what_is_requested_is_still_to_be_done_when_a_worker_looks(
    document: Document, topology: Topology
) -> None:
    commands = decide(document, topology)

    jobs = to_transfer(commands, document, topology, PAST)

    assert None not in jobs


@settings(max_examples=50, deadline=None)
@given(REPRESENTATIONS, TOPOLOGIES)
def test_scan_and_stream_decide_the_same(document: Document, topology: Topology) -> None:
    decided = [decide(document, topology, origin) for origin in Origin]

    assert decided[0] == decided[1] == decided[2]


@settings(max_examples=100, deadline=None)
@given(REPRESENTATIONS, TOPOLOGIES)
def test_no_edit_touches_an_entry_of_a_site_that_the_settings_do_not_name(
    document: Document, topology: Topology
) -> None:
    for edit in to_write(decide(document, topology)):
        assert edit.sites | edit.add <= topology.known

"""What a worker makes of the documents that name one path."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from providers.base import Location
from reactor.jobs import Job, Postponed, jobs_of
from reactor.model import Entry, File, Representation, Topology, Work, source_hash

NOW = datetime(2024, 3, 5, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)
PATH = "{root[work]}/shots/x.exr"
HASH = "x,exr|1709641800,25|64"
TO_VENDOR = Work("Bunny", "vendor", PATH)

STUDIO = Topology(
    project="Bunny",
    own="studio",
    served=("studio", "vendor"),
    alternatives={"studio": [], "vendor": ["vendor_web"], "vendor_web": [], "drive": []},
    reachable=frozenset({"studio", "vendor", "vendor_web", "drive"}),
)


def entry(name: str, **facts: Any) -> Entry:
    return Entry(name, **facts)


def held(name: str, **facts: Any) -> Entry:
    return Entry(name, available=True, **facts)


def file(*entries: Entry, file_hash: str | None = HASH, size: int | None = 64) -> File:
    return File(0, "f", PATH, size, file_hash, entries)


def decide(*files: File, work: Work = TO_VENDOR, topology: Topology = STUDIO) -> object:
    documents = [Representation("Bunny", number, (one,)) for number, one in enumerate(files)]
    return jobs_of([work], documents, topology, NOW)[work]


def job(*files: File, work: Work = TO_VENDOR, topology: Topology = STUDIO) -> Job:
    decided = decide(*files, work=work, topology=topology)
    assert isinstance(decided, Job)
    return decided


def test_a_wanted_file_becomes_a_job_to_its_place() -> None:
    made = job(file(held("studio"), entry("vendor", priority=70, tries=1)))

    assert made.where == Location("work", "shots/x.exr")
    assert made.group == {"vendor", "vendor_web"}
    assert (made.priority, made.tries, made.retry_count) == (70, 1, 3)
    [variant] = made.variants
    assert (variant.sources, variant.witnesses) == (("studio",), ())
    assert (variant.hash, variant.size) == (HASH, 64)
    assert variant.mtime_ns == 1709641800_250_000_000
    assert [ref.representation for ref in made.files] == [0]


@pytest.mark.parametrize(
    "wanted",
    [
        held("vendor"),
        entry("drive"),
        entry("vendor", paused=True),
        entry("vendor", tries=3),
    ],
    ids=["available", "elsewhere", "paused", "failed"],
)
def test_there_is_nothing_to_do_where_nobody_wants_it(wanted: Entry) -> None:
    assert decide(file(held("studio"), wanted)) is None


def test_there_is_nothing_to_do_where_nobody_has_it() -> None:
    assert decide(file(entry("studio"), entry("vendor"))) is None


def test_a_path_that_no_document_names_any_more_is_nothing_to_do() -> None:
    assert decide() is None


def test_a_file_with_a_flaw_is_not_served() -> None:
    flawed = replace(file(held("studio"), entry("vendor")), flaw="its size is -1")

    assert decide(flawed) is None


def test_a_stale_entry_is_wanted() -> None:
    old = held("vendor", source_hash=source_hash("of other bytes"))

    assert job(file(held("studio"), old)).files


def test_a_stale_entry_is_no_source() -> None:
    old = held("studio", source_hash=source_hash("of other bytes"))

    assert decide(file(old, entry("vendor"))) is None


def test_all_documents_of_one_path_are_one_job() -> None:
    wanting = file(held("studio"), entry("vendor", tries=1))

    made = job(wanting, replace(wanting, entries=(held("studio"), entry("vendor", tries=2))))

    assert len(made.variants) == 1
    assert [ref.representation for ref in made.files] == [0, 1]
    assert made.tries == 2


@pytest.mark.parametrize(
    "other", [{"file_hash": "x,exr|2|64"}, {"size": 65}, {"file_hash": None}], ids=str
)
def test_another_hash_or_size_is_a_variant_of_its_own(other: dict[str, Any]) -> None:
    entries = (held("studio"), entry("vendor"))

    made = job(file(*entries), file(*entries, **other))

    assert [[ref.representation for ref in variant.files] for variant in made.variants] == [
        [0],
        [1],
    ]
    assert made.size == max(64, other.get("size", 0))


def test_a_variant_that_nobody_has_is_left_out() -> None:
    made = job(
        file(held("studio"), entry("vendor")),
        file(entry("studio"), entry("vendor"), file_hash="x,exr|2|64"),
    )

    assert [ref.representation for ref in made.files] == [0]


def test_what_failed_lately_is_postponed_until_its_time() -> None:
    assert decide(file(held("studio"), entry("vendor", tries=1, retry_at=LATER))) == Postponed(
        LATER
    )


def test_of_several_that_failed_lately_the_first_time_counts() -> None:
    later = entry("vendor", tries=1, retry_at=LATER)
    latest = entry("vendor", tries=1, retry_at=LATER + timedelta(seconds=9))

    assert decide(file(held("studio"), latest), file(held("studio"), later)) == Postponed(LATER)


def test_the_time_of_the_next_attempt_is_ignored_where_nothing_was_tried() -> None:
    assert isinstance(decide(file(held("studio"), entry("vendor", retry_at=LATER))), Job)


def test_the_time_of_the_next_attempt_is_over_when_it_has_come() -> None:
    assert isinstance(decide(file(held("studio"), entry("vendor", tries=1, retry_at=NOW))), Job)


def test_one_alternative_that_may_be_tried_lets_the_group_be_tried() -> None:
    waits = entry("vendor", tries=1, retry_at=LATER)

    assert isinstance(decide(file(held("studio"), waits, entry("vendor_web"))), Job)


def test_who_wants_what_nobody_has_does_not_hide_who_waits() -> None:
    decided = decide(
        file(entry("studio"), entry("vendor"), file_hash="x,exr|2|64"),
        file(held("studio"), entry("vendor", tries=1, retry_at=LATER)),
    )

    assert decided == Postponed(LATER)


def test_an_available_alternative_is_a_witness_and_no_source() -> None:
    made = job(file(held("vendor_web"), entry("vendor")))

    assert made.variants[0].sources == ()
    assert made.variants[0].witnesses == ("vendor_web",)


def test_sources_of_the_own_site_come_in_the_order_of_preference() -> None:
    to_studio = Work("Bunny", "studio", PATH)

    made = job(file(held("drive"), held("vendor"), entry("studio")), work=to_studio)

    assert made.variants[0].sources == ("vendor", "drive")


def test_the_highest_priority_of_all_who_want_it_counts() -> None:
    made = job(
        file(held("studio"), entry("vendor", priority=10), entry("vendor_web")),
        file(held("studio"), entry("vendor", priority=30)),
    )

    assert made.priority == 30


def test_a_proved_checksum_of_these_bytes_is_known() -> None:
    proof: dict[str, Any] = {
        "checksum": "xxh128:1",
        "verified": "checksum",
        "source_hash": source_hash(HASH),
    }

    made = job(file(held("studio", **proof), entry("vendor")))

    assert made.variants[0].checksums == {"xxh128:1"}


@pytest.mark.parametrize(
    "doubt",
    [
        {"verified": "size"},
        {"source_hash": None},
        {"source_hash": source_hash("other")},
        {"available": False},
        {"checksum": None},
    ],
    ids=str,
)
def test_a_checksum_that_may_be_of_other_bytes_proves_nothing(doubt: dict[str, Any]) -> None:
    proof: dict[str, Any] = {
        "available": True,
        "checksum": "xxh128:1",
        "verified": "checksum",
        "source_hash": source_hash(HASH),
    }
    doubtful = Entry("drive", **{**proof, **doubt})

    made = job(file(held("studio"), doubtful, entry("vendor")))

    assert made.variants[0].checksums == frozenset()


def test_each_work_is_decided_for_itself() -> None:
    wanting = Representation("Bunny", 1, (file(held("studio"), entry("vendor")),))
    unknown = Work("Bunny", "vendor", "{root}/other")

    decided = jobs_of([TO_VENDOR, unknown], [wanting], STUDIO, NOW)

    assert isinstance(decided[TO_VENDOR], Job)
    assert decided[unknown] is None

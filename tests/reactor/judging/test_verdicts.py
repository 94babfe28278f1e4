"""What is said of bytes at a place, and what is written: only proof makes an entry available."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import Facts, Location
from reactor.documents import parse_path, parse_representation
from reactor.judging.verdicts import (
    Look,
    Meaning,
    Verdict,
    edits_of,
    judge,
    meanings_of,
    named_files,
)
from reactor.model import File, OnMissing, Representation, Topology
from reactor.proof import Proof
from tests.reactor.studio_documents import (
    HASHES,
    PAST,
    PROJECT,
    REPRESENTATIONS,
    SITES,
    TOPOLOGIES,
)
from tests.reactor.update_model import carried_out

Document = dict[str, Any]

PATH = "{root[work]}/shots/a_v001.exr"
WHERE = Location("work", "shots/a_v001.exr")
TOPOLOGY = Topology(
    project=PROJECT,
    own="studio",
    served=("studio", "vendor"),
    alternatives={"studio": [], "vendor": ["vendor_web"], "vendor_web": []},
    reachable=frozenset({"studio", "vendor"}),
)
GROUP = frozenset({"vendor", "vendor_web"})
NOTHING = Look(None)
PROVED = Look(Facts(64), Proof("checksum", "md5:00"))
UNPROVED = Look(Facts(64))

POLICIES = st.sampled_from(get_args(OnMissing))
LOOKS = st.builds(
    Look,
    st.one_of(st.none(), st.builds(Facts, st.sampled_from([0, 1, 64]), st.none(), st.just("id"))),
    st.sampled_from([None, Proof("size"), Proof("checksum", "md5:00")]),
    st.sampled_from([None, "other bytes"]),
)


def document(*sites: Document, **fields: Any) -> Document:
    file = {"_id": "f", "path": PATH, "size": 64, "hash": HASHES[0], "sites": [*sites], **fields}
    return {"_id": "r", "type": "representation", "files": [file]}


def available(*names: str) -> list[Document]:
    return [{"name": name, "created_dt": PAST} for name in names]


def wanted(*names: str) -> list[Document]:
    return [{"name": name} for name in names]


def meaning(*sites: Document, **fields: Any) -> Meaning:
    representation = parse_representation(PROJECT, document(*sites, **fields))
    (found,) = meanings_of(WHERE, "vendor", named_files([representation])[PATH], TOPOLOGY)
    return found


def word(found: Meaning, look: Look) -> str | None:
    verdict = judge(found, look)
    return verdict.word if verdict else None


def after(verdict: Verdict | None, on_missing: OnMissing, told: Document) -> File:
    """Return the only file of a document as it is once a verdict was written."""
    assert verdict is not None
    edited = carried_out(told, edits_of(verdict, on_missing), PAST)
    return parse_representation(PROJECT, edited).files[0]


@pytest.mark.parametrize(
    ("sites", "look", "expected"),
    [
        (available("vendor"), UNPROVED, "right"),
        (available("vendor"), PROVED, "right"),
        (available("vendor"), NOTHING, "missing"),
        (available("vendor"), Look(Facts(63)), "drifted"),
        (available("vendor"), Look(Facts(64), wrong="other bytes"), "drifted"),
        (available("vendor"), Look(None, wrong="permission denied"), "doubtful"),
        (available("vendor_web"), NOTHING, "missing"),
        (available("vendor") + wanted("vendor_web"), PROVED, "found"),
        (available("vendor") + wanted("vendor_web"), UNPROVED, "doubtful"),
        (wanted("vendor"), PROVED, "found"),
        (wanted("vendor"), UNPROVED, "doubtful"),
        (wanted("vendor"), Look(Facts(63)), "doubtful"),
        (wanted("vendor"), NOTHING, None),
        (available("studio"), PROVED, "found"),
        (available("studio"), UNPROVED, "doubtful"),
        (available("studio"), NOTHING, None),
    ],
)
def test_a_look_has_this_verdict(sites: list[Document], look: Look, expected: str | None) -> None:
    assert word(meaning(*sites), look) == expected


def test_a_document_that_tells_no_size_believes_any() -> None:
    assert word(meaning(*available("vendor"), size=None), Look(Facts(5))) == "right"


def test_what_was_made_from_other_bytes_is_no_copy() -> None:
    stale = {"name": "vendor", "created_dt": PAST, "source_hash": "0" * 16}

    assert word(meaning(stale), NOTHING) is None
    assert word(meaning(stale), PROVED) == "found"


def test_each_hash_and_size_at_one_path_is_a_meaning_of_its_own() -> None:
    changes: list[Document] = [{}, {"size": 65}, {"hash": HASHES[1]}, {}]
    named = named_files(
        parse_representation(PROJECT, {**document(*available("vendor"), **fields), "_id": number})
        for number, fields in enumerate(changes)
    )

    found = meanings_of(WHERE, "vendor", named[PATH], TOPOLOGY)

    assert sorted(len(one.variant.files) for one in found) == [1, 1, 2]


def test_found_bytes_make_the_whole_group_available_with_what_was_proved() -> None:
    told = document(*available("studio"))
    found = judge(meaning(*available("studio")), Look(Facts(64, id="drive-7"), PROVED.proof))

    left = after(found, "restore", told)

    for name in GROUP:
        entry = left.at(name)
        assert entry is not None
        assert (entry.available, entry.checksum, entry.verified) == (True, "md5:00", "checksum")
        assert entry.id == "drive-7"


def test_a_missing_file_is_wanted_again_at_all_alternatives() -> None:
    sites = available("studio", "vendor", "vendor_web")

    left = after(judge(meaning(*sites), NOTHING), "restore", document(*sites))

    assert left.holders == {"studio"}
    assert left.names == {"studio", "vendor", "vendor_web"}


def test_a_missing_file_that_may_be_forgotten_has_no_entry_any_more() -> None:
    sites = available("studio", "vendor", "vendor_web")

    left = after(judge(meaning(*sites), NOTHING), "forget", document(*sites))

    assert left.names == {"studio"}


def test_the_only_known_copy_is_wanted_and_never_forgotten() -> None:
    sites = available("vendor", "vendor_web")

    left = after(judge(meaning(*sites), NOTHING), "forget", document(*sites))

    assert (left.names, left.holders) == (GROUP, frozenset())


@pytest.mark.parametrize("on_missing", ["restore", "forget"])
def test_a_drifted_file_is_no_copy_and_is_not_sent_over(on_missing: OnMissing) -> None:
    sites = available("studio", "vendor", "vendor_web")

    left = after(judge(meaning(*sites), Look(Facts(63))), on_missing, document(*sites))

    assert left.holders == {"studio"}
    for name in GROUP:
        entry = left.at(name)
        assert entry is not None
        assert TOPOLOGY.failed(entry)
        assert "63 bytes" in (entry.error or "")


@pytest.mark.parametrize("look", [NOTHING, Look(Facts(63))])
def test_where_missing_files_are_only_reported_nothing_is_written(look: Look) -> None:
    verdict = judge(meaning(*available("vendor")), look)

    assert verdict is not None
    assert edits_of(verdict, "report") == []


def all_meanings(representation: Representation, topology: Topology) -> Iterator[Meaning]:
    for path, named in named_files([representation]).items():
        for site in sorted(SITES):
            yield from meanings_of(Location(*parse_path(path)), site, named, topology)


@given(REPRESENTATIONS, TOPOLOGIES, LOOKS, POLICIES)
def test_whatever_documents_hold_verdicts_keep_the_promise(
    told: Document, topology: Topology, look: Look, on_missing: OnMissing
) -> None:
    """Nothing becomes available without proof, and nothing stays so that is not there."""
    representation = parse_representation(PROJECT, told)
    for found in all_meanings(representation, topology):
        verdict = judge(found, look)
        edits = edits_of(verdict, on_missing) if verdict else []
        edited = parse_representation(PROJECT, carried_out(told, edits, PAST))
        for ref in found.variant.files:
            before = representation.files[ref.position].holders & found.group
            now = edited.files[ref.position].holders & found.group
            if now - before:
                assert look.facts is not None
                assert look.proof is not None
                assert look.wrong is None
                assert found.variant.size in (None, look.facts.size)
            if verdict and verdict.word in ("missing", "drifted") and on_missing != "report":
                assert not now
            if verdict is None or verdict.word in ("right", "doubtful") or on_missing == "report":
                assert now >= before
            if verdict and verdict.word == "drifted" and on_missing != "report":
                left = [edited.files[ref.position].at(name) for name in found.group]
                assert all(topology.failed(entry) for entry in left if entry)


@given(REPRESENTATIONS, TOPOLOGIES, LOOKS, POLICIES)
def test_a_verdict_that_was_written_is_not_passed_again(
    told: Document, topology: Topology, look: Look, on_missing: OnMissing
) -> None:
    """Events tell of our own writes: what follows from them must be nothing."""
    for found in all_meanings(parse_representation(PROJECT, told), topology):
        verdict = judge(found, look)
        edits = edits_of(verdict, on_missing) if verdict else []
        edited = carried_out(told, edits, PAST)
        for again in all_meanings(parse_representation(PROJECT, edited), topology):
            if set(again.variant.files) & set(found.variant.files) and again.group == found.group:
                second = judge(again, look)
                assert not edits or not second or not edits_of(second, on_missing)

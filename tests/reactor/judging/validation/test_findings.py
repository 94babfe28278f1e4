"""What a pass finds is counted, and memory stays bounded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.base import Facts, Listed, Location
from reactor.jobs import Variant
from reactor.judging.merging import Stretch
from reactor.judging.validation.findings import SHOWN, Finding, Findings, Unknown, what_of
from reactor.judging.verdicts import Look, Meaning, Verdict, Word
from reactor.proof import Proof


def listed(path: str, size: int = 1) -> Listed:
    return Listed(Location("work", path), Facts(size))


def verdict(word: Word, facts: Facts | None = None, proof: Proof | None = None) -> Verdict:
    variant = Variant("h", 64, None, (), (), (), frozenset())
    group = frozenset({"vendor"})
    meaning = Meaning("{root}/a", Location("", "a"), group, variant, True, False, False, 3)  # noqa: FBT003 - in order
    return Verdict(word, meaning, Look(facts, proof))


@pytest.mark.parametrize(
    ("word", "facts", "what"),
    [
        ("found", Facts(64), "found"),
        ("missing", None, "missing"),
        ("doubtful", Facts(64), "doubtful"),
        ("drifted", Facts(63), "truncated"),
        ("drifted", Facts(65), "grown"),
        ("drifted", Facts(64), "rotten"),
    ],
)
def test_rot_is_told_from_truncation(word: Word, facts: Facts | None, what: str) -> None:
    assert what_of(verdict(word, facts)) == what


def test_of_a_million_unknown_files_the_first_are_kept() -> None:
    unknown = Unknown()
    for start in range(0, 1_000_000, 1_000):
        unknown.add(listed(f"{start:07}") for _ in range(1_000))

    assert (unknown.files, unknown.size, len(unknown.shown)) == (1_000_000, 1_000_000, SHOWN)


def test_of_each_kind_of_difference_the_first_are_kept() -> None:
    findings = Findings()
    for number in range(2 * SHOWN):
        findings.add(Finding("missing", "Show", str(number)))
    findings.add(Finding("found", "Show", "last"))

    assert findings.counts == {"missing": 2 * SHOWN, "found": 1}
    assert len(findings.shown) == SHOWN + 1


def test_files_that_are_known_after_all_are_dropped() -> None:
    unknown = Unknown()
    unknown.add([listed("a", 5), listed("b", 6)])

    unknown.drop([listed("b", 6)])

    assert (unknown.files, unknown.size, unknown.shown) == (1, 5, [listed("a", 5)])


def test_a_file_that_is_back_is_right() -> None:
    findings = Findings()
    findings.note("Show", verdict("missing"), deep=False)

    findings.take_back("Show", "{root}/a")

    assert (findings.right, findings.shown, +findings.counts) == (1, [], {})


@pytest.mark.parametrize(
    ("deep", "proof", "unproved"),
    [(True, None, 1), (True, Proof("checksum", "md5:00"), 0), (False, None, 0)],
)
def test_what_reading_did_not_prove_is_counted(
    proof: Proof | None, unproved: int, *, deep: bool
) -> None:
    findings = Findings()

    findings.note("Show", verdict("right", Facts(64), proof), deep=deep)

    assert (findings.right, findings.unproved) == (1, unproved)


def test_counts_survive_an_interruption() -> None:
    before = Findings(unproved=1, marked=2, proved=3, reset=4)
    before.pass_by(Stretch("", 10, 100, 7, [], [listed("a", 9)]))
    before.add(Finding("missing", "Show", "a"))
    after = Findings()

    kept: dict[str, Any] = json.loads(json.dumps(before.as_document()))
    after.go_on_from(kept)

    assert after.as_document() == before.as_document()
    assert (after.files, after.right, after.unknown.files) == (10, 7, 1)

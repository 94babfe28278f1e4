"""What goes together: all of it once, no more files than a site takes, no more bytes than memory has."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from providers.small import SMALL
from reactor.bundling import BUNDLE_BYTES, Started, bundles, share
from reactor.scheduler import Running
from reactor.transfer import Transfer

SIZES = st.lists(st.integers(0, SMALL + 10) | st.sampled_from([0, 64 * 1024, SMALL, SMALL + 1]))


@dataclass(frozen=True)
class Way:
    """A transfer, as far as bundles look at it."""

    relay_source: object


def started(size: int, relayed: str = "") -> Started:
    running = SimpleNamespace(job=SimpleNamespace(size=size))
    way = Way(SimpleNamespace(label=relayed) if relayed else None)
    return Started(cast("Running", running), cast("Transfer", way))


def bytes_of(bundle: object) -> list[int]:
    return [one.running.job.size for one in cast("list[Started]", bundle)]


@given(SIZES, st.integers(1, 40))
def test_each_goes_once_and_no_bundle_is_too_large(sizes: list[int], most: int) -> None:
    found = [bytes_of(bundle) for bundle in bundles([started(size) for size in sizes], most)]

    assert sorted(size for bundle in found for size in bundle) == sorted(sizes)
    assert all(1 <= len(bundle) <= most for bundle in found)
    assert all(len(bundle) == 1 or sum(bundle) <= BUNDLE_BYTES for bundle in found)
    assert all(len(bundle) == 1 or max(bundle) <= SMALL for bundle in found)


@given(SIZES, st.integers(1, 40))
def test_small_files_are_kept_together_as_far_as_may_be(sizes: list[int], most: int) -> None:
    small = [size for size in sizes if size <= SMALL]
    found = [bytes_of(bundle) for bundle in bundles([started(size) for size in small], most)]

    for bundle, following in pairwise(found):
        assert len(bundle) == most or sum(bundle) + following[0] > BUNDLE_BYTES


def test_what_comes_from_different_remote_sites_goes_apart() -> None:
    mixed = [started(1), started(2, "drive"), started(3), started(4, "drive")]

    assert [bytes_of(bundle) for bundle in bundles(mixed, 8)] == [[1, 3], [2, 4]]


@given(st.lists(st.integers(0, SMALL), min_size=1), st.integers(1, 40))
def test_the_shares_of_a_full_bundle_come_to_a_transfer(sizes: list[int], most: int) -> None:
    made = [bytes_of(bundle) for bundle in bundles([started(size) for size in sizes], most)]

    for bundle in made[:-1]:
        assert sum(share(size, most) for size in bundle) >= 1 - share(SMALL, most)
    assert share(SMALL + 1, most) == 1.0

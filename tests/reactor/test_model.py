"""Alternatives, what a process serves, and where it may bring a file from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reactor.model import Entry, File, Topology, groups_of, source_hash
from tests.reactor.studio_documents import SITES, TOPOLOGIES

_NAMES = st.sampled_from("abcdefgh")
_ALTERNATIVES = st.dictionaries(_NAMES, st.lists(_NAMES, max_size=3))


def topology(
    *served: str, alternatives: Mapping[str, Sequence[str]], reachable: str = ""
) -> Topology:
    known = {name: alternatives.get(name, ()) for name in ("own", "far", "web", "third", "twin")}
    reached = frozenset(reachable.split() or known)
    return Topology("Bunny", "own", ("own", *served), known, reached)


def available(*sites: str, file_hash: str | None = None) -> File:
    entries = tuple(Entry(site, available=True) for site in sites)
    return File(0, "f", "{root}/a", 1, file_hash, entries)


@given(_ALTERNATIVES)
def test_alternatives_are_symmetric_and_transitive(alternatives: dict[str, list[str]]) -> None:
    groups = groups_of(alternatives)

    for site, others in alternatives.items():
        assert {site, *others} <= groups[site]
    for group in groups.values():
        assert all(groups[member] == group for member in group)


@given(_ALTERNATIVES)
def test_only_what_the_settings_connect_is_alternative(alternatives: dict[str, list[str]]) -> None:
    named = {frozenset((site, other)) for site, others in alternatives.items() for other in others}
    for group in groups_of(alternatives).values():
        reached = {min(group)}
        for _ in group:
            reached |= {name for pair in named if pair & reached for name in pair}

        assert reached == group


@given(_ALTERNATIVES, st.permutations("abcdefgh"))
def test_the_order_of_the_settings_does_not_matter(
    alternatives: dict[str, list[str]], order: list[str]
) -> None:
    shuffled = {site: alternatives[site] for site in order if site in alternatives}

    assert groups_of(shuffled) == groups_of(alternatives)


def test_a_cycle_and_a_site_naming_itself_are_harmless() -> None:
    groups = groups_of({"a": ["b"], "b": ["c"], "c": ["a", "c"], "d": ["d"]})

    assert groups["a"] == groups["b"] == groups["c"] == {"a", "b", "c"}
    assert groups["d"] == {"d"}


def test_an_unknown_site_is_its_own_only_alternative() -> None:
    served = topology(alternatives={})

    assert served.alternatives_of("stranger") == {"stranger"}
    assert "stranger" not in served.known


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=4))
def test_of_duplicate_entries_a_wanted_one_speaks_for_all(
    duplicates: list[tuple[bool, bool]],
) -> None:
    entries = tuple(Entry("far", available=here, paused=other) for here, other in duplicates)
    file = File(0, "f", "{root}/a", 1, None, entries)

    assert file.available_at("far") == all(here for here, _ in duplicates)


def test_an_entry_made_from_other_bytes_is_not_available() -> None:
    entry = Entry("far", available=True, source_hash=source_hash("a|1|1"))

    assert File(0, "f", "{root}/a", 1, "a|1|1", (entry,)).available_at("far")
    assert not File(0, "f", "{root}/a", 1, "a|2|1", (entry,)).available_at("far")


def test_an_entry_without_a_source_hash_is_believed() -> None:
    assert available("far", file_hash="a|2|1").available_at("far")


def test_a_group_is_stood_for_by_its_first_served_and_reachable_site() -> None:
    alternatives = {"far": ["web", "third"]}

    both = topology("web", "far", alternatives=alternatives)
    assert both.destination("third") == "web"

    without = topology("web", "far", alternatives=alternatives, reachable="own far third")
    assert without.destination("third") == "far"


def test_a_site_that_is_not_served_has_no_destination() -> None:
    assert topology("far", alternatives={}).destination("third") is None


def test_a_file_comes_to_the_own_site_from_any_site_that_is_reached() -> None:
    served = topology("far", alternatives={}, reachable="own far third")

    assert served.sources(available("web", "third", "far"), "own") == ["far", "third"]


def test_a_file_goes_elsewhere_only_from_the_own_site() -> None:
    served = topology("far", alternatives={})

    assert served.sources(available("third", "web"), "far") == []
    assert served.sources(available("third", "own"), "far") == ["own"]


def test_an_alternative_of_the_own_site_is_as_good_as_the_own_site() -> None:
    served = topology("far", alternatives={"own": ["twin"]})

    assert served.sources(available("twin"), "far") == ["twin"]


def test_the_own_site_is_the_first_choice() -> None:
    served = topology("far", alternatives={"own": ["twin"]})

    assert served.sources(available("twin", "own"), "far") == ["own", "twin"]


def test_a_site_of_the_destinations_group_comes_last_and_only_once() -> None:
    served = topology("far", alternatives={"far": ["web", "third"]})

    assert served.sources(available("web", "third", "own"), "far") == ["own", "third"]


def test_a_process_that_relays_brings_files_from_one_served_site_to_another() -> None:
    relaying = topology("far", "third", alternatives={}).relaying()

    assert relaying.sources(available("third"), "far") == ["third"]
    assert relaying.sources(available("far"), "third") == ["far"]
    assert relaying.sources(available("third", "own"), "far") == ["own", "third"]


def test_a_process_that_relays_brings_nothing_from_a_site_that_it_does_not_serve() -> None:
    relaying = topology("far", alternatives={"far": ["web"]}).relaying()

    assert relaying.sources(available("third"), "far") == []
    assert relaying.sources(available("third"), "own") == ["third"]


def test_an_alternative_of_a_served_site_is_as_good_to_relay_from() -> None:
    relaying = topology("far", "third", alternatives={"third": ["web"]}).relaying()

    assert relaying.sources(available("web"), "far") == ["web"]


def test_a_pass_over_one_site_still_relays_to_it() -> None:
    narrowed = topology("far", "third", alternatives={}).relaying().only(frozenset({"far"}))

    assert narrowed is not None
    assert narrowed.sources(available("third"), "far") == ["third"]
    assert narrowed.destination("third") is None


def test_a_process_without_its_own_site_serves_if_it_relays_between_two_others() -> None:
    away = topology("far", "third", alternatives={}, reachable="far third")
    twins = topology("far", "web", alternatives={"far": ["web"]}, reachable="far web")

    assert not away.is_serving
    assert away.relaying().is_serving
    assert not twins.relaying().is_serving
    assert not topology("far", alternatives={}, reachable="far").relaying().is_serving


_SETS = st.frozensets(st.sampled_from(SITES))


@given(TOPOLOGIES, _SETS, st.sampled_from(SITES))
def test_relaying_adds_sources_between_two_other_served_sites_and_nothing_else(
    drawn: Topology, holders: frozenset[str], destination: str
) -> None:
    plain, relaying = replace(drawn, relays=frozenset()), drawn.relaying()
    file = available(*sorted(holders))

    before = plain.sources(file, destination)
    after = relaying.sources(file, destination)

    added = [site for site in after if site not in before]
    assert [site for site in after if site not in added] == before
    for site in added:
        assert not relaying.is_own(site)
        assert not relaying.is_own(destination)
        assert site in relaying.together(relaying.served) & relaying.reachable


def test_an_entry_has_failed_when_its_tries_are_used_up() -> None:
    served = topology(alternatives={})

    assert [served.failed(Entry("far", tries=tries)) for tries in (2, 3, 4)] == [False, True, True]
    assert not served.failed(Entry("far", available=True, tries=9))


def test_a_source_hash_has_16_digits_and_tells_hashes_apart() -> None:
    digests = [source_hash(text) for text in ("a|1|1", "a|2|1", "")]

    assert [len(digest) for digest in digests] == [16, 16, 16]
    assert all(one != other for one, other in pairwise(digests))
    assert source_hash(None) == source_hash("")

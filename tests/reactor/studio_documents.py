"""
Documents as studios have them, and as nobody should: hypothesis strategies.

Each mixes what OpenPype writes, what its accidents leave behind, and plain junk.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from reactor.model import Topology, source_hash

PROJECT = "Bunny"
SITES = ("studio", "vendor", "vendor_web", "drive", "artist")
STRANGER = "stranger"  # another machine's own site: not in the settings
PAST = datetime(2024, 3, 5, 12, 30, tzinfo=UTC)
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)

Document = dict[str, Any]

HASHES = ("x_v003,exr|1709641800,25|64", "x_v003,exr|1709728200,5|64")

_JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, 7, -1.5, True, "text", [], [1], [{"name": "studio"}], {}, {"i": 3}, {"name": None}]
)
_NUMBERS = st.sampled_from([0, 1, 2, 3, 9, 2.5, True, "3", None])

_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "created_dt": st.sampled_from([PAST, PAST, PAST, None]),
    "paused": st.sampled_from([True, False, None]),
    "tries": _NUMBERS,
    "priority": _NUMBERS,
    "progress": st.sampled_from([0.25, 1, "half"]),
    "error": st.sampled_from(["no such file", 5, "its path is empty (null)"]),
    "retry_at": st.sampled_from([PAST, FUTURE, "soon"]),
    "last_failed_dt": st.just(PAST),
    "checksum": st.just("xxh128:00"),
    "verified": st.sampled_from(["checksum", "size", 5]),
    "source_hash": st.sampled_from([*map(source_hash, (*HASHES, None)), 5]),
    "id": st.sampled_from(["drive-id", 5]),
    "someone_elses": st.just({"kept": [1, {"as": "is"}]}),
}


def _some_of(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Document]:
    """Few of the fields at a time: with all of them, nothing would ever be simply wanted."""
    keys = st.lists(st.sampled_from(sorted(fields)), max_size=4, unique=True)
    return keys.flatmap(lambda chosen: st.fixed_dictionaries({key: fields[key] for key in chosen}))


def _entry(name: str, facts: Document) -> Document:
    return {"name": name, **facts}


def _available(name: str) -> Document:
    return {"name": name, "created_dt": PAST}


def _representation(files: object) -> Document:
    return {"_id": "r1", "type": "representation", "name": "exr", "files": files}


_FACTS = _some_of(_FIELDS)
_NAMES = st.sampled_from([*SITES, STRANGER])
_ENTRIES = st.builds(_entry, _NAMES, _FACTS)
_SITE_LISTS = st.lists(st.one_of(_ENTRIES, _ENTRIES, _ENTRIES, _ENTRIES, _JUNK), max_size=6)
_CLEAN_LISTS = st.lists(_ENTRIES, max_size=6)
_SETTLED_LISTS = st.lists(st.builds(_available, _NAMES), max_size=5)
_MAPPINGS = st.dictionaries(_NAMES, st.one_of(_FACTS, _JUNK), max_size=4)

PATHS = ("{root[work]}/shots/x_v003.1001.exr", "{root[work]}/shots/x_v003.1002.exr", "{root}/a.ma")
_PATHS = st.one_of(
    st.sampled_from(PATHS),
    st.sampled_from(PATHS),
    st.sampled_from(["/etc/passwd", "{root[work]}/../secret", "{root[work]}/{frame}", "", 5, None]),
)

FILES: st.SearchStrategy[Document] = st.fixed_dictionaries(
    {
        "path": _PATHS,
        "sites": st.one_of(
            *(_CLEAN_LISTS, _CLEAN_LISTS, _SETTLED_LISTS, _SETTLED_LISTS),
            *(_SITE_LISTS, _MAPPINGS, _JUNK),
        ),
    },
    optional={
        "_id": st.sampled_from(["f1", "f2", 3, None]),
        "hash": st.sampled_from([*HASHES, *HASHES, None, 5]),
        "size": st.sampled_from([64, 64, 64.0, None, -1, "64", True]),
        "someone_elses": st.just([{"name": "vendor"}]),
    },
)

REPRESENTATIONS: st.SearchStrategy[Document] = st.builds(
    _representation,
    st.one_of(
        st.lists(FILES, min_size=1, max_size=3),
        st.lists(st.one_of(FILES, _JUNK), max_size=3),
        _JUNK,
    ),
)


def _topology(
    sites: tuple[str, list[str], list[str]],
    alternatives: dict[str, list[str]],
    reachable: frozenset[str],
    retry_count: int,
    relays: bool,  # noqa: FBT001 - drawn
) -> Topology:
    own, remote, always = sites
    plain = Topology(
        project=PROJECT,
        own=own,
        served=tuple(dict.fromkeys((own, *remote, *always))),
        alternatives={site: alternatives.get(site, []) for site in SITES},
        reachable=reachable | {own},
        always=tuple(always),
        retry_count=retry_count,
        problems={site: f"{site} cannot be served" for site in SITES[-2:] if site not in reachable},
    )
    return plain.relaying() if relays else plain


_KNOWN = st.sampled_from(SITES)

# What the settings may say: any alternatives, any remote sites, some out of reach.
TOPOLOGIES: st.SearchStrategy[Topology] = st.builds(
    _topology,
    st.tuples(_KNOWN, st.lists(_KNOWN, max_size=1), st.lists(_KNOWN, max_size=2, unique=True)),
    st.dictionaries(_KNOWN, st.lists(_KNOWN, max_size=2), max_size=3),
    st.frozensets(_KNOWN),
    st.integers(1, 4),
    st.booleans(),
)

"""What is made of the studio's documents, and that nothing in them can do harm."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reactor.documents import (
    PathError,
    RootPath,
    parse_entry,
    parse_path,
    parse_representation,
    published_mtime_ns,
)
from reactor.model import File, source_hash
from tests.reactor.studio_documents import REPRESENTATIONS

Document = dict[str, Any]

_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.datetimes()
)
_KEYS = st.sampled_from(
    ["files", "path", "sites", "name", "tries", "size", "hash", "i", "f", "_id"]
)
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=5),
    max_leaves=25,
)
_PIECES = st.sampled_from(
    [
        "{root",
        "[work]",
        "}",
        "/",
        "..",
        ".",
        "a",
        "{",
        "\\",
        "\0",
        "//",
        "C:",
        " ",
        "\n",
        "%2e",
        "é",
    ]
)
_ROOTS = st.sampled_from(["{root[work]}/", "{root}/", ""])


def parsed(element: object) -> File:
    return parse_representation("Bunny", {"_id": 1, "files": [element]}).files[0]


def parsed_sites(sites: object) -> File:
    return parsed({"path": "{root}/a", "sites": sites})


@given(st.dictionaries(_KEYS, _ANYTHING, max_size=4))
def test_no_document_is_too_odd_to_be_parsed(document: Document) -> None:
    representation = parse_representation("Bunny", document)

    assert representation.flaw or len(representation.files) == len(document["files"])


@given(_ANYTHING)
def test_no_element_of_files_is_too_odd_to_be_parsed(element: object) -> None:
    file = parsed(element)

    assert file.flaw or file.path


@given(REPRESENTATIONS)
def test_wrapped_elements_are_the_same_as_plain_ones(document: Document) -> None:
    # An element that happens to look wrapped is not told apart from one that is.
    assume(isinstance(document["files"], list) and {"i": 3} not in document["files"])
    files = cast("list[object]", document["files"])
    wrapped: Document = {**document, "files": [{"i": i, "f": f} for i, f in enumerate(files)]}

    assert parse_representation("Bunny", wrapped) == parse_representation("Bunny", document)


def test_a_wrapped_element_has_its_own_position() -> None:
    assert parsed({"i": 4711, "f": {"path": "{root}/a"}}).position == 4711


@given(st.builds("{}{}".format, _ROOTS, st.lists(_PIECES, max_size=6).map("".join)))
def test_no_path_leaves_its_root(text: str) -> None:
    try:
        root, path = parse_path(text)
    except PathError:
        return

    assert text.startswith(f"{{root[{root}]}}/" if root else "{root}/")
    assert not PurePosixPath(path).is_absolute()
    assert ".." not in path.split("/")
    assert path == str(PurePosixPath(path))
    assert not {"\\", "\0", "{", "}"} & set(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{root[work]}/Show/x.exr", RootPath("work", "Show/x.exr")),
        ("{root}/Show/x.exr", RootPath("", "Show/x.exr")),
        ("{root[work]}/Show//./x.exr", RootPath("work", "Show/x.exr")),
        ("{root[my work]}/…/ß x.exr", RootPath("my work", "…/ß x.exr")),
    ],
)
def test_the_two_forms_of_a_path_are_accepted(text: str, expected: RootPath) -> None:
    assert parse_path(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "/mnt/projects/x.exr",
        "x.exr",
        "{root[work]}x.exr",
        "{root[work]}/",
        "{root[work]}/.",
        "{root[]}/x.exr",
        "{root[a][b]}/x.exr",
        "{root.work}/x.exr",
        "{root[work]!r}/x.exr",
        "{frame}/x.exr",
        "{root[work]}/{frame}.exr",
        "{root[work]}/../x.exr",
        "{root[work]}/a/..",
        "{root[work]}/a\\..\\..\\x.exr",
        "{root[work]}/a\0.exr",
        "{root[../other]}/x.exr",
        " {root}/x.exr",
    ],
)
def test_every_other_path_is_refused(text: str) -> None:
    with pytest.raises(PathError):
        parse_path(text)


@given(st.integers(0, 2**32 * 1_000_000))
def test_a_publishers_mtime_is_read_to_the_microsecond(microseconds: int) -> None:
    mtime = microseconds / 1_000_000
    file_hash = "|".join(["x_v003.exr", str(mtime), "64"]).replace(".", ",")
    if "e" in str(mtime):
        assert published_mtime_ns(file_hash) is None
        return

    read = published_mtime_ns(file_hash)

    assert read is not None
    assert abs(read - microseconds * 1000) < 1000
    assert math.isclose(read / 1e9, mtime, abs_tol=1e-6)


@pytest.mark.parametrize(
    ("file_hash", "expected"),
    [
        ("x|1709641800|64", 1709641800_000_000_000),
        ("x|1709641800,25|64", 1709641800_250_000_000),
        ("a|b|1709641800,0000001|64", 1709641800_000_000_100),
        ("x|1709641800,1234567891|64", 1709641800_123_456_789),
        ("x|-1,5|64", None),
        ("x|1,5e+20|64", None),
        ("x|1709641800", None),
        ("d41d8cd98f00b204e9800998ecf8427e", None),
        ("", None),
        (None, None),
    ],
)
def test_only_the_publishers_form_tells_an_mtime(
    file_hash: str | None, expected: int | None
) -> None:
    assert published_mtime_ns(file_hash) == expected


@pytest.mark.parametrize("tries", [-7, float("nan"), float("inf"), True, "3", None, [3], -math.inf])
def test_tries_that_are_no_number_count_as_absent(tries: object) -> None:
    assert parse_entry({"name": "studio", "tries": tries}).tries == 0


def test_whole_numbers_may_be_written_as_floats() -> None:
    entry = parse_entry({"name": "studio", "tries": 2.0, "priority": 70.0, "progress": 1})

    assert (entry.tries, entry.priority, entry.progress) == (2, 70, 1.0)
    assert parsed({"path": "{root}/a", "size": 64.0}).size == 64


def test_a_null_date_means_wanted() -> None:
    assert not parse_entry({"name": "studio", "created_dt": None}).available
    assert parse_entry({"name": "studio", "created_dt": datetime.now(UTC)}).available


@pytest.mark.parametrize(("paused", "expected"), [(True, True), (False, False), (None, False)])
def test_an_entry_is_paused_where_it_says_so(paused: object, expected: bool) -> None:  # noqa: FBT001 - a row
    assert parse_entry({"name": "studio", "paused": paused}).paused is expected


def test_a_date_without_a_zone_is_utc() -> None:
    naive = datetime(2024, 1, 1)  # noqa: DTZ001 - as a client that is not aware reads it

    assert parse_entry({"name": "studio", "retry_at": naive}).retry_at == naive.replace(tzinfo=UTC)


def test_the_old_mapping_is_read() -> None:
    file = parsed_sites({"studio": {"created_dt": 1, "name": "other"}, "vendor": None})

    assert file.legacy
    assert [(entry.name, entry.available) for entry in file.entries] == [
        ("studio", True),
        ("vendor", False),
    ]
    assert file.flaw is None


@pytest.mark.parametrize("site", [None, 5, "studio", [{"name": "studio"}], {}, {"name": None}])
def test_an_odd_element_among_sites_is_a_flaw_and_hides_no_other(site: object) -> None:
    file = parsed_sites([site, {"name": "vendor"}])

    assert file.flaw is not None
    assert "sites[0]" in file.flaw
    assert [entry.name for entry in file.entries] == ["vendor"]


@pytest.mark.parametrize("sites", [5, "studio", True])
def test_sites_that_are_no_list_are_a_flaw(sites: object) -> None:
    assert parsed_sites(sites).flaw


def test_missing_sites_are_no_flaw() -> None:
    assert parsed_sites(None).flaw is None


def test_duplicate_entries_are_odd_but_no_flaw() -> None:
    file = parsed_sites([{"name": "vendor"}, {"name": "studio"}, {"name": "vendor"}])

    assert file.flaw is None
    assert file.oddity == "several entries for site vendor"


@pytest.mark.parametrize("size", [-1, "64", True, math.nan, [64]])
def test_a_size_that_is_no_number_of_bytes_is_a_flaw(size: object) -> None:
    file = parsed({"path": "{root}/a", "size": size})

    assert file.flaw is not None
    assert repr(size) in file.flaw


@pytest.mark.parametrize("element", [None, 5, [], [{"path": "{root}/a"}], "text", True])
def test_an_odd_element_among_files_is_a_flaw_of_that_one(element: object) -> None:
    good: Document = {"path": "{root}/a", "sites": []}

    files = parse_representation("Bunny", {"_id": 1, "files": [element, good]}).files

    assert "files[0]" in (files[0].flaw or "")
    assert files[1].flaw is None


@pytest.mark.parametrize("files", [None, 5, {}, "text"])
def test_a_document_without_a_list_of_files_says_so(files: object) -> None:
    representation = parse_representation("Bunny", {"_id": 1, "files": files})

    assert representation.flaw
    assert representation.files == ()


def test_a_document_whose_id_names_nothing_is_not_touched() -> None:
    representation = parse_representation("Bunny", {"_id": {"a": 1}, "files": [{}]})

    assert representation.flaw
    assert representation.files == ()


def test_a_hash_that_is_no_text_counts_as_absent() -> None:
    assert parsed({"path": "{root}/a", "hash": 5}).hash is None


def test_an_entry_remembers_what_it_was_made_from() -> None:
    entry = parse_entry({"name": "studio", "created_dt": 1, "source_hash": source_hash("h")})

    assert not entry.stale("h")
    assert entry.stale("other")

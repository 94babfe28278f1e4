"""Reading TOML: every key's line, and what is wrong with a file that is not TOML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from config.errors import SettingsError
from config.toml_file import key_lines, read_table

_TEXT = '''\
# a comment
enabled = true

[sites.vendor]  # another
host = "h"
root.work = "/upload"
"quoted.key" = { inner = 1, deep = { er = 2 } }
notes = """
[sites.fake]
host = "not this one"
"""
alternative_sites = [
    "studio",
    "web",
]
[projects."My Show"]
sites.vendor.root = { work = "/x" }
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("enabled",), 2),
        (("sites", "vendor"), 4),
        (("sites", "vendor", "host"), 5),
        (("sites", "vendor", "root", "work"), 6),
        (("sites", "vendor", "quoted.key", "deep", "er"), 7),
        (("sites", "vendor", "notes"), 8),
        (("sites", "vendor", "alternative_sites"), 12),
        (("projects", "My Show"), 16),
        (("projects", "My Show", "sites", "vendor", "root", "work"), 17),
    ],
)
def test_a_key_has_the_line_on_which_it_is_written(path: tuple[str, ...], line: int) -> None:
    assert key_lines(_TEXT)[path] == line


def test_what_stands_in_a_string_is_no_key() -> None:
    assert ("sites", "fake") not in key_lines(_TEXT)


_KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=5)
_TABLES = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.text(max_size=8), st.lists(st.text(max_size=3))),
    lambda inner: st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)


def _leaves(table: dict[str, object]) -> Iterator[tuple[str, ...]]:
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from ((key, *path) for path in _leaves(cast("dict[str, object]", value)))
        else:
            yield (key,)


@given(data=st.dictionaries(_KEYS, _TABLES, max_size=4), multiline=st.booleans())
def test_every_key_has_the_line_that_begins_its_statement(
    *, data: dict[str, object], multiline: bool
) -> None:
    text = tomli_w.dumps(data, multiline_strings=multiline)
    written = text.split("\n")

    lines = key_lines(text)

    for path in _leaves(data):
        assert tomli_w.dumps({path[-1]: 0}).removesuffix(" = 0\n") in written[lines[path] - 1]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a = 1\nb\n", 2, "Expected '='"),
        ('[sites.studio]\nroot = "P:\\projects"\n', 2, "write paths with /"),
        ("a = 1\n\na = 2\n", 3, "given twice"),
        ("[machine]\nx = 1\n[machine]\n", 3, "twice"),
    ],
)
def test_a_file_that_is_no_toml_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, why: str
) -> None:
    file = tmp_path / "sitesync.toml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(SettingsError) as raised:
        read_table(file)

    assert str(raised.value).startswith(f"{file}:{line}: is not valid TOML: ")
    assert why in str(raised.value)


def test_a_mark_before_the_text_is_no_part_of_it(tmp_path: Path) -> None:
    file = tmp_path / "sitesync.toml"
    file.write_bytes(b"\xef\xbb\xbfenabled = false\r\n")

    assert list(read_table(file).entries) == ["enabled"]


def test_a_file_in_another_encoding_is_told_so(tmp_path: Path) -> None:
    file = tmp_path / "sitesync.toml"
    file.write_bytes("name = 'Bär'".encode("latin-1"))

    with pytest.raises(SettingsError, match="save it as UTF-8"):
        read_table(file)


def test_a_file_that_is_a_folder_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_table(tmp_path)

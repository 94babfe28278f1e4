"""A TOML file as a table whose keys know their lines."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import cast

from config.errors import SettingsError
from config.tables import NOTHING, KeyPath, Source, Table, table_of

_WHERE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

_DEEPEST = 50

_WORDS = {
    "Cannot overwrite a value": "a key is given twice",
    "Unescaped '\\' in a string": "a \\ in quotes; write paths with / or in 'single quotes'",
    "Invalid hex value": "a \\ in quotes; write paths with / or in 'single quotes'",
}


class NoFileError(SettingsError):
    """A settings file that should be there is not."""


def read_table(file: Path) -> Table:
    """Return what a file holds; `SettingsError` if it cannot be read or is not TOML."""
    text = read_text(file)
    try:
        data = tomllib.loads(text)
        _refuse_depth(file, data)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([_syntax_error(file, text, str(error))]) from None
    except RecursionError:
        raise _too_deep(file) from None
    return table_of(data, Source(str(file), file.parent, key_lines(text)))


def read_table_if_any(file: Path) -> Table:
    """Return what a file holds, nothing where it is not there; `SettingsError` as `read_table`."""
    try:
        return read_table(file)
    except NoFileError:
        return NOTHING


def read_text(file: Path) -> str:
    """Return a file's text, without the mark that some Windows editors put before it."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        kind = NoFileError if isinstance(error, FileNotFoundError) else SettingsError
        raise kind([f"{file}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{file}: is not UTF-8 text; save it as UTF-8"]) from None
    except ValueError:  # a zero byte in its name
        raise SettingsError([f"{str(file)!r} cannot be a file's name"]) from None


def _refuse_depth(file: Path, data: object, left: int = _DEEPEST) -> None:
    """Refuse tables in tables, or lists in lists, that go deeper than any settings do."""
    if not left:
        raise _too_deep(file)
    within: Iterable[object] = ()
    if isinstance(data, dict):
        within = cast("dict[str, object]", data).values()
    elif isinstance(data, list):
        within = cast("list[object]", data)
    for one in within:
        _refuse_depth(file, one, left - 1)


def _too_deep(file: Path) -> SettingsError:
    return SettingsError([f"{file}: has tables or lists more than {_DEEPEST} deep in each other"])


def _syntax_error(file: Path, text: str, message: str) -> str:
    where = _WHERE.search(message)
    line = int(where[1]) if where and where[1] else len(text.splitlines())
    bare = _WHERE.sub("", message)
    return f"{file}:{line}: is not valid TOML: {_WORDS.get(bare, bare)}"


def key_lines(text: str) -> dict[KeyPath, int]:
    """
    Return the line on which each key of a valid TOML text is written first.

    Keys inside an inline table have the line on which its statement begins.
    """
    lines: dict[KeyPath, int] = {}
    header: KeyPath = ()
    for number, statement in _statements(text):
        paths = list(_paths(tomllib.loads(statement)))
        if paths and statement.lstrip().startswith("["):
            header = paths[-1]
            lines.setdefault(header, number)
        else:
            lines.update({(*header, *path): number for path in paths})
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each statement with its first line: the fewest lines that are TOML by themselves."""
    begun, first = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        begun += line + "\n"
        with suppress(tomllib.TOMLDecodeError):
            tomllib.loads(begun)
            yield first, begun
            begun, first = "", number + 1


def _paths(table: Mapping[str, object]) -> Iterator[KeyPath]:
    """Yield the key paths of a table, an outer one before those within."""
    for key, value in table.items():
        yield (key,)
        if isinstance(value, dict):
            for path in _paths(cast("dict[str, object]", value)):
                yield (key, *path)

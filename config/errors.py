"""
What is wrong with the settings, in an artist's words and all at once.

No text in here may hold a value that somebody wrote: it could be a password.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # completion of words waits for no import of it
    from pydantic_core import ErrorDetails

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")

_WORDS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "byte_size": 'must be a number of bytes or a size like "20MiB"',
    "byte_size_unit": 'must be a number of bytes or a size like "20MiB"',
    "dict_type": "must be a table",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "greater_than": "must be greater than {gt:.15g}",
    "greater_than_equal": "must be at least {ge:.15g}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "less_than": "must be less than {lt:.15g}",
    "less_than_equal": "must be at most {le:.15g}",
    "list_type": 'must be a list like ["one", "two"]',
    "literal_error": "must be one of: {expected}",
    "missing": "is missing",
    "model_type": "must be a table",
    "path_type": "must be a path in quotes",
    "string_too_short": "must not be empty",
    "string_type": "must be text in quotes",
    "tuple_type": 'must be a list like ["one", "two"]',
    "value_error": "{error}",
}


class SettingsError(Exception):
    """The settings cannot be used; the text has one line for each thing to mend."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class UnusableProviderError(Exception):
    """A provider is known by its name, but it cannot be used; the text says why."""


def dotted(path: Sequence[str]) -> str:
    """Return a key path as TOML writes it, quoted only where that is needed."""
    return ".".join(
        key if _BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False) for key in path
    )


def nearest(word: str, known: Collection[str], aliases: Collection[str] = ()) -> str:
    """Return, in brackets and after a space, what may have been meant, or else what there is."""
    close = difflib.get_close_matches(word, (*known, *aliases), n=1)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (known: {', '.join(sorted(known))})" if known else ""


def plain(detail: ErrorDetails) -> str:
    """Return pydantic's finding in plain words."""
    words = _WORDS.get(detail["type"])
    if words is None:
        return detail["msg"].lower()
    return words.format(**detail.get("ctx", {}))

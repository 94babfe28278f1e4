"""
What rclone's words mean. Pure: no I/O.

rclone passes on what its seventy services say, as text; what is told apart here is what asks for
different hands: the studio's, the service's, or patience.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto


class Meaning(Enum):
    """What a text is about; the first that fits, in this order, counts."""

    NO_REMOTE = auto()
    LOCKED = auto()
    UNREADABLE = auto()
    NO_BACKEND = auto()
    RATE = auto()
    QUOTA = auto()
    FULL = auto()
    READ_ONLY = auto()
    LOGIN = auto()
    CERTIFICATE = auto()
    UNREACHABLE = auto()
    MISSING = auto()
    NAME = auto()
    IN_THE_WAY = auto()
    TOO_LARGE = auto()
    EMPTY = auto()
    FORBIDDEN = auto()
    BUSY = auto()


_RETRY_AFTER = re.compile(r"(?:retry.?after|again in)\D{0,3}(\d+(?:\.\d+)?)\s*(ms|s|m|h)?", re.I)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def _status(numbers: str) -> str:
    """Return a pattern for a status of HTTP, and not for any number, such as a frame's."""
    return rf"(?:error|status|code|http)\w*\W{{0,3}}{numbers}\b|\b{numbers} [A-Z]"


_PATTERNS: dict[Meaning, Sequence[str]] = {
    Meaning.NO_REMOTE: ("didn't find section in config file",),
    Meaning.LOCKED: ("decrypt configuration", r"config\w* (?:file )?(?:is )?encrypted"),
    Meaning.UNREADABLE: ("failed to load config file",),
    Meaning.NO_BACKEND: ("didn't find backend called", "unknown backend"),
    Meaning.RATE: (
        r"too[_ ]?many[_ ]?(?:requests|write_operations)",
        r"rate[_ ]?limit",
        r"slow ?down",
        _status("429"),
    ),
    Meaning.QUOTA: (
        r"insufficient[_ ]?(?:space|storage)",
        r"quota[_ ]?(?:is |was |has been )?(?:exceeded|reached|limit)",
        r"(?:exceeded|over|out of) (?:\w+ ){0,3}quota",
        "storage limit",
        _status("507"),
    ),
    Meaning.FULL: ("no space left", "disk (?:is )?full", "not enough (?:disk )?space"),
    Meaning.READ_ONLY: (r"read[- ]?only",),
    Meaning.LOGIN: (
        r"(?:expired|invalid)_access_token",
        "invalid_grant",
        "invalid_client",
        "empty token found",
        "couldn't fetch token",
        r"token (?:has )?(?:been )?(?:expired|revoked)",
        "unauthori[sz]ed",
        r"authenticat(?:ion|e)\b",
        "invalidaccesskeyid",
        "signaturedoesnotmatch",
        "login incorrect",
        "user_suspended",
        _status("401"),
    ),
    Meaning.CERTIFICATE: ("x509:", "certificate"),
    Meaning.UNREACHABLE: (
        "dial tcp",
        "connection (?:refused|reset|aborted)",
        "no such host",
        "i/o timeout",
        "deadline exceeded",
        "(?:network|host) is (?:unreachable|down)",
        "no route to host",
        "handshake",
        "broken pipe",
        r"\beof$",
        "closed network connection",
        _status("50[0234]"),
    ),
    Meaning.MISSING: (
        "(?:object|directory|file|bucket) not found",
        r"path/not_found",
        "no such file",
        _status("404"),
    ),
    Meaning.NAME: (
        "name too long",
        "malformed_path",
        "disallowed_name",
        r"invalid (?:file ?)?name",
        r"illegal (?:char|name)",
        "invalid argument",
    ),
    Meaning.IN_THE_WAY: ("is a directory", "is a file not a directory", "not a directory"),
    Meaning.TOO_LARGE: (r"too[_ ]large", "exceeds the (?:maximum|limit)"),
    Meaning.EMPTY: ("empty files",),
    Meaning.FORBIDDEN: (
        "permission denied",
        r"access[_ ]?denied",
        "forbidden",
        "no_write_permission",
        "insufficient permission",
        _status("403"),
    ),
    Meaning.BUSY: (_status("423"),),
}
_MEANINGS = {
    meaning: re.compile("|".join(_PATTERNS[meaning]), re.IGNORECASE | re.MULTILINE)
    for meaning in Meaning
}


def meaning_of(text: str, names: Sequence[str] = ()) -> Meaning | None:
    """Return what a text is about; `names` are those of files in it, which mean nothing."""
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "", text)
    return next((meaning for meaning, words in _MEANINGS.items() if words.search(text)), None)


def seconds_to_wait(text: str) -> float | None:
    """Return how long a service asks to be left alone, or None where it does not say."""
    found = _RETRY_AFTER.search(text)
    return float(found[1]) * _UNITS[found[2] or "s"] if found else None

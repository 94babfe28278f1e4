"""What rclone says, without the secrets that its services' errors carry along."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

_HIDDEN = "…"
_LONGEST = 300
_SHORTEST = 6  # what is shorter would hide words of every message
_KEY = r"[\w-]*(?:pass|pwd|secret|token|key|credential|signature|sig|authorization|cookie)[\w-]*"
_NAMED = re.compile(rf"(?i)\b({_KEY})(\\?[\"']?\s*[=:]\s*\\?[\"']?)([^\s\"'\\&,;}}\])]+)")
_USERINFO = re.compile(r"(://)[^/\s@]+@")
_SCHEME = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+")
_OPAQUE = re.compile(r"[A-Za-z0-9_+=-]{40,}")
_IS_SECRET = re.compile(f"(?i){_KEY}")


class Redaction:
    """Hides the secrets that a configuration holds, and whatever looks like one."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        longest_first = sorted({*known}, key=len, reverse=True)
        self._known = [secret for secret in longest_first if len(secret) >= _SHORTEST]

    def hidden(self, text: str) -> str:
        """Return one line of a text, not too long, that can be shown to anybody."""
        for secret in self._known:
            text = text.replace(secret, _HIDDEN)
        text = _USERINFO.sub(rf"\1{_HIDDEN}@", text)
        text = _SCHEME.sub(rf"\1 {_HIDDEN}", text)
        text = _NAMED.sub(rf"\1\2{_HIDDEN}", text)
        text = " ".join(_OPAQUE.sub(_HIDDEN, text).split())
        return text if len(text) <= _LONGEST else text[:_LONGEST] + _HIDDEN


def secrets_of(dump: Mapping[str, object]) -> Iterator[str]:
    """Yield the secrets of all remotes of a configuration, as `config/dump` tells them."""
    for key, value in dump.items():
        if isinstance(value, dict):
            yield from secrets_of(cast("dict[str, object]", value))
        elif isinstance(value, str) and _IS_SECRET.fullmatch(key):
            yield value
            yield from _within(value)


def _within(value: str) -> Iterator[str]:
    """Yield what a token holds: rclone keeps it as JSON."""
    try:
        inner = json.loads(value)
    except ValueError:
        return
    if isinstance(inner, dict):
        yield from secrets_of(cast("dict[str, object]", inner))

"""What no text of this process may show: the secrets of all sites that it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, SecretBytes, SecretStr

HIDDEN = "********"
_SHORTEST = 4  # a shorter one would hide half of every text, and is none
_HEADER = re.compile(r"(?i)\b(basic|bearer)\s+[A-Za-z0-9+/=._~-]{8,}")


class Secrets:
    """Values that are replaced in every text, however they are spelled there."""

    def __init__(self) -> None:
        self._spelled: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def keep(self, values: Iterable[str]) -> None:
        """Hide these from now on."""
        spelled = {one for value in values for one in _spellings(value)} - self._spelled
        if spelled:
            self._spelled |= spelled
            longest_first = sorted(self._spelled, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def hidden(self, text: str) -> str:
        """Return a text without any secret; what a login's header holds is one, too."""
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        return _HEADER.sub(rf"\1 {HIDDEN}", text) if "asic" in text or "earer" in text else text


SECRETS = Secrets()
"""Those of this process: its output is one for all of its sites."""


def secrets_of(settings: object) -> Iterator[str]:
    """Yield the values of all secret fields of a model, wherever they stand in it."""
    match settings:
        case SecretStr():
            yield settings.get_secret_value()
        case SecretBytes():
            yield settings.get_secret_value().decode(errors="replace")
        case BaseModel():
            for _, value in settings:
                yield from secrets_of(value)
        case Mapping():
            for value in settings.values():  # pyright: ignore[reportUnknownVariableType] - any mapping
                yield from secrets_of(value)  # pyright: ignore[reportUnknownArgumentType] - any value
        case list() | tuple() | set() | frozenset():
            for value in settings:  # pyright: ignore[reportUnknownVariableType] - any collection
                yield from secrets_of(value)  # pyright: ignore[reportUnknownArgumentType] - any value
        case _:
            return


def _spellings(value: str) -> Iterator[str]:
    """Yield a secret as it stands in texts: as it is, in addresses, and in quotes."""
    for line in {value, value.strip(), *value.splitlines()}:
        if len(line) >= _SHORTEST:
            yield line
            yield quote(line, safe="")
            yield quote_plus(line)
            yield json.dumps(line)[1:-1]
            yield repr(line)[1:-1]

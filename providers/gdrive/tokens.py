"""What stands in a journal beside place and claim, so that an upload can be found again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Token:
    """
    Which file an upload makes (`new`) or changes, of what size and time, and where its session is.

    A small new file has no session (`url` is empty): it goes in one request, which can succeed
    once only for its id.
    """

    id: str
    new: bool
    size: int
    mtime_ns: int | None = None
    url: str = ""

    def written(self) -> str:
        """Return the token as a handle carries it."""
        return json.dumps(asdict(self), separators=(",", ":"))


def read_token(text: str) -> Token | None:
    """Return what a handle carries, or None where it carries nothing."""
    return Token(**json.loads(text)) if text else None

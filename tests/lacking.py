"""Which of Debian's packages the skipped tests lack, from the reasons that they give."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PACKAGE = re.compile(r"on Debian: apt-get install ([a-z0-9.+-]+)")


def say_lacking(reasons: Iterable[str]) -> str | None:
    """Return a sentence on how to run what was skipped, or None if no package would do it."""
    found = [match[1] for reason in reasons if (match := _PACKAGE.search(reason))]
    if not found:
        return None
    tests = "1 test was" if len(found) == 1 else f"{len(found)} tests were"
    return f"{tests} skipped; to run all: apt-get install {' '.join(sorted(set(found)))}"

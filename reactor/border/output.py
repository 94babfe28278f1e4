"""
What this process writes: no secret on any of its streams, and on stdout only what is ours.

Other people's programs read stdout. What a provider prints goes to stderr instead.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from reactor.border.secrets import SECRETS


class _Hiding:
    """A text stream that shows no secret; all else is the stream's behind it."""

    def __init__(self, behind: TextIO) -> None:
        self._behind = behind

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the stream has it
        return getattr(self._behind, name)

    def write(self, text: str) -> int:
        """Write a text without its secrets; return its own length, as streams do."""
        self._target().write(SECRETS.hidden(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write some texts."""
        for line in lines:
            self.write(line)

    def _target(self) -> TextIO:
        return self._behind


class _Ours(_Hiding):
    """Stdout for the main thread, which all of our answers come from; stderr for all others."""

    def __init__(self, behind: TextIO, aside: TextIO) -> None:
        super().__init__(behind)
        self._aside = aside

    def _target(self) -> TextIO:
        return self._behind if _is_ours(threading.current_thread()) else self._aside


def _is_ours(thread: threading.Thread) -> bool:
    draws = type(thread).__module__.partition(".")[0] == "rich"  # it renews progress bars
    return draws or thread is threading.main_thread()


@contextmanager
def guarded_output() -> Generator[None]:
    """Guard this process's streams until the block ends."""
    stdout, stderr = sys.stdout, sys.stderr
    sys.stdout = cast("TextIO", _Ours(stdout, stderr))
    sys.stderr = cast("TextIO", _Hiding(stderr))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = stdout, stderr

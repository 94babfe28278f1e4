"""
What this process writes: no secret on any of its streams, and on stdout only what is ours.

Other people's programs read stdout. What a provider prints goes to stderr instead. An answer that
cannot be written is an error; a line of the log is not, for files are served without it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO, TypeVar, cast

from reactor.border.secrets import SECRETS

T = TypeVar("T")


class UnwritableError(Exception):
    """Stdout does not take the answer; the text says why."""


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


class _Told(_Hiding):
    """Stderr: what it does not take is dropped. A log's full disk is no reason to end."""

    def write(self, text: str) -> int:
        """Write a text, if that is possible."""
        with suppress(OSError, ValueError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is kept back, if that is possible."""
        with suppress(OSError, ValueError):
            self._behind.flush()


class _Ours(_Hiding):
    """Stdout for the main thread, which all of our answers come from; stderr for all others."""

    def __init__(self, behind: TextIO, aside: TextIO) -> None:
        super().__init__(behind)
        self._aside = aside

    def write(self, text: str) -> int:
        """Write a text; `UnwritableError` where stdout does not take it."""
        return _answering(lambda: super(_Ours, self).write(text))

    def flush(self) -> None:
        """Write what is kept back; `UnwritableError` where stdout does not take it."""
        _answering(self._target().flush)

    def _target(self) -> TextIO:
        return self._behind if _is_ours(threading.current_thread()) else self._aside


def _is_ours(thread: threading.Thread) -> bool:
    draws = type(thread).__module__.partition(".")[0] == "rich"  # it renews progress bars
    return draws or thread is threading.main_thread()


def _answering(act: Callable[[], T]) -> T:
    try:
        return act()
    except BrokenPipeError:
        raise  # `| head -1` has read enough, which is no error
    except OSError as error:
        raise UnwritableError(f"the answer cannot be written: {error.strerror}") from error


@contextmanager
def guarded_output() -> Generator[None]:
    """Guard this process's streams until the block ends; one that is closed leads nowhere."""
    before = sys.stdout, sys.stderr
    with ExitStack() as opened:
        # Opened in this order they get the very numbers that are closed: no connection does.
        stdout, stderr = (
            stream or opened.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            for stream in cast("tuple[TextIO | None, ...]", before)
        )
        told = cast("TextIO", _Told(stderr))
        sys.stdout, sys.stderr = cast("TextIO", _Ours(stdout, told)), told
        try:
            yield
        finally:
            _let_go(stdout)
            _let_go(stderr)
            sys.stdout, sys.stderr = before


def _let_go(stream: TextIO) -> None:
    """Flush a stream; what it does not take leads nowhere, or the interpreter would end on it."""
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)

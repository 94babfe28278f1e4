"""
A process that stages and publishes bundles of small files for the one that started it.

It reads orders from standard input and answers on standard output, a line of JSON each. It
ends when its input does, or when nothing was asked of it for a while. Where its owner is
killed in the middle of an order, it goes on to the end of that: a late call like those of a
paused owner, which the next owner revokes (DESIGN §5).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from providers.base import Copied, Facts, Handle, Location
from providers.folders.bundles import stage_bundle
from providers.folders.errors import Errors
from providers.folders.paths import Paths
from providers.folders.publishing import publish_bundle

IDLE_SECONDS = 30.0

Verb = Literal["stage", "publish"]
Roots: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Order:
    """
    What to do with some handles at a disk with these roots.

    `source` are the roots of the disk to stage copies from; `mtimes_ns` are what is set on
    the files that are published.
    """

    verb: Verb
    roots: Roots
    handles: Sequence[Handle]
    source: Roots = field(default_factory=dict[str, str])
    mtimes_ns: Sequence[int | None] = ()

    def as_line(self) -> bytes:
        """Return the order as one line."""
        handles = [(h.where.root, h.where.path, h.claim) for h in self.handles]
        told = [self.verb, self.roots, handles, self.source, self.mtimes_ns]
        return json.dumps(told).encode() + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Order:
        """Return the order that a line holds."""
        verb, roots, handles, source, mtimes_ns = json.loads(line)
        read = [Handle(Location(root, path), claim) for root, path, claim in handles]
        return cls(verb, roots, read, source, mtimes_ns)


def staged_in(answer: Sequence[Any]) -> list[Copied | None]:
    """Return what was staged, by an answer to such an order; None for what needs a closer look."""
    return [one and Copied(Facts(*one[:2]), *one[2:]) for one in answer]


def published_in(answer: Sequence[Any]) -> list[Facts | None]:
    """Return the facts of what was published, by an answer; None for what was not, or may not be."""
    return [one and Facts(*one) for one in answer]


def carry_out(order: Order) -> list[Any]:
    """Do what an order says, and return its answer."""
    paths = _paths_at(order.roots)
    if order.verb == "stage":
        copies = stage_bundle(paths, _paths_at(order.source), order.handles)
        return [copied and _row_of(copied) for copied in copies]
    given = [*zip(order.handles, order.mtimes_ns, strict=True)]
    return [
        (one.size, one.mtime_ns) if isinstance(one, Facts) else None
        for one in publish_bundle(paths, Errors(""), given)
    ]


def _paths_at(roots: Roots) -> Paths:
    return Paths("", roots.__getitem__)


def _row_of(copied: Copied) -> tuple[int, int | None, str, str]:
    facts = copied.source
    return facts.size, facts.mtime_ns, copied.source_checksum, copied.staged_checksum


def main() -> None:
    """Carry out orders until there are no more; whoever gives them decides when that is."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if number := getattr(signal, name, None):
            signal.signal(number, signal.SIG_IGN)
    answers = sys.stdout.buffer
    while line := _next_line():
        answer = carry_out(Order.of_line(line))
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _next_line() -> bytes:
    """Return the next order; nothing is begun yet where patience ends first."""
    idle = threading.Timer(IDLE_SECONDS, os._exit, (0,))
    idle.daemon = True
    idle.start()
    line = sys.stdin.buffer.readline()
    idle.cancel()
    return line


if __name__ == "__main__":
    main()

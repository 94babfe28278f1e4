"""
What publishers say before they act: which bytes belong to which `hash` of which path.

Append-only JSON lines, on disk before the bytes get their name: whatever is killed when, the
judge knows what is right. A hand that spoils or removes bytes says so first, too.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """
    Bytes that are about to be put under a path at a site, made for a `hash`.

    `path` is as documents have it. `checksums` are of the whole bytes, `sha256:…` among them.
    Without a `hash` it says that a hand spoils or removes there what was published.
    """

    path: str
    site: str
    hash: str | None = None
    size: int = 0
    checksums: tuple[str, ...] = ()


class Ledger:
    """The file, as those who write to it have it; threads may share one."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("ab")
        self._lock = threading.Lock()

    def write(self, lines: Iterable[Line]) -> None:
        """Return when these lines are on disk."""
        text = "".join(json.dumps(_as_json(line)) + "\n" for line in lines)
        with self._lock:
            self._file.write(text.encode())
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Known:
    """What the ledger says, read as it grows."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0
        self._count = 0
        self._published: dict[str, dict[str, tuple[int, Line]]] = {}
        self._last: dict[tuple[str, str], int] = {}

    def refresh(self) -> None:
        """Take in what was written since the last time."""
        with self._file.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for raw in whole.splitlines():
            self._add(_as_line(json.loads(raw)))

    def published(self, path: str, file_hash: str | None) -> Line | None:
        """Return the line by which bytes of this hash were published at this path, if any."""
        found = self._published.get(path, {}).get(file_hash or "")
        return found[1] if found else None

    def ever(self, path: str) -> list[Line]:
        """Return all that was ever published at a path."""
        return [line for _, line in self._published.get(path, {}).values()]

    def is_touched_since(self, path: str, file_hash: str | None, site: str) -> bool:
        """Return whether a hand has been on the path at that site after this publishing."""
        found = self._published.get(path, {}).get(file_hash or "")
        return found is None or self._last.get((path, site), -1) > found[0]

    def is_touched(self, path: str, site: str) -> bool:
        """Return whether a hand has ever been on the path at that site."""
        return (path, site) in self._last

    @property
    def paths(self) -> set[str]:
        """All paths that were ever published, as documents have them."""
        return set(self._published)

    def _add(self, line: Line) -> None:
        self._count += 1
        self._last[line.path, line.site] = self._count
        if line.hash is not None:
            self._published.setdefault(line.path, {})[line.hash] = (self._count, line)


def _as_json(line: Line) -> dict[str, Any]:
    told = {"path": line.path, "site": line.site}
    if line.hash is None:
        return told
    return {**told, "hash": line.hash, "size": line.size, "checksums": line.checksums}


def _as_line(told: dict[str, Any]) -> Line:
    if "hash" not in told:
        return Line(told["path"], told["site"])
    checksums = tuple(told["checksums"])
    return Line(told["path"], told["site"], told["hash"], told["size"], checksums)

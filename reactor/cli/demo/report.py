"""What came of it: the table, what was resumed, and every copy read back and compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from statistics import median
from typing import Any

from reactor.cli.demo.layout import COPIES, OWN_SITE, Layout
from reactor.cli.demo.watching import Copy, Watch, copies
from reactor.model import Representation

COLUMNS = ["file", "site", "available", "verified", "publish → available"]

_MIB = _PIECE = 1024 * 1024
_YES = {True: "yes", False: "no"}


def rows(watch: Watch, published: Mapping[object, float]) -> Iterator[list[str]]:
    """Yield a row for each representation at each site; a sequence is one."""
    for representation in watch.representations.values():
        for site in watch.layout.wanted_at:
            yield _row(watch, representation, site, published.get(representation.id))


def _row(
    watch: Watch, representation: Representation, site: str, published: float | None
) -> list[str]:
    wanted = [one for one in copies(watch.layout, representation) if one[0].site == site]
    here = [copy for copy, file, _ in wanted if file.available_at(site)]
    ways = {entry.verified or "no" for _, _, entry in wanted if entry and entry.available}
    count = f"{len(here)} of {len(wanted)}" if len(wanted) > 1 else _YES[bool(here)]
    took = "published by an earlier demo" if published is None else _took(watch, here, published)
    return [_name(representation), site, count, ", ".join(sorted(ways)), took]


def _name(representation: Representation) -> str:
    names = [PurePosixPath(file.path).name for file in representation.files]
    if len(names) == 1:
        return names[0]
    stem, first, extension = names[0].rsplit(".", 2)
    return f"{stem}.{first}-{names[-1].rsplit('.', 2)[1]}.{extension}"


def _took(watch: Watch, there: Iterable[Copy], published: float) -> str:
    took = [(watch.seen[copy] - published) * 1000 for copy in there]
    if len(took) <= 1:
        return "".join(f"{ms:.0f} ms" for ms in took)
    return f"median {median(took):.0f} ms, last {max(took):.0f} ms"


def resumed(attempt: Mapping[str, Any]) -> str:
    """Return the sentence for a transfer that went on where a killed reactor had stopped."""
    there = attempt["bytes"] - attempt["sent"]
    return (
        f"  Resumed: {PurePosixPath(attempt['path']).name} at {attempt['site']}: "
        f"{there // _MIB} MiB were there, {attempt['sent'] // _MIB} of "
        f"{attempt['bytes'] // _MIB} MiB were sent."
    )


def after(watch: Watch, representation: Representation, published: float) -> str:
    """Return when a representation's files were at each site: "vendor after 12 ms, …"."""
    seen = [(copy.site, watch.seen[copy]) for copy, _, _ in copies(watch.layout, representation)]
    return ", ".join(f"at {site} after {(at - published) * 1000:.0f} ms" for site, at in seen)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many copies were read back, their bytes, and those that differ from their source."""

    copies: int
    size: int
    different: tuple[Path, ...]


def compare(layout: Layout, representations: Iterable[Representation]) -> Comparison:
    """Read every copy on a disk, beside its source, byte for byte."""
    pairs = list(_pairs(layout, representations))
    different = tuple(copy for source, copy in pairs if not _same_bytes(source, copy))
    size = sum(copy.stat().st_size for _, copy in pairs if copy.exists())
    return Comparison(len(pairs), size, different)


def _pairs(
    layout: Layout, representations: Iterable[Representation]
) -> Iterator[tuple[Path, Path]]:
    for representation in representations:
        for file in representation.files:
            for site in COPIES:
                yield layout.path(OWN_SITE, file.path), layout.path(site, file.path)


def _same_bytes(one: Path, other: Path) -> bool:
    try:
        with one.open("rb") as first, other.open("rb") as second:
            while piece := first.read(_PIECE):
                if piece != second.read(_PIECE):
                    return False
            return not second.read(1)
    except FileNotFoundError:
        return False

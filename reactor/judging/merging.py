"""
A site's files and documents' files, both in the order of paths, merged. Pure.

Files come as they are listed, rows as `reactor.judging.inventory` has them; both in batches, and either
may run ahead of the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from providers.base import Facts, Listed
from reactor.judging.inventory import ONLY_KNOWN, Row


class Doubt(NamedTuple):
    """A document's file to be judged, and what is listed there: None where nothing is."""

    row: Row
    facts: Facts | None


@dataclass(slots=True)
class Stretch:
    """
    What was found up to a path: how many files and bytes, and how many were plainly right.

    `unknown` are files that no document names.
    """

    upto: str
    files: int = 0
    size: int = 0
    right: int = 0
    doubts: list[Doubt] = field(default_factory=list[Doubt])
    unknown: list[Listed] = field(default_factory=list[Listed])


class Merge:
    """
    Merges both as far as both are known; where all are `doubted`, nothing is plainly right.

    `within_ns` says how near its published time a file's time must be; None: it is not asked.
    """

    def __init__(self, after: str, *, doubted: bool, within_ns: int | None) -> None:
        self._doubted = doubted
        self._within_ns = within_ns
        self._files: deque[Listed] = deque()
        self._rows: deque[Row] = deque()
        self._known = False  # of the first file: a document names it,
        self._doubtful = False  # and does not see it as it is
        self._upto = after
        self._row_passed = after  # further rows of that path may follow
        self._files_over = False
        self._rows_over = False

    @property
    def wants_files(self) -> bool:
        """Return whether it cannot go on without more files."""
        return not self._files and not self._files_over

    @property
    def wants_rows(self) -> bool:
        """Return whether it cannot go on without more rows."""
        return not self._rows and not self._rows_over

    @property
    def is_over(self) -> bool:
        """Return whether nothing is left."""
        ended = self._files_over and self._rows_over
        return ended and not self._files and not self._rows

    def add_files(self, files: Iterable[Listed]) -> None:
        """Take more files; none at all says that there are no more."""
        before = len(self._files)
        self._files.extend(files)
        self._files_over = len(self._files) == before

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Take more rows; none at all says that there are no more."""
        before = len(self._rows)
        self._rows.extend(rows)
        self._rows_over = len(self._rows) == before

    def merge(self, most: int) -> Stretch:
        """Go on for `most` files or doubts, or until one side runs out; return what was found."""
        found = Stretch(self._upto)
        files, rows = self._files, self._rows
        doubts = found.doubts
        while files and rows and found.files < most and len(doubts) < most:
            row, path = rows[0], files[0].where.path
            if row.path == path:
                self._match(found)
            elif row.path < path:
                self._pass_row(found)
            else:
                self._pass_file(found)
        while rows and not files and self._files_over and len(doubts) < most:
            self._pass_row(found)
        while files and not rows and self._rows_over and found.files < most:
            self._pass_file(found)
        if self.is_over:
            self._upto = self._row_passed
        found.upto = self._upto
        return found

    def _pass_row(self, found: Stretch) -> None:
        """Leave a document's file behind that is not there."""
        row = self._rows.popleft()
        if row.path > self._row_passed:
            self._upto, self._row_passed = self._row_passed, row.path
        if row.is_marked:
            found.doubts.append(Doubt(row, None))

    def _match(self, found: Stretch) -> None:
        row, facts = self._rows.popleft(), self._files[0].facts
        self._known = True
        if row.standing == ONLY_KNOWN:
            return
        if self._doubted or not row.is_plainly_right(facts, self._within_ns):
            self._doubtful = True
            found.doubts.append(Doubt(row, facts))

    def _pass_file(self, found: Stretch) -> None:
        """Leave a file behind that no further document names."""
        file = self._files.popleft()
        self._upto = self._row_passed = file.where.path
        found.files += 1
        found.size += file.facts.size
        if not self._known:
            found.unknown.append(file)
        elif not self._doubtful:
            found.right += 1
        self._known = self._doubtful = False

"""
A wish carried out over a project, or over some of its representations, in bounded batches.

What was done stays done: after an interruption the same call goes on where it was, because
only files are asked about that are not as they should be.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from reactor.edits import FileEdit
from reactor.model import File, Representation
from reactor.operators.site_edits import Refused, Wish
from reactor.operators.tally import Reason, Tally
from reactor.reader import Examined, Reader
from reactor.recorder import Recorder

_DOCUMENTS, _FILES = 500, 2_000
_OVERTAKEN = "its document was changed by others in the same moment; run this again"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A file that is to be changed, and how."""

    file: File
    edit: FileEdit


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be changed of some documents; `plain` is in how many files of which of them."""

    project: str
    chosen: Sequence[Chosen]
    plain: Mapping[object, int]


class Carrier(Protocol):
    """Carries out what was chosen, and counts it."""

    async def carry_out(self, batch: Batch, tally: Tally) -> None:
        """Change files of one project."""
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """A project, and the ids of its representations that are meant; None: all."""

    project: str
    ids: tuple[object, ...] | None = None

    def covers(self, representation: object) -> bool:
        """Return whether a representation is meant."""
        return self.ids is None or representation in self.ids


@dataclass(slots=True)
class Sweep:
    """Goes through a scope, and tells `progress` how many documents it has been through."""

    reader: Reader
    carrier: Carrier
    progress: Callable[[int], None]
    should_stop: Callable[[], bool]
    tally: Tally = field(default_factory=Tally)

    async def run(self, scope: Scope, wish: Wish) -> None:
        """Carry a wish out; `tally` tells what came of it, even where this raises."""
        examined = self.reader.examine(scope.project, wish.condition, scope.ids, wish.plain)
        async with aclosing(examined) as found, aclosing(_batches(found)) as batches:
            async for batch in batches:
                await self._carry_out(scope.project, batch, wish)
                if self.should_stop():
                    self.tally.interrupted = True
                    return

    async def _carry_out(self, project: str, batch: Sequence[Examined], wish: Wish) -> None:
        chosen = [one for examined in batch for one in self._chosen(examined, wish)]
        plain = {
            one.representation.id: one.plain
            for one in batch
            if one.plain and not one.representation.flaw
        }
        await self.carrier.carry_out(Batch(project, chosen, plain), self.tally)
        self.tally.documents += len(batch)
        self.progress(self.tally.documents)

    def _chosen(self, examined: Examined, wish: Wish) -> Iterator[Chosen]:
        representation = examined.representation
        if representation.flaw:
            self._refuse(representation, "", representation.flaw)
            return
        self.tally.settled += examined.files - examined.plain - len(representation.files)
        for file in representation.files:
            match wish.judge(representation, file):
                case Refused(why):
                    self._refuse(representation, file.path, why)
                case FileEdit() as edit:
                    yield Chosen(file, edit)
                case None:
                    self.tally.settled += 1

    def _refuse(self, representation: Representation, path: str, why: str) -> None:
        self.tally.refused += 1
        self.tally.explain(Reason(why, representation.project, representation.id, path))


@dataclass(frozen=True, slots=True)
class EntryEdits:
    """Changes documents only; no bytes."""

    reader: Reader
    recorder: Recorder
    wish: Wish

    async def carry_out(self, batch: Batch, tally: Tally) -> None:
        """Write the edits of one project, each guarded."""
        edited = {one.edit.file.representation for one in batch.chosen}
        written = await self.recorder.edit_many(one.edit for one in batch.chosen)
        plain = await self.recorder.update_all(batch.project, list(batch.plain), self.wish.update)
        left: list[Reason] = []
        if written.changed < len(edited) or plain.changed < len(batch.plain):
            ids = [*edited.union(batch.plain)]
            left = await self._left(batch.project, ids, {**written.refused, **plain.refused})
        undone = sum(reason.files for reason in left)
        tally.changed += len(batch.chosen) + sum(batch.plain.values()) - undone
        tally.refused += undone
        for reason in left:
            tally.explain(reason)

    async def _left(
        self, project: str, ids: Sequence[object], refused: Mapping[object, str]
    ) -> list[Reason]:
        """Return what is still to be done of some documents: they refuse it, or others wrote."""
        left: list[Reason] = []
        examined = self.reader.examine(project, self.wish.condition, ids, self.wish.plain)
        async for one in examined:
            document = one.representation.id
            why = refused.get(document, _OVERTAKEN)
            if one.plain:
                left.append(Reason(why, project, document, "", one.plain))
            left += [
                Reason(why, project, document, file.path)
                for file in one.representation.files
                if isinstance(self.wish.judge(one.representation, file), FileEdit)
            ]
        return left


async def _batches(found: AsyncIterator[Examined]) -> AsyncGenerator[list[Examined]]:
    """Yield what was found in batches of so many documents, or of so many files."""
    batch: list[Examined] = []
    files = 0
    async for examined in found:
        batch.append(examined)
        files += len(examined.representation.files)
        if len(batch) >= _DOCUMENTS or files >= _FILES:
            yield batch
            batch, files = [], 0
    yield batch

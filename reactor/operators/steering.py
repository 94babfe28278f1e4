"""
What operators change while reactors run, or while none does: pauses, and entries of documents.

Each change is one that may be made twice, and by two operators at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from reactor.database import Client, DatabaseError
from reactor.edits import FileEdit
from reactor.events import Key
from reactor.model import Representation
from reactor.operators.operator_edits import retry_entries, wanted_files
from reactor.pauses import Pause
from reactor.reader import Document, Reader
from reactor.recorder import Recorder

Ask = Callable[[Representation], list[FileEdit]]

_ROUNDS = 3
_FILES_TOGETHER = 1_000


class Steering:
    """The studio's documents and pauses, changed by one operator."""

    def __init__(self, client: Client, database: str, state_database: str) -> None:
        state = client[state_database]
        self._reader = Reader(client[database])
        self._recorder = Recorder(client, client[database], state)
        self._pauses = state["pauses"]

    async def pause(self, pause: Pause) -> None:
        """Put a pause in force; one that is there already stays whose it is."""
        name = _level(pause)
        said = {
            **{key: {"$literal": value} for key, value in name.items()},
            "by": {"$ifNull": ["$by", {"$literal": pause.by}]},
            "at": {"$ifNull": ["$at", "$$NOW"]},
        }
        await self._pauses.update_one({"_id": name}, [{"$set": said}], upsert=True)

    async def resume(self, pause: Pause) -> bool:
        """End a pause and no other, whoever wrote it; return whether there was one."""
        ended = await self._pauses.delete_many(_level(pause))
        return ended.deleted_count > 0

    async def wanted(self, key: Key, sites: Iterable[str]) -> int:
        """Return how many files of a representation are wanted at some sites."""
        found = await self._reader.one(*key)
        return wanted_files(found, sites) if found else 0

    async def settle(self, key: Key, ask: Ask) -> int:
        """
        Change a representation's entries until `ask` asks for nothing more.

        Returns in how many files it did. `DatabaseError` where the document refuses it.
        """
        files = 0
        for _ in range(_ROUNDS):  # in between, others may have published it again
            edits = await self._asked(key, ask)
            files = max(files, len(edits))
            if not edits:
                return files
            await self._recorder.edit(edits)
        if await self._asked(key, ask):
            raise DatabaseError(
                f"representation {key.representation} of project {key.project!r} stays as it is, "
                "although it was changed: it refuses that, or others write to it all the time"
            )
        return files

    async def retry(self, key: Key, sites: Iterable[str]) -> int:
        """Forget failed attempts of a representation at some sites; return of how many files."""
        edits = await self._asked(key, lambda found: retry_entries(found, sites))
        await self._recorder.edit(edits)
        return len(edits)

    async def retry_all(self, project: str, sites: Collection[str]) -> int:
        """Forget all failed attempts at some sites of a project; return of how many files."""
        # What is forgotten at all of them together is not found again at the next.
        return sum([await self._retry_tried(project, site, sites) for site in sorted(sites)])

    async def _retry_tried(self, project: str, site: str, sites: Collection[str]) -> int:
        """Forget failed attempts at some sites, of the files that were tried at one of them."""
        files = 0
        edits: list[FileEdit] = []
        async for representation in self._reader.tried(project, site):
            edits += retry_entries(representation, sites)
            if len(edits) >= _FILES_TOGETHER:
                await self._recorder.edit(edits)
                files += len(edits)
                edits = []
        await self._recorder.edit(edits)
        return files + len(edits)

    async def _asked(self, key: Key, ask: Ask) -> list[FileEdit]:
        found = await self._reader.one(*key)
        return ask(found) if found else []


def _level(pause: Pause) -> Document:
    """Return a pause's name: there is one of it, however many operators ask for it."""
    return {"project": pause.project, "site": pause.site}

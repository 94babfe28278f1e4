"""
Files by folder and name: those that are asked for at the same time are looked up together.

A query begins after each question that it answers, so what it tells is no older than the claim
under which it was asked. What it costs does not grow with what lies in the folders.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote

import anyio
from anyio.lowlevel import checkpoint

from providers.gdrive import queries
from providers.gdrive.calls import Calls
from providers.gdrive.entries import Entry
from providers.gdrive.recent import Recent
from providers.gdrive.refusals import RefusedError

_TOGETHER = 40  # names in a query; rclone asks for 50 folders at once
_LONGEST = 6000  # characters of names in an address
_QUERIES = 2  # while they are under way, others gather for the next


@dataclass(eq=False, slots=True)
class _Question:
    folders: tuple[str, ...]
    name: str
    drive: str | None
    answer: list[Entry] | None = field(default=None)


class Lookups:
    """Answers for one site."""

    def __init__(self, calls: Calls, recent: Recent) -> None:
        self._calls = calls
        self._recent = recent
        self._waiting: deque[_Question] = deque()
        self._turns = anyio.Semaphore(_QUERIES)

    async def named(
        self, folders: tuple[str, ...], name: str, drive: str | None
    ) -> Sequence[Entry]:
        """Return all files and folders of exactly this name in these folders."""
        question = _Question(folders, name, drive)
        self._waiting.append(question)
        try:
            async with self._turns:
                await checkpoint()  # those who ask in this turn of the loop come along
                if question.answer is None:
                    await self._ask(self._taken(question))
        finally:
            with suppress(ValueError):
                self._waiting.remove(question)
        assert question.answer is not None  # noqa: S101 - asked just now, at the latest
        return await self._up_to_date(question, question.answer)

    def _taken(self, mine: _Question) -> list[_Question]:
        """Take the questions that can be asked together; one that nobody answered asks for itself."""
        taken, left, room = [mine], deque[_Question](), _LONGEST - len(quote(mine.name))
        for question in self._waiting:
            if question is mine:
                continue
            room -= len(quote(question.name))
            fits = question.drive == mine.drive and len(taken) < _TOGETHER and room >= 0
            (taken if fits else left).append(question)
        self._waiting = left
        return taken

    async def _ask(self, questions: Sequence[_Question]) -> None:
        by_folders: dict[tuple[str, ...], set[str]] = {}
        for question in questions:
            by_folders.setdefault(question.folders, set()).add(question.name)
        query = queries.files_named(by_folders.items())
        try:
            found = [entry async for entry in self._calls.listed(query, questions[0].drive)]
        except RefusedError as error:
            if not error.is_missing:
                raise
            for question in questions if len(questions) > 1 else ():
                await self._ask([question])
            questions[0].answer = questions[0].answer or []  # its folder is gone, and all in it
            return
        for question in questions:
            there = set(question.folders)
            question.answer = [
                entry
                for entry in found
                if entry.name == question.name and there.intersection(entry.parents)
            ]

    async def _up_to_date(self, question: _Question, listed: Sequence[Entry]) -> Sequence[Entry]:
        """Return the answer, with what is not to be believed asked for by itself."""
        places = [(folder, question.name) for folder in question.folders]
        doubt = self._recent.doubt(places, listed)
        found = list(doubt.believed)
        for file_id in sorted(doubt.asked):
            try:
                entry = await self._calls.get(file_id)
            except RefusedError as error:
                if not error.is_missing:
                    raise
                continue
            still = entry.name == question.name and set(entry.parents) & set(question.folders)
            if still and not entry.trashed:
                found.append(entry)
        return found

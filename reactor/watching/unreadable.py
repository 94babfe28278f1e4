"""
Projects of which the database refuses to tell: a broken view, a right that is missing.

One watch asks all projects that it serves. Such a one is left out until it is looked at again, and
then as a whole: what happened meanwhile nobody has looked at. It is told once.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import structlog

from reactor.refusals import REFUSALS, is_refusal, why

log = structlog.stdlib.get_logger()

T = TypeVar("T")

AGAIN_SECONDS = 60.0
_ADVICE = (
    "mend the view or the document that it names, or let the reactor's login read the project; "
    "it is looked at again within a minute, and other projects are served meanwhile"
)


class Unreadable:
    """
    Keeps one watch of a site going without the projects that cannot be read.

    `served` are all projects; `forget` is called with each that is left out.
    """

    def __init__(
        self,
        label: str,
        served: Callable[[], Awaitable[Sequence[str]]],
        forget: Callable[[str], None],
    ) -> None:
        self._label = label
        self._served = served
        self._forget = forget
        self._again_at: dict[str, float] = {}
        self._told: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._again_at)

    async def others(self) -> list[str]:
        """Return the projects that are served and can be read, as far as is known."""
        return [project for project in await self._served() if project not in self._again_at]

    async def alone(self, project: str, act: Callable[[], Awaitable[T]]) -> T | None:
        """Do what concerns one project; None where it is left out, or is from now on."""
        if project in self._again_at:
            return None
        try:
            return await act()
        except REFUSALS as error:
            if not is_refusal(error):
                raise
            self._leave_out(project, error)
            return None

    async def retry(self, look: Callable[[str], Awaitable[None]]) -> None:
        """Look at the projects whose time it is; those that are refused again stay left out."""
        now = time.monotonic()
        due = [project for project, at in self._again_at.items() if at <= now]
        served = await self._served() if due else ()
        for project in due:
            at = self._again_at.pop(project)
            if project not in served:
                self._told.discard(project)
                continue
            try:
                await self.alone(project, partial(look, project))
            except BaseException:
                self._again_at[project] = at  # it was not looked at
                raise
            if project not in self._again_at:
                self._told.discard(project)
                log.info("project is watched again", project=project, site=self._label)

    def next_time(self) -> float | None:
        """Return when one is to be looked at again, if there is any."""
        return min(self._again_at.values(), default=None)

    def _leave_out(self, project: str, error: Exception) -> None:
        self._again_at[project] = time.monotonic() + AGAIN_SECONDS
        self._forget(project)
        if project not in self._told:
            self._told.add(project)
            log.warning(
                "project cannot be watched",
                project=project,
                site=self._label,
                why=why(error),
                todo=_ADVICE,
            )

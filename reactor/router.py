"""
From notices to commands: one door for streams, scans and watches.

What waits is taken together: one document once, one query a project, one bulk write.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence

import structlog

from reactor.commands import (
    Command,
    Complain,
    KeepTransfers,
    RequestTransfer,
    StopTransfer,
)
from reactor.edits import FileEdit, file_edit
from reactor.events import ChangeEvent, Key, Notice, Origin, is_name
from reactor.model import Topology
from reactor.reader import Reader
from reactor.recorder import Recorder
from reactor.refusals import REFUSALS, is_refusal, why
from reactor.scheduler import Scheduler

log = structlog.stdlib.get_logger()

Handler = Callable[[ChangeEvent, Topology], Iterable[Command]]
_COMPLAINTS = 10_000


class Router:
    """Asks every handler what a change means, and carries the answers out."""

    def __init__(
        self,
        reader: Reader,
        recorder: Recorder,
        scheduler: Scheduler,
        handlers: Sequence[Handler],
        topology_of: Callable[[str], Topology | None],
    ) -> None:
        self._reader = reader
        self._recorder = recorder
        self._scheduler = scheduler
        self._handlers = handlers
        self._topology_of = topology_of
        self._told: OrderedDict[tuple[Key, str], None] = OrderedDict()

    async def dispatch(self, notices: Iterable[Notice]) -> None:
        """
        Look at what is there now, and do what the handlers say.

        Returns when edits are written and transfers queued: awaiting it is the sources'
        back-pressure. Raises `PyMongoError` where the database does not answer; dispatching
        the same notices again does no harm.
        """
        for project, together in _by_project(self._nameable(notices)).items():
            topology = self._topology_of(project)
            if topology is not None:
                await self._look(topology, together)

    async def _look(self, topology: Topology, notices: Sequence[Notice]) -> None:
        """Look at documents of a project; what the database refuses for one holds up no other."""
        try:
            events = await self._reader.events(topology, notices)
            await self._carry_out([(event, self._decide(event, topology)) for event in events])
        except REFUSALS as error:
            if not is_refusal(error):
                raise
            if len(notices) == 1:
                self._complain(notices[0].key, f"MongoDB does not go on with it: {why(error)}")
                return
            half = len(notices) // 2
            await self._look(topology, notices[:half])
            await self._look(topology, notices[half:])

    def _nameable(self, notices: Iterable[Notice]) -> Iterator[Notice]:
        for notice in notices:
            project, name = notice.key
            if is_name(name):
                yield notice
            else:
                self._complain(
                    Key(project, str(name)),
                    f"its _id ({type(name).__name__}) names nothing; publish it again under another",
                )

    def _decide(self, event: ChangeEvent, topology: Topology) -> list[Command]:
        commands: list[Command] = []
        for handler in self._handlers:
            try:
                commands.extend(handler(event, topology))
            except Exception:
                # A bug in one handler must not stop the stream, nor the other handlers.
                log.exception("handler failed", handler=handler.__name__, change=str(event.key))
        return commands

    async def _carry_out(self, decided: Sequence[tuple[ChangeEvent, list[Command]]]) -> None:
        edits: list[FileEdit] = []
        for event, commands in decided:
            for command in commands:
                if isinstance(command, RequestTransfer | StopTransfer | KeepTransfers | Complain):
                    self._tell(command, event.origin)
                else:
                    edits.append(file_edit(command))
        if edits:
            await self._recorder.edit(edits)

    def _tell(
        self, command: RequestTransfer | StopTransfer | KeepTransfers | Complain, origin: Origin
    ) -> None:
        match command:
            case RequestTransfer():
                self._scheduler.request(command, origin)
            case StopTransfer(work):
                self._scheduler.stop(work)
            case KeepTransfers():
                self._scheduler.keep(command)
            case Complain(key, message):
                self._complain(key, message)

    def _complain(self, key: Key, message: str) -> None:
        """Log what is wrong with a document once, not at every look."""
        said = (key, message)
        if said not in self._told:
            log.error(
                "document not understood",
                project=key.project,
                representation=str(key.representation),
                why=message,
            )
        self._told[said] = None
        self._told.move_to_end(said)
        if len(self._told) > _COMPLAINTS:
            self._told.popitem(last=False)


def _by_project(notices: Iterable[Notice]) -> dict[str, list[Notice]]:
    """Return notices by project, those of one document merged."""
    merged: dict[Key, Notice] = {}
    for notice in notices:
        known = merged.get(notice.key)
        merged[notice.key] = notice if known is None else known.merged(notice)
    projects: dict[str, list[Notice]] = {}
    for notice in merged.values():
        projects.setdefault(notice.key.project, []).append(notice)
    return projects

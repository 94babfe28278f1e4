"""
What production code finds around it: time, dice, names of processes, and other processes.

In each module these names are replaced by simulated ones. Beyond that, files of a few bytes are
made long enough to be resumed, providers are trusted to answer, hearts beat less often, and pure functions remember what they have
answered: that is what most of the time would go into.
"""

from __future__ import annotations

import random
import secrets
import sys
import time
from collections.abc import Callable, Generator, Hashable, Iterable
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from types import ModuleType
from typing import Any
from unittest.mock import patch

import psutil

import reactor.bringing
import reactor.clock
import reactor.documents
import reactor.heart
import reactor.publishing
import reactor.queries
import reactor.reader
import reactor.registry
import reactor.sites
import reactor.staging
from reactor.model import Topology, source_hash
from tests.simulation import backend
from tests.simulation.server import EPOCH
from tests.simulation.world import CURRENT, Process

SMALL_JOURNAL = 4  # bytes between two journals
_REMEMBERED = 1_000


def current() -> Process:
    """Return the process that runs now."""
    process = CURRENT[0]
    assert process is not None
    return process


class _Time:
    """The module `time`."""

    @staticmethod
    def monotonic() -> float:
        return current().world.now


class _Random:
    """The module `random`."""

    @staticmethod
    def random() -> float:
        return current().world.dice.random()


class _Secrets:
    """The module `secrets`: ids tell whose they are, and none comes twice."""

    @staticmethod
    def token_hex(size: int) -> str:
        process = current()
        return f"{process.name}-{next(process.kernel.serials)}"


class _Datetime(datetime):
    """The class `datetime`: each process has a wall clock of its own."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        process = current()
        return EPOCH + timedelta(
            seconds=process.world.now + process.world.server.ahead - process.behind
        )


class _Psutil:
    """The module `psutil`: the processes of this host."""

    NoSuchProcess = psutil.NoSuchProcess
    AccessDenied = psutil.AccessDenied
    STATUS_ZOMBIE = psutil.STATUS_ZOMBIE

    class Process:
        """A process, by its number among all that there ever were."""

        def __init__(self, pid: int | None = None) -> None:
            world = current().world
            self.pid = current().pid if pid is None else pid
            if world.pids[self.pid].dead:
                raise psutil.NoSuchProcess(self.pid)

        def create_time(self) -> float:
            return float(self.pid)

        def status(self) -> str:
            return psutil.STATUS_RUNNING

    @staticmethod
    def boot_time() -> float:
        return 0.0


def _once(function: Any, key_of: Callable[..., Hashable]) -> Any:
    """Return a pure function that answers once for all: the same question has the same answer."""
    known: dict[Hashable, tuple[Any, Any]] = {}

    def remembered(*asked: Any, **how: Any) -> Any:
        key = key_of(*asked, **how)
        found = known.get(key)
        if found is None:
            if len(known) > _REMEMBERED:
                known.clear()
            found = known[key] = asked, function(*asked, **how)
        return found[1]

    return remembered


def _remembering() -> Iterable[tuple[Any, str, Any]]:
    """
    Yield what is asked again and again, and made anew in production.

    What it is made of is never changed, so that its identity tells it from all else.
    """
    queries = reactor.queries
    yield queries, "unsettled", _once(queries.unsettled, id)
    yield queries, "_chosen", _once(queries._chosen, _chosen_key)
    yield queries, "by_paths", _once(queries.by_paths, tuple)
    yield queries, "by_ids", _once(queries.by_ids, _ids_key)
    yield queries, "by_positions", _once(queries.by_positions, _positions_key)
    parse = reactor.documents.parse_representation
    yield reactor.reader, "parse_representation", _once(parse, _document_key)
    yield reactor.documents, "_parse_file", _once(reactor.documents._parse_file, _element_key)
    remembered = lru_cache(_REMEMBERED)(source_hash)
    for module in _production():
        if getattr(module, "source_hash", None) is source_hash:
            yield module, "source_hash", remembered


def _document_key(project: str, document: object) -> Hashable:
    return id(document)


def _element_key(position: int, element: object) -> Hashable:
    return position, id(element)


def _chosen_key(condition: Any, positions: list[int] | None = None) -> Hashable:
    return id(condition), None if positions is None else tuple(positions)


def _ids_key(ids: list[object], topology: Topology, *, thorough: bool) -> Hashable:
    return tuple(ids), id(topology), thorough


def _positions_key(document: object, positions: Iterable[int], topology: Topology) -> Hashable:
    return document, tuple(sorted(positions)), id(topology)


_STAND_INS: tuple[tuple[ModuleType, Any], ...] = (
    (time, _Time),
    (random, _Random),
    (secrets, _Secrets),
    (psutil, _Psutil),
)


def _production() -> list[ModuleType]:
    """Return the modules that stand-ins are put into."""
    return [
        module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in ("reactor", "handlers")
    ]


@contextmanager
def simulated() -> Generator[None]:
    """Let production code of this process run in simulated worlds, one after the other."""
    with ExitStack() as stack:
        for module in _production():
            for real, stand_in in _STAND_INS:
                if getattr(module, real.__name__, None) is real:
                    stack.enter_context(patch.object(module, real.__name__, stand_in))
            if hasattr(module, "log"):
                stack.enter_context(patch.object(module, "log", _Log))
        for owner, attribute, value in (
            (reactor.clock, "datetime", _Datetime),
            (reactor.registry, "host", lambda: current().host),
            (reactor.registry, "_boot", lambda: "boot"),
            (reactor.staging, "JOURNAL_EVERY", SMALL_JOURNAL),
            (reactor.bringing, "JOURNALLED_BYTES", SMALL_JOURNAL),
            (reactor.publishing, "JOURNAL_EVERY", SMALL_JOURNAL),
            (reactor.sites, "Contained", _uncontained),
            (reactor.heart, "BEAT_SECONDS", 15.0),
            (reactor.heart, "SHOW_SECONDS", 9.0),
            *_remembering(),
        ):
            stack.enter_context(patch.object(owner, attribute, value))
        stack.enter_context(patch.object(sys, "unraisablehook", _ignore))
        stack.enter_context(backend.running())
        yield


def _uncontained(make: Callable[[], Any], site: str, terms: object) -> Any:
    """Return a provider as it is: what the border bounds by real time has tests of its own."""
    return make()


def _ignore(_: object) -> None:
    """Say nothing of what is thrown away with a killed process."""


class _Log:
    """A logger: what production code says goes into the trace, and its surprises to the judge."""

    @staticmethod
    def _say(event: str, **told: Any) -> None:
        process = CURRENT[0]
        if process is not None and process.world.trace is not None:
            words = " ".join(f"{name}={value}" for name, value in told.items())
            process.world.say(process.name, f"    {event} {words}")

    debug = info = warning = error = _say

    @staticmethod
    def exception(event: str, **told: Any) -> None:
        process = CURRENT[0]
        if process is not None:
            process.world.wrong(f"{process.name}: {event}: {sys.exc_info()[1]!r} {told}")

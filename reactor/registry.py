"""
Who runs: one document a process in `reactors`, so that others can tell the dead from the slow.

A process of this host that is gone cannot act any more: its claims are free at once, and
what it staged may be taken over. Of other hosts only leases tell.
"""

from __future__ import annotations

import secrets
import socket
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from pymongo.asynchronous.database import AsyncDatabase

from reactor.company import Company

Document = dict[str, Any]

ALIVE_SECONDS = 20
_FORGET_SECONDS = 7 * 24 * 3600
_DOES = ("session", "site", "sites", "relays")


_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def host() -> str:
    """Return what names this machine, and the process ids that mean something on it."""
    namespace = Path("/proc/self/ns/pid")
    pids = namespace.readlink().name if namespace.exists() else ""
    node = uuid.getnode()
    made_up = node >> 40 & 1  # without a network card: another one in each process
    return f"{socket.gethostname()}/{0 if made_up else node:012x}/{pids}"


class Registry:
    """
    One process's place among the `reactors`; some `relay`, some only claim and serve nothing.

    `sites` are the labels of those it works at: who has the same ones does the same work.
    """

    def __init__(
        self,
        state: AsyncDatabase[Document],
        own_site: str,
        *,
        sites: Sequence[str] = (),
        serves: bool = True,
        relays: bool = False,
    ) -> None:
        self._state = state
        self._reactors = state["reactors"]
        self._buried: frozenset[str] = frozenset()
        self._cursors = state["cursors"]
        self.process = secrets.token_hex(8)
        self._identity: Document = {
            "host": host(),
            "boot": _boot(),
            "pid": psutil.Process().pid,
            "born": _born(psutil.Process()),
            "site": own_site,
            "sites": sorted(sites),
            "serves": serves,
            "relays": relays,
        }

    async def register(self, session: object = None) -> None:
        """Appear among the reactors; `session` is the one that endings are recorded in."""
        self._identity["session"] = session
        await self._reactors.create_index("seen", expireAfterSeconds=_FORGET_SECONDS)
        await self.beat({})

    async def beat(self, doing: Mapping[str, Any]) -> None:
        """Say that we live, and what we do."""
        said = {
            "$replaceWith": {
                "$mergeObjects": [
                    {"$literal": {"_id": self.process, **self._identity, **doing}},
                    {"seen": "$$NOW", "started": {"$ifNull": ["$started", "$$NOW"]}},
                ]
            }
        }
        await self._reactors.update_one({"_id": self.process}, [said], upsert=True)

    async def leave(self) -> None:
        """Disappear: all claims have been given up."""
        await self._reactors.delete_one({"_id": self.process})

    async def dead(self) -> frozenset[str]:
        """Return the processes of this host that are gone for good."""
        others = self._reactors.find({"host": self._identity["host"], "_id": {"$ne": self.process}})
        return frozenset([other["_id"] async for other in others if not self._lives(other)])

    async def company(self) -> Company:
        """Return who serves, as was seen lately; ourselves always."""
        lately = {"$gt": ["$seen", {"$subtract": ["$$NOW", ALIVE_SECONDS * 1000]}]}
        found = self._reactors.find({"serves": True, "$expr": lately}, _DOES)
        serving = {self.process: self._identity} | {one["_id"]: one async for one in found}
        ids = sorted(serving)
        alike = [one for one in ids if _work(serving[one]) == _work(self._identity)]
        return Company(
            self._identity.get("session"),
            (ids.index(self.process), len(ids)),
            tuple(serving[one].get("session") for one in alike),
        )

    async def bury(self, dead: frozenset[str]) -> None:
        """
        Abort what dead processes had begun to record.

        The server would keep such a transaction open for a minute, and its documents locked.
        """
        if fresh := dead - self._buried:
            found = self._reactors.find({"_id": {"$in": [*fresh]}}, {"session": 1})
            sessions = [{"id": one["session"]} async for one in found if one.get("session")]
            if sessions:
                await self._state.client.admin.command("killSessions", sessions)
        self._buried = dead

    async def cursor(self) -> str:
        """
        Return the name of a cursor that is ours alone.

        It is that of a process of this host and site that has ended, if there is one: so a
        restarted reactor goes on where it was, and two beside each other do not collide.
        """
        mine = {"host": self._identity["host"], "site": self._identity["site"]}
        # In this order: who has a cursor was registered before.
        owners = [(c["_id"], c["process"]) async for c in self._cursors.find(mine)]
        alive = {r["_id"] async for r in self._reactors.find(mine) if self._lives(r)}
        for name, owner in owners:
            if owner not in alive and await self._take_over(name, owner):
                return str(name)
        name = secrets.token_hex(8)
        await self._cursors.insert_one({"_id": name, **mine, "process": self.process})
        return name

    async def _take_over(self, cursor: str, owner: str) -> bool:
        """Take a cursor, unless another process was faster."""
        taken = await self._cursors.update_one(
            {"_id": cursor, "process": owner}, {"$set": {"process": self.process}}
        )
        return taken.matched_count == 1

    def _lives(self, other: Mapping[str, Any]) -> bool:
        if other["_id"] == self.process:
            return True
        if other["boot"] != self._identity["boot"]:
            return False
        try:
            process = psutil.Process(other["pid"])
            ended = process.status() == psutil.STATUS_ZOMBIE  # nobody has asked how it ended
            return not ended and bool(abs(_born(process) - other["born"]) < 1.0)
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True


def _work(reactor: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what a reactor does, to be compared."""
    return tuple(reactor.get(name) for name in _DOES if name != "session")


def _boot() -> str:
    """Return what names this run of the machine, where there is such a name."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""


def _born(process: psutil.Process) -> float:
    """
    Return when a process started, by a clock that nobody sets.

    On Linux that is seconds since the machine's start: by the calendar, all processes would
    seem to have been replaced whenever its clock is put right.
    """
    return process.create_time() - (psutil.boot_time() if _BOOT_ID.exists() else 0.0)

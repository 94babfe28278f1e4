"""
Kills a reactor at a step of a transfer, as others can see it: by its claim in the database.

Nothing in the product helps with this. A claim appears: nothing is staged yet, or the first
bytes are. Its journal grows: a large file is under way. It tells what was verified: the next
thing is to publish. It goes: the transfer was recorded just now.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from typing import Any, ClassVar

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.faults.studio import REMOTE, STATE, Studio

Document = dict[str, Any]

_PATIENCE = 4.0
_PATIENCE_WITH_LARGE = 20.0


class Steps:
    """Watches claims, and kills whoever comes to the step that is armed."""

    NAMES: ClassVar = ("claimed", "staged", "journalled", "verified", "recorded")
    OF_LARGE: ClassVar = frozenset({"journalled", "verified"})

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._over = threading.Event()
        self._armed: tuple[str, float] | None = None
        self._owners: dict[str, str] = {}  # processes by claims' keys
        self._thread = threading.Thread(target=self._run, name="steps", daemon=True)
        self.killed: Counter[str] = Counter()
        self.missed = 0

    def start(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def close(self) -> None:
        """Watch no more."""
        self._over.set()
        self._thread.join()

    def arm(self, step: str) -> bool:
        """Wait for somebody to come to this step; return whether nobody is waited for yet."""
        if self._armed is not None and time.monotonic() < self._armed[1]:
            return False
        self.missed += self._armed is not None
        patience = _PATIENCE_WITH_LARGE if step in self.OF_LARGE else _PATIENCE
        self._armed = step, time.monotonic() + patience
        return True

    def _run(self) -> None:
        with MongoClient[Document](self._studio.mongo.uri, timeoutMS=10_000) as client:
            while not self._over.is_set():
                with contextlib.suppress(PyMongoError):
                    self._follow(client)
                self._over.wait(0.2)

    def _follow(self, client: MongoClient[Document]) -> None:
        claims = client[STATE]["claims"]
        with claims.watch(full_document="updateLookup", max_await_time_ms=200) as stream:
            while not self._over.is_set():
                event = stream.try_next()
                if event is not None:
                    self._see(client, event)

    def _see(self, client: MongoClient[Document], event: Any) -> None:
        key = str(event["documentKey"]["_id"])
        claim: Document = event.get("fullDocument") or {}
        owner = self._owners.get(key, "")
        if claim.get("process"):
            self._owners[key] = owner = claim["process"]
        if event["operationType"] == "delete":
            self._owners.pop(key, None)
        armed = self._armed
        if armed is None or not owner or time.monotonic() > armed[1]:
            return
        if self._is_at(armed[0], event, claim):
            reactor = client[STATE]["reactors"].find_one({"_id": owner}) or {}
            place = self._studio.fleet.by_pid(reactor.get("pid", 0))
            if place is not None and place.kill():
                self._armed = None
                self.killed[armed[0]] += 1

    def _is_at(self, step: str, event: Any, claim: Document) -> bool:
        journal: Document = claim.get("journal") or {}
        match step:
            case "claimed":
                return str(event["operationType"]) in ("insert", "replace")
            case "staged":
                return self._is_staged(claim)
            case "journalled":
                return bool(journal.get("offset"))
            case "verified":
                return bool(journal.get("published"))
            case _:
                return str(event["operationType"]) == "delete"

    def _is_staged(self, claim: Document) -> bool:
        """Return whether a claim's first bytes are down at the SFTP site, or on a disk."""
        disk = self._studio.disks.get(str(claim.get("site")))
        if disk is None:
            return False
        below = str(claim.get("path", ""))
        folder = (disk.root / below).parent
        staged = folder / f".sitesync-{claim.get('claim')}.part"
        if disk.name == REMOTE:
            return staged.exists()
        return staged.exists() and staged.stat().st_size > 0

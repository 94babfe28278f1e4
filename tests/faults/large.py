"""
What a kill at a random moment of a large transfer costs: how many bytes go a second time.

To the SFTP site the bytes are counted on the line, those of SSH included; between disks, where
there is no line, from what lay staged when the reactor died and what was sent after that.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

from bson import ObjectId

from tests.faults.items import Item, PublishedFile, document_of
from tests.faults.judge import Document
from tests.faults.studio import ALWAYS, PROJECTS, REMOTE, Studio, studio

SIZE = 1024**3
PROJECT = "Show"
MOST_RESENT = 64 * 1024**2  # after one kill
_PATIENCE = 240.0
_SITES = (ALWAYS, REMOTE)


@dataclass(frozen=True, slots=True)
class Resent:
    """One kill: at which site's transfer, after how many bytes, and how many went again."""

    site: str
    staged: int
    again: int


def run_large(seed: int, kills: int, folder: Path, *, as_root: bool) -> list[Resent]:
    """Kill the owner of a 1 GiB transfer at random moments, so often for each kind of site."""
    rng = random.Random(seed)
    with studio(folder, reactors=2, as_root=as_root) as made:
        transfer = Large(made, rng)
        return [transfer.kill_once(site) for site in _SITES for _ in range(kills)]


class Large:
    """One file of 1 GiB, published again and again."""

    def __init__(self, made: Studio, rng: random.Random) -> None:
        assert PROJECTS[PROJECT] == REMOTE
        self._studio = made
        self._rng = rng
        self._content = bytearray(os.urandom(SIZE))
        self._file = PublishedFile(f"{PROJECT}/large.abc", SIZE)
        self._identity = ObjectId()

    def kill_once(self, site: str) -> Resent:
        """Publish, kill whoever brings it to a site, and return what that cost."""
        at = self._rng.randrange(SIZE // 50, SIZE - SIZE // 50)
        self._content[:16] = self._rng.randbytes(16)
        before = self._studio.sftp.line.sent
        self._publish(site)
        staged = self._kill_at(site, at)
        sent = self._arrived(site)
        if site == REMOTE:
            again = self._studio.sftp.line.sent - before - SIZE
        else:
            again = staged + sent - SIZE
        self._arrived(ALWAYS)
        return Resent(site, staged, max(0, again))

    def _publish(self, site: str) -> None:
        """Publish other bytes in place of the former ones; a setting wants them at one more site."""
        made, content = self._studio, bytes(self._content)
        made.ledger.write([self._file.renew(content, "studio")])
        self._file.put(made.disks["studio"].root, content, in_place=False)
        documents = made.database[PROJECT]
        documents.delete_many({"type": "representation"})
        self._identity = ObjectId()
        item = Item(PROJECT, "studio", (site,), [self._file], [self._identity])
        documents.insert_one(document_of(item, self._identity))

    def _kill_at(self, site: str, at: int) -> int:
        """Kill the owner once so many bytes are staged; return how many there were then."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            claim: Document = self._studio.state["claims"].find_one({"site": site}) or {}
            folder = (self._studio.disks[site].root / self._file.below).parent
            staged = folder / f".sitesync-{claim.get('claim')}.part"
            while staged.exists():
                if staged.stat().st_size >= at:
                    self._kill(str(claim.get("process")))
                    return staged.stat().st_size
                time.sleep(0.002)
            if time.monotonic() > deadline:
                raise RuntimeError(f"no transfer to {site} came to byte {at}")
            time.sleep(0.002)

    def _kill(self, process: str) -> None:
        owner: Document = self._studio.state["reactors"].find_one({"_id": process}) or {}
        place = self._studio.fleet.by_pid(owner.get("pid", 0))
        if place is None or not place.kill():
            raise RuntimeError("the owner of the transfer is not there")

    def _arrived(self, site: str) -> int:
        """Wait until the file is available there; return how many bytes its last attempt sent."""
        deadline = time.monotonic() + _PATIENCE
        while not self._is_available(site):
            self._studio.fleet.tend()
            if time.monotonic() > deadline:
                raise RuntimeError(f"the file does not come to {site}")
            time.sleep(0.05)
        attempts = self._studio.state["attempts"]
        last: Document = attempts.find_one(
            {"site": site, "outcome": "available"}, sort=[("at", -1), ("_id", -1)]
        )
        sent: int = last["sent"]
        return sent

    def _is_available(self, site: str) -> bool:
        there = {"sites": {"$elemMatch": {"name": site, "created_dt": {"$ne": None}}}}
        which = {"_id": self._identity, "files": {"$elemMatch": there}}
        return bool(self._studio.database[PROJECT].count_documents(which))

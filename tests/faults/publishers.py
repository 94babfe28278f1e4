"""
Publishers: threads that publish, republish, remove, pause and prioritise all the time.

Each has seeded dice of its own. Like a person, a publisher does not give up what it has begun:
it asks the database until it answers. Bytes come before documents, the ledger before bytes.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bson import ObjectId
from pymongo.errors import DuplicateKeyError, PyMongoError

from tests.faults.items import BIG, Item, PublishedFile, document_of, some_size
from tests.faults.ledger import Line
from tests.faults.studio import ALWAYS, PROJECTS, Studio

_PATIENCE = 120.0
_MOST_BIG = 4  # large files of one publisher: further ones are published again under these names


@dataclass
class Publisher:
    """One publisher; `done` counts what it did, `files` how many files it published."""

    number: int
    studio: Studio
    rng: random.Random
    pace: float
    over: threading.Event
    done: Counter[str] = field(default_factory=Counter[str])
    files: int = 0
    bytes: int = 0
    items: list[Item] = field(default_factory=list[Item])
    trouble: list[str] = field(default_factory=list[str])
    taken: list[tuple[Item, PublishedFile, str]] = field(
        default_factory=list[tuple[Item, PublishedFile, str]]
    )
    lock: threading.Lock = field(default_factory=threading.Lock)
    _paused: list[Item] = field(default_factory=list[Item])
    _count: int = 0

    def run(self) -> None:
        """Publish until it is over, then leave nothing paused."""
        acts: list[tuple[Callable[[], None], float]] = [
            (self.publish, 10),
            (self.republish, 6),
            (self.pause, 1.5),
            (self.resume, 2),
            (self.prioritise, 2),
            (self.delete_document, 0.3),
            (self.take_away, 0.5),
            (self.reset_site, 0.3),
            (self.remove_from_site, 0.3),
        ]
        weights = [weight for _, weight in acts]
        try:
            while not self.over.wait(self.rng.expovariate(self.pace)):
                with self.lock:
                    act = self.rng.choices(acts, weights)[0][0]
                    act()
            with self.lock:
                while self._paused:
                    self.resume()
        except Exception as error:  # noqa: BLE001 - told in the report: nothing may be lost unseen
            self.trouble.append(f"publisher {self.number}: {error!r}")

    def publish(self) -> None:
        """Publish one representation: bytes, then the document."""
        frames = self.rng.choices((1, self.rng.randrange(2, 20), 60), (60, 35, 2))[0]
        sizes = [some_size(self.rng)] * frames if frames < 20 else [2000] * frames
        if sizes[0] * frames > 20_000_000 and (frames > 1 or self._big_ones() >= _MOST_BIG):
            sizes = [300_000] * frames  # frames share one size
        self._publish(sizes)

    def publish_large(self) -> None:
        """Publish a file that takes long enough for a journal; again, where there is one."""
        large = [item for item in self.items if item.files[0].size >= BIG]
        if large:
            self._put(large[0], large[0].files, in_place=False)
            self._tell(large[0], large[0].files)
        else:
            self._publish([BIG])

    def _publish(self, sizes: list[int]) -> None:
        self._count += 1
        home = self.rng.choice(self.studio.own_sites)
        project = self.rng.choice([*PROJECTS])
        name = f"{project}/p{self.number}/s{self._count % 7}/f{self._count:05}"
        files = [PublishedFile(f"{name}.{n:04}.exr", size) for n, size in enumerate(sizes)]
        others = [site for site in self.studio.own_sites if site != home]
        also = (site for site in others if site == ALWAYS or self.rng.random() < 0.6)
        wanted = (PROJECTS[project], *also)
        item = Item(project, home, wanted, files, [ObjectId()])
        if self.rng.random() < 0.1:
            item.ids.append(ObjectId())
        self._put(item, item.files, in_place=False)
        for identity in item.ids:
            self._insert(item, identity)
        self.items.append(item)
        self.done["published"] += 1

    def republish(self) -> None:
        """Publish other bytes of the same size under the same names, and say so in documents."""
        item = self._some_item()
        if item is None:
            return
        files = item.files if self.rng.random() < 0.7 else [self.rng.choice(item.files)]
        self._put(item, files, in_place=self.rng.random() < 0.3)
        self._tell(item, files)
        self.done["republished"] += 1

    def spoil(self, rng: random.Random, *, truncate: bool) -> bool:
        """Change or cut a file at its source, as a crashed tool does, and publish it anew later."""
        item = self.sample(rng)
        if item is None:
            return False
        file = max(item.files, key=lambda each: each.size)
        self.studio.ledger.write([Line(file.path, item.home)])
        real = self.studio.disks[item.home].root / file.below
        with real.open("r+b") as opened:
            if truncate:
                opened.truncate(file.size // 2)
            else:
                opened.seek(file.size // 2)
                opened.write(b"spoiled")
        time.sleep(rng.uniform(0.2, 2.0))
        self._put(item, [file], in_place=False, rng=rng)
        self._tell(item, [file])
        return True

    def pause(self) -> None:
        """Pause a representation's wanted entries at the remote site."""
        if (item := self._some_item()) and item not in self._paused:
            self._paused.append(item)
            self._set_entries(item, {"$set": {"files.$[].sites.$[s].paused": True}})
            self.done["paused"] += 1

    def resume(self) -> None:
        """Let the oldest pause end."""
        if self._paused:
            item = self._paused.pop(0)
            self._set_entries(item, {"$unset": {"files.$[].sites.$[s].paused": ""}})
            self.done["resumed"] += 1

    def prioritise(self) -> None:
        """Give a representation another priority at the remote site."""
        if item := self._some_item():
            priority = self.rng.randrange(1, 100)
            self._set_entries(item, {"$set": {"files.$[].sites.$[s].priority": priority}})
            self.done["prioritised"] += 1

    def delete_document(self) -> None:
        """Delete a representation, whatever is on its way."""
        if item := self._some_item():
            self.items.remove(item)
            if item in self._paused:
                self._paused.remove(item)
            for identity in item.ids:
                self._ask(self._documents(item).delete_one, {"_id": identity})
            self.done["deleted"] += 1

    def take_away(self) -> None:
        """Delete a copy at another own site by hand: it has to come back."""
        item = self._some_item()
        if item is None or len(item.wanted) == 1:
            return
        places = item.wanted[1:]
        site, file = self.rng.choice(places), self.rng.choice(item.files)
        self.studio.ledger.write([Line(file.path, site)])
        (self.studio.disks[site].root / file.below).unlink(missing_ok=True)
        self.taken.append((item, file, site))
        self.done["taken away"] += 1

    def reset_site(self) -> None:
        """Let a site prove its bytes again, as an operator does who does not trust them."""
        if item := self._some_item():
            self._command("reset", item, self.rng.choice(item.wanted))

    def remove_from_site(self) -> None:
        """Take entries from a site together with the bytes, where no setting asks for them."""
        if item := self._some_item():
            places = [site for site in item.wanted if site != ALWAYS]
            self._command("remove", item, self.rng.choice(places), "--delete-files")

    def _command(self, what: str, item: Item, site: str, *options: str) -> None:
        """Run `sitesync site …`, once: where the database is away it fails, and nothing is lost."""
        done = self.studio.command(
            "site", what, site, "--representation", str(item.ids[0]), *options
        )
        self.done[f"site {what}" if done.returncode == 0 else f"site {what} failed"] += 1

    def burst(self, count: int) -> None:
        """Publish so many small frames at once, five hundred to a representation."""
        while count > 0 and not self.over.is_set():
            self._count += 1
            frames = min(count, 500)
            count -= frames
            name = f"Show/burst{self.number}/r{self._count:05}/f"
            files = [PublishedFile(f"{name}.{n:04}.exr", 500) for n in range(frames)]
            item = Item("Show", "studio", (PROJECTS["Show"], ALWAYS), files, [ObjectId()])
            self._put(item, files, in_place=False)
            self._insert(item, item.ids[0])
            with self.lock:
                self.items.append(item)

    def unnoticed(self) -> list[str]:
        """Return the copies that were taken away and are still told to be available."""
        return [
            f"{file.below} at {site}"
            for item, file, site in self.taken
            if not (self.studio.disks[site].root / file.below).exists()
            and self._is_available(item, file, site)
        ]

    def _is_available(self, item: Item, file: PublishedFile, site: str) -> bool:
        there = {"sites": {"$elemMatch": {"name": site, "created_dt": {"$ne": None}}}}
        named = {"_id": {"$in": item.ids}, "files": {"$elemMatch": {"_id": file.id, **there}}}
        return bool(self._documents(item).count_documents(named))

    def sample(self, rng: random.Random) -> Item | None:
        """Return one of the items that were published last."""
        items = self.items[-60:]
        return rng.choice(items) if items else None

    def _put(
        self,
        item: Item,
        files: list[PublishedFile],
        *,
        in_place: bool,
        rng: random.Random | None = None,
    ) -> None:
        contents = [(rng or self.rng).randbytes(file.size) for file in files]
        pairs = list(zip(files, contents, strict=True))
        self.studio.ledger.write([file.renew(content, item.home) for file, content in pairs])
        root = self.studio.disks[item.home].root
        for file, content in pairs:
            file.put(root, content, in_place=in_place)
        self.files += len(files)
        self.bytes += sum(file.size for file in files)

    def _tell(self, item: Item, files: list[PublishedFile]) -> None:
        """Write a republish into all documents of an item."""
        for identity in item.ids:
            for file in files:
                which = {"_id": identity, "files._id": file.id}
                meaning = file.meaning(item.home, item.wanted)
                change = {"$set": {f"files.$.{key}": value for key, value in meaning.items()}}
                self._ask(self._documents(item).update_one, which, change)

    def _set_entries(self, item: Item, change: dict[str, Any]) -> None:
        remote = [{"s.name": item.wanted[0]}]
        update = partial(self._documents(item).update_one, array_filters=remote)
        for identity in item.ids:
            self._ask(update, {"_id": identity}, change)

    def _insert(self, item: Item, identity: ObjectId) -> None:
        with contextlib.suppress(DuplicateKeyError):  # an answer was lost, not the write
            self._ask(self._documents(item).insert_one, document_of(item, identity))

    def _ask(self, question: Callable[..., object], *about: object) -> None:
        """Ask the database until it answers; raises when it has not for longer than any fault."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                question(*about)
            except DuplicateKeyError:
                raise
            except PyMongoError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def _some_item(self) -> Item | None:
        return self.rng.choice(self.items[-60:]) if self.items else None

    def _big_ones(self) -> int:
        return sum(item.files[0].size > 20_000_000 for item in self.items)

    def _documents(self, item: Item) -> Any:
        return self.studio.database[item.project]

"""
Holds the world to what DESIGN promises, after each change of a document, a claim or a file.

It knows what is right from the studio's truth, and reads bytes and documents alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reactor.model import source_hash
from tests.simulation.server import Change
from tests.simulation.storage import Inode, Root, Store
from tests.simulation.studio import AT, CLAIMS, FOLDER, RETRIES, Place, Studio
from tests.simulation.values import Document
from tests.simulation.world import World

SITE_TROUBLE = "simulated trouble of the site"


@dataclass(slots=True)
class Judge:
    """
    What was seen so far. `touched` tells where other hands changed bytes, and at which step.

    There an entry may be wrong until we write anew: that is found by watch, scan or `validate`.
    """

    studio: Studio
    touched: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    claimed: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        self.studio.told = self._touch
        self.studio.world.server.watchers.append(self._document_changed)
        for store in self.studio.world.stores.values():
            store.watchers.append(self._file_changed)
            store.wronged = self.world.wrong

    @property
    def world(self) -> World:
        return self.studio.world

    def _touch(self, store: str, path: str) -> None:
        self.touched[store, path] = self.world.steps

    # While it runs.

    def _file_changed(self, root: Root, path: str, inode: Inode | None, author: str) -> None:
        if author == "hands":
            return
        store = next(s.name for s in self.world.stores.values() if s.root(FOLDER) is root)
        self.touched.pop((store, path), None)
        self.look_at_all(f"{author} changed {path} at {store}")

    def _document_changed(self, change: Change) -> None:
        if change.namespace == CLAIMS:
            self._claim_changed(change)
        elif change.namespace == AT and change.after is not None:
            if change.author == "hands":
                self._forgive(change.after)
            else:
                self._entries_changed(change)
            self._look_at(change.after, f"{change.author} wrote")

    def _claim_changed(self, change: Change) -> None:
        before, after = change.before, change.after
        if after is not None and (before is None or before.get("claim") != after.get("claim")):
            self.claimed[after["claim"]] = self.world.steps
        if before is not None and after is None:
            owner = str(before.get("process")).partition("-")[0]
            if owner != change.author:
                self.world.wrong(
                    f"{change.author} deleted claim {before['claim']}, which {owner} holds"
                )

    def _forgive(self, document: Document) -> None:
        """Believe again what hands have brought where a document now means it."""
        for element in document["files"]:
            for entry in element["sites"]:
                if self._is_right(entry["name"], element):
                    store = self.studio.stores[entry["name"]].name
                    self.touched.pop((store, element["path"].partition("/")[2]), None)

    def _entries_changed(self, change: Change) -> None:
        assert change.after is not None
        files: list[Document] = change.before["files"] if change.before else []
        for position, element in enumerate(change.after["files"]):
            before: list[Document] = files[position]["sites"] if position < len(files) else []
            old = {entry["name"]: entry for entry in before}
            for entry in element["sites"]:
                self._entry_changed(change, element, old.get(entry["name"]), entry)

    def _entry_changed(
        self, change: Change, element: Document, old: Document | None, new: Document
    ) -> None:
        stamp = new.get("created_dt")
        name = f"{element['path']} at {new['name']}"
        if (new.get("tries") or 0) > ((old or {}).get("tries") or 0) and SITE_TROUBLE in str(
            new.get("error")
        ):
            self.world.wrong(f"{change.author} counted a failure of the site: {name}")
        if stamp is None or (old is not None and old.get("created_dt") == stamp):
            return
        if old is not None and is_available(old, element):
            self.world.wrong(f"{change.author} completed {name}, which was available")
        if new.get("source_hash") != source_hash(element["hash"]):
            self.world.wrong(f"{change.author} completed {name} for another hash")
        self._judge_touched(element, new["name"])

    def _judge_touched(self, element: Document, site: str) -> None:
        """Forgive no longer where hands were at work before the claim was taken."""
        store = self.studio.stores[site]
        place = self._place(element)
        marker = store.root(FOLDER).marker
        assert marker is not None
        claim = self.world.server.collections.get(CLAIMS, {}).get(marker.key(place.name))
        taken = self.claimed.get(claim["claim"], 0) if claim else 0
        if self.touched.get((store.name, place.name), taken + 1) < taken:
            del self.touched[store.name, place.name]

    def _place(self, element: Document) -> Place:
        return next(place for place in self.studio.places if place.path == element["path"])

    def look_at_all(self, why: str) -> None:
        """Judge all documents."""
        for document in self.world.server.collections.get(AT, {}).values():
            self._look_at(document, why)

    def _look_at(self, document: Document, why: str) -> None:
        for element in document["files"]:
            for entry in element["sites"]:
                if is_available(entry, element) and not self._is_true(entry["name"], element):
                    self.world.wrong(
                        f"{why}: {element['path']} is available at {entry['name']}, "
                        f"where {self._told(entry['name'], element)}"
                    )

    def _is_true(self, site: str, element: Document) -> bool:
        name = element["path"].partition("/")[2]
        return (
            self._is_right(site, element) or (self.studio.stores[site].name, name) in self.touched
        )

    def _bytes(self, site: str, element: Document) -> bytes | None:
        inode = self.studio.root_of(site).published.get(element["path"].partition("/")[2])
        return None if inode is None else bytes(inode.content)

    def _is_right(self, site: str, element: Document) -> bool:
        content = self._bytes(site, element)
        if content is None or len(content) != element["size"]:
            return False
        return content == self.studio.truth[element["path"], element["hash"]]

    def _told(self, site: str, element: Document) -> str:
        return f"lies {self._bytes(site, element)!r}, not {self._meant(element)!r}"

    def _meant(self, element: Document) -> bytes:
        return self.studio.truth[element["path"], element["hash"]]

    # At the end.

    def unserved(self) -> list[str]:
        """Return what is wanted at a served site and could be there."""
        return [
            f"{element['path']} is not served at {entry['name']}: {entry}"
            for document in self.world.server.collections.get(AT, {}).values()
            for element in document["files"]
            for entry in element["sites"]
            if not is_available(entry, element) and self._could_be_served(entry, element)
        ]

    def _could_be_served(self, entry: Document, element: Document) -> bool:
        if entry["name"] == "archive" or entry.get("paused"):
            return False
        if (entry.get("tries") or 0) >= RETRIES:
            return False
        # Who serves a site brings there what is at another; to any other it brings its own.
        served = self.studio.topologies
        others = [
            one for one in element["sites"] if entry["name"] in served or one["name"] in served
        ]
        return any(
            is_available(other, element) and self._is_right(other["name"], element)
            for other in others
        )

    def left_over(self) -> list[str]:
        """
        Return what should not be there once all is settled.

        What somebody staged who had lost the claim by then, and who was killed, or could not reach
        the site to take it away, no claim remembers: own disks are swept for it, others are not.
        """
        claims = self.world.server.collections.get(CLAIMS, {})
        waiting = [claim for claim in claims.values() if self._is_wanted(claim)]
        known = {one["claim"] for claim in waiting for one in (claim, *claim["former"])}
        found = [f"{claim} is left over" for claim in claims.values() if claim not in waiting]
        for store in self.world.stores.values():
            swept = store.name in self.studio.topologies
            found += [
                f"{name} for {path} is left over at {store.name}"
                for (path, name), inode in store.root(FOLDER).staged.items()
                if inode.claim not in known and (swept or not self._is_lost(store, inode))
            ]
        return found

    def _is_wanted(self, claim: Document) -> bool:
        """Return whether something is wanted at a claim's place, if only nobody could bring it."""
        return any(
            not is_available(entry, element)
            for document in self.world.server.collections.get(AT, {}).values()
            for element in document["files"]
            for entry in element["sites"]
            if element["path"].partition("/")[2] == claim["path"]
            and self.studio.stores[entry["name"]] is self.studio.stores.get(claim["site"])
        )

    def _is_lost(self, store: Store, inode: Inode) -> bool:
        """Return whether who staged something may have had no chance to take it away."""
        return store.refused or self.world.was_killed(inode.claim.rpartition("-")[0])


def is_available(entry: Document, element: Document) -> bool:
    """Return whether a document says that what it means now is at a site."""
    made_for: Any = entry.get("source_hash")
    stale = made_for is not None and made_for != source_hash(element["hash"])
    return entry.get("created_dt") is not None and not stale

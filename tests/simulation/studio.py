"""
Small studios: sites, a few published files, and those who publish, reset and remove beside us.

What each `hash` of a path means is noted when it is published: that is the truth that all is held
to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId

from providers.base import Facts, Features, Marker
from providers.checksums import ALGORITHMS, checksum_of
from reactor.model import Topology, source_hash
from tests.simulation.server import EPOCH
from tests.simulation.storage import Inode, Root, Store
from tests.simulation.values import Document
from tests.simulation.world import Process, Step, World

PROJECT = "Show"
DATABASE = "avalon"
STATE = "sitesync"
AT = (DATABASE, PROJECT)
CLAIMS = (STATE, "claims")
REACTORS = (STATE, "reactors")
FOLDER = "/work"
RETRIES = 3
_SECOND = 1_000_000_000
_WANTING = ("studio", "vendor", "artist")

DISK = Features(
    checksums=frozenset(ALGORITHMS),
    mtime_resolution_ns=1,
    local_paths=True,
    bundle=8,
    copies_staged=True,
)
KINDS: dict[str, Features] = {
    "disk": DISK,
    "sftp": Features(mtime_resolution_ns=_SECOND, bundle=4, copies_staged=True),
    "sftp that hashes": Features(
        checksums=frozenset(("xxh128",)), mtime_resolution_ns=_SECOND, bundle=4
    ),
    "sftp read back": Features(mtime_resolution_ns=_SECOND, read_back=True),
    "service": Features(
        atomic_replace=False,
        derived_handles=False,
        checksums=frozenset(("md5",)),
        mtime_resolution_ns=1_000_000,
    ),
    "old sftp": Features(atomic_replace=False, mtime_resolution_ns=_SECOND, resume=False),
}


@dataclass(slots=True)
class Place:
    """
    A file on its way through its versions: where it is published, and where it is wanted.

    `is_publishing`: new bytes are there, and the document does not mean them yet.
    """

    document: ObjectId
    position: int
    name: str
    home: str
    wanted: tuple[str, ...]
    version: int = 0
    is_publishing: bool = False

    @property
    def path(self) -> str:
        return f"{{root[work]}}/{self.name}"


@dataclass(slots=True)
class Studio:
    """One small studio, drawn from the world's dice."""

    world: World
    kinds: dict[str, str] = field(default_factory=dict[str, str])
    stores: dict[str, Store] = field(default_factory=dict[str, Store])
    alternatives: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    places: list[Place] = field(default_factory=list[Place])
    truth: dict[tuple[str, str], bytes] = field(default_factory=dict[tuple[str, str], bytes])
    topologies: dict[str, Topology] = field(default_factory=dict[str, Topology])
    always: tuple[str, ...] = ()
    hosts: dict[str, str] = field(default_factory=dict[str, str])
    chunk: int = 3
    told: Callable[[str, str], None] = lambda store, path: None
    hands: Process = field(init=False)
    _times: int = 0

    def __post_init__(self) -> None:
        world, dice = self.world, self.world.dice
        self.hands = Process(world, "hands", "elsewhere")
        self.chunk = dice.choice((2, 3, 6))
        self.kinds = {"studio": "disk", "vendor": dice.choice(list(KINDS))}
        if dice.random() < 0.5:
            self.kinds["artist"] = self.kinds["archive"] = "disk"
            self.hosts["artist"] = dice.choice(("one", "three"))
        for name in self.kinds:
            self.stores[name] = self._store(name)
        if dice.random() < 0.2:
            self.kinds["mirror"] = self.kinds["vendor"]
            self.stores["mirror"] = self.stores["vendor"]
            self.alternatives = {"vendor": ("mirror",)}
        world.stores = {store.name: store for store in self.stores.values()}
        world.disks = frozenset(n for n, kind in self.kinds.items() if kind == "disk")
        self.always = ("vendor",) if dice.random() < 0.2 else ()
        for own in ("studio", "artist"):
            if own in self.kinds:
                self.topologies[own] = self._topology(own)
        self._publish_first()

    def _store(self, name: str) -> Store:
        store = Store(name, self._file_time)
        store.root(FOLDER).marker = Marker(self.world.new_marker())
        return store

    def _file_time(self) -> int:
        """Return a time for a file that was just made: never the same twice."""
        self._times += 1
        return int(EPOCH.timestamp() + self.world.now) * _SECOND + self._times * 1_234_000

    def _topology(self, own: str) -> Topology:
        served = tuple(dict.fromkeys((own, "vendor", *self.always)))
        known = {name: self.alternatives.get(name, ()) for name in self.kinds}
        return Topology(
            project=PROJECT,
            own=own,
            served=served,
            alternatives=known,
            reachable=frozenset(self.kinds),
            always=self.always,
            retry_count=RETRIES,
        )

    # What publishers do.

    def _publish_first(self) -> None:
        dice = self.world.dice
        documents = 1 + (dice.random() < 0.15)
        count = 0
        for _ in range(documents):
            identity = self.world.server.new_id()
            files: list[Document] = []
            for position in range(1 + (dice.random() < 0.15)):
                count += 1
                home = "artist" if "artist" in self.kinds and dice.random() < 0.2 else "studio"
                others = [n for n in _WANTING if n in self.kinds and n != home]
                wanted = tuple(n for n in others if n == "vendor" or dice.random() < 0.7)
                place = Place(identity, position, f"f{count}.exr", home, wanted)
                self.places.append(place)
                files.append(self.archived(place, self._new_version(place)))
            document = {"_id": identity, "type": "representation", "files": files}
            self.world.server.insert(AT, [document], "hands")

    def _content(self, place: Place, *, longer: bool) -> bytes:
        letter = chr(ord("a") + place.version % 26)
        return (f"{place.name[1]}{letter}" * (4 if longer else 3)).encode()

    def write_version(self, place: Place, *, longer: bool = False) -> Facts:
        """Write the next version's bytes at the home site, as publishers do before documents."""
        place.version += 1
        store = self.stores[place.home]
        root = store.root(FOLDER)
        inode = Inode(bytearray(self._content(place, longer=longer)), self._file_time())
        self.told(store.name, place.name)
        store.put(root, place.name, inode, "hands")
        return inode.facts

    def element(self, place: Place, facts: Facts) -> Document:
        """Return the element of `files` for what was written, as OpenPype's integrator writes it."""
        assert facts.mtime_ns is not None
        seconds, rest = divmod(facts.mtime_ns, _SECOND)
        file_hash = f"{place.name}|{seconds},{rest // 1000:06d}|{facts.size}".replace(".", ",")
        self.truth[place.path, file_hash] = bytes(self._home_bytes(place))
        entries: list[Document] = [{"name": place.home, "created_dt": self.world.server.clock}]
        return {
            "_id": f"id of {place.name}",
            "path": place.path,
            "size": facts.size,
            "hash": file_hash,
            "sites": entries + [{"name": site} for site in place.wanted],
        }

    def _home_bytes(self, place: Place) -> bytearray:
        return self.stores[place.home].root(FOLDER).published[place.name].content

    def _new_version(self, place: Place) -> Document:
        return self.element(place, self.write_version(place))

    def archived(self, place: Place, element: Document) -> Document:
        """Let the archive have what an element means: nobody here serves it, all may read it."""
        if "archive" not in self.kinds or place.name not in self.root_of(place.home).published:
            return element
        home, archive = self.root_of(place.home).published[place.name], self.stores["archive"]
        copy = Inode(bytearray(home.content), home.mtime_ns)
        self.told(archive.name, place.name)
        archive.put(archive.root(FOLDER), place.name, copy, "hands")
        entry = {
            "name": "archive",
            "created_dt": self.world.server.clock,
            "source_hash": source_hash(element["hash"]),
            "checksum": checksum_of("xxh128", [bytes(copy.content)]),
            "verified": "checksum",
        }
        others = [other for other in element["sites"] if other["name"] != "archive"]
        return {**element, "sites": [*others, entry]}

    def ask(self, label: str, act: Callable[[], Any]) -> None:
        """Send a command to the database by other hands than ours."""
        self.world.waiting.append(Step(self.hands, label, "", act, local=False))

    def change_file(
        self,
        place: Place,
        change: Callable[[Document], Document],
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Change one element of a document, as another tool does, in one step."""

        def act() -> None:
            server = self.world.server
            document = server.collections[AT][place.document]
            files = list(document["files"])
            files[place.position] = change(files[place.position])
            server.update(AT, {"_id": place.document}, {"$set": {"files": files}}, "hands")
            then()

        self.ask(f"change {place.name}", act)

    def change_entry(
        self, place: Place, site: str, change: Callable[[Document], Document | None]
    ) -> None:
        """Change one entry, as another tool does, in one step."""

        def act(element: Document) -> Document:
            entries = [
                made
                for entry in element["sites"]
                if (made := change(entry) if entry["name"] == site else entry) is not None
            ]
            return {**element, "sites": entries}

        self.change_file(place, act)

    def root_of(self, site: str) -> Root:
        """Return the folder of a site."""
        return self.stores[site].root(FOLDER)

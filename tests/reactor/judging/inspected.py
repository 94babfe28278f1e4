"""A studio whose sites are looked at by a process of this machine, or by another."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bson import ObjectId
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from reactor.claims import Claims, Place
from reactor.clock import DatabaseClock
from reactor.judging.desk import Desk
from reactor.judging.inspection import Depth, Inspection
from reactor.judging.inventory import Part
from reactor.judging.places import Places
from reactor.judging.verdicts import Verdict
from reactor.model import File, OnMissing, Topology
from reactor.reader import Reader
from reactor.recorder import Recorder
from reactor.sites import Site, Sites, Throttle
from tests.path.studio import PROJECT, Document, Studio, studio_of
from tests.reactor.studio_documents import PAST

NAMES = ("studio", "vendor", "web")
PART = Part.of(PROJECT, ("work",), ["work"], frozenset({"vendor", "web"}))


@dataclass
class Inspected:
    """A studio with the sites `studio`, `vendor`, and `web`, an alternative of the vendor."""

    studio: Studio
    desk: Desk
    sites: Sites
    others: Claims

    def inspection(self, site: str = "vendor", depth: Depth = "size") -> Inspection:
        topology = Topology(
            project=PROJECT,
            own="studio",
            served=("studio", "vendor"),
            alternatives={"studio": (), "vendor": ("web",), "web": ()},
            reachable=frozenset(NAMES),
        )
        places = Places(PROJECT, self.sites.of(PROJECT, site), frozenset({"work"}))
        return Inspection(self.desk, self.sites, topology, places, depth)

    def path(self, name: str, site: str = "vendor") -> Path:
        return self.studio.path(site, name)

    async def publish(self, name: str, *sites: str, at: str = "vendor") -> ObjectId:
        """Publish a file that lies at a site, and is said to be available at some."""
        self.studio.file(name, name.encode() * 100, at=at)
        element = self.studio.files_entry(name, at=at, wanted=())
        entry = element["sites"][0]
        element["sites"] = [{**entry, "name": site} for site in sites]
        return await self.studio.publish(element)

    async def assess(self, *names: str, depth: Depth = "size") -> list[Verdict]:
        return await self.inspection(depth=depth).assess([text(name) for name in names])

    async def settle(self, verdicts: list[Verdict], on_missing: OnMissing = "restore") -> list[str]:
        """Settle, and return the words that were written."""
        settled = await self.inspection().settle(verdicts, on_missing)
        return [verdict.word for verdict in settled.written]

    async def file(self, representation: ObjectId) -> File:
        """The only file of a representation, as its document is now."""
        found = await self.desk.reader.one(PROJECT, representation)
        assert found is not None
        return found.files[0]

    async def place(self, name: str) -> Place:
        places = self.inspection().places
        await places.mark()
        place = places.named_by(text(name))
        assert place is not None
        return place

    async def claims(self) -> list[Document]:
        found: list[Document] = await self.studio.state["claims"].find().to_list()
        return found


def text(name: str) -> str:
    """A path as documents have it."""
    return f"{{root[work]}}/{name}"


@asynccontextmanager
async def inspected(
    client: AsyncMongoClient[Document], database: str, folder: Path
) -> AsyncGenerator[Inspected]:
    """A studio whose `vendor` and `web` are one folder."""
    async with studio_of(client, database, folder, names=("studio", "vendor")) as studio:
        folders = {"studio": "studio", "vendor": "vendor", "web": "vendor"}
        made = {
            name: Site(name, partial(studio.provider, at), Throttle(None), roots=("work",))
            for name, at in folders.items()
        }
        recorder = Recorder(client, client[database], studio.state)
        reader = Reader(client[database])
        await reader.make_indexes(PROJECT)
        clock = DatabaseClock()
        desk = Desk(reader, recorder, Claims(studio.state["claims"], "me"), clock)
        yield Inspected(studio, desk, Sites(made, {}), Claims(studio.state["claims"], "another"))
        await recorder.aclose()


def element(path: object, *sites: str) -> Document:
    """An element of `files`, available at some sites."""
    entries = [{"name": site, "created_dt": PAST} for site in sites]
    return {"path": path, "size": 64, "hash": "h", "sites": entries}


async def publish_files(
    database: AsyncDatabase[Document], *files: object, project: str = PROJECT
) -> None:
    """Insert a representation of these elements."""
    document = {"_id": ObjectId(), "type": "representation", "files": [*files]}
    await database[project].insert_one(document)

"""A small studio for tests of the whole path: real folders, a real database, a real reactor."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
from bson import ObjectId
from pymongo import AsyncMongoClient

from handlers.table import HANDLERS
from providers.base import Provider
from providers.base import Setup as ProviderSetup
from providers.table import PROVIDERS
from reactor.app import Reactor, Setup
from reactor.border.errors import Terms
from reactor.model import Policy, Topology
from reactor.sites import Site, Sites, Throttle

Document = dict[str, Any]
PROJECT = "Show"
PATIENCE = 20.0


def openpype_hash(file: Path) -> str:
    """The identifier that OpenPype's integrator writes: name, mtime and size, no content."""
    facts = file.stat()
    return "|".join([file.name, str(facts.st_mtime), str(facts.st_size)]).replace(".", ",")


@dataclass
class Studio:
    """
    Sites as folders below `folder`, documents in `database`, and reactors on demand.

    `alternatives` and `always` are settings; `own` is the site that reactors serve as, and
    they `relay`.
    """

    client: AsyncMongoClient[Document]
    database: str
    folder: Path
    names: tuple[str, ...] = ("studio", "vendor")
    alternatives: Mapping[str, Collection[str]] = field(default_factory=dict[str, Collection[str]])
    always: tuple[str, ...] = ()
    remote: str = "vendor"
    retry_count: int = 3
    policy: Policy = field(default_factory=Policy)
    trusted: tuple[str, ...] = ()
    relay: bool = False
    projects: tuple[str, ...] = (PROJECT,)
    terms: Terms = field(default_factory=Terms)
    changes_interval: float = 0.1
    providers: dict[str, Provider] = field(default_factory=dict[str, Provider])

    @property
    def documents(self) -> Any:
        return self.client[self.database][PROJECT]

    @property
    def state(self) -> Any:
        return self.client[f"{self.database}_state"]

    def path(self, site: str, name: str = "") -> Path:
        return self.folder / site / name

    async def make_markers(self) -> None:
        for name in self.names:
            await self.provider(name).make_marker("work")

    def provider(self, name: str) -> Provider:
        if name in self.providers:
            return self.providers[name]
        kind = PROVIDERS["local_drive"]
        return kind.make(ProviderSetup(name, {"work": str(self.path(name))}, kind.options()))

    def file(self, name: str, content: bytes, *, at: str = "studio") -> Path:
        """Write a published file's bytes, as a publisher does before it writes documents."""
        file = self.path(at, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def files_entry(
        self, name: str, *, at: str = "studio", wanted: Iterable[str] = ("vendor",)
    ) -> Document:
        """An element of `files` as OpenPype's integrator writes it."""
        file = self.path(at, name)
        sites: list[Document] = [{"name": at, "created_dt": datetime.now()}]  # noqa: DTZ005 - so does OpenPype
        return {
            "_id": ObjectId(),
            "path": f"{{root[work]}}/{name}",
            "size": file.stat().st_size,
            "hash": openpype_hash(file),
            "sites": sites + [{"name": site} for site in wanted],
        }

    async def publish(self, *files: Document) -> ObjectId:
        """Insert a representation of these files, and return its id."""
        identity = ObjectId()
        document: Document = {
            "_id": identity,
            "type": "representation",
            "name": "exr",
            "parent": ObjectId(),
            "context": {"project": {"name": PROJECT}},
            "data": {},
            "files": list(files),
        }
        await self.documents.insert_one(document)
        return identity

    async def publish_file(
        self, name: str, content: bytes, *, wanted: Iterable[str] = ("vendor",)
    ) -> ObjectId:
        """Write a file at the studio and publish it, wanted at some sites."""
        self.file(name, content)
        return await self.publish(self.files_entry(name, wanted=wanted))

    async def entry(self, representation: ObjectId, site: str, position: int = 0) -> Document:
        """An entry as it stands in the database; empty where there is none."""
        document = await self.documents.find_one({"_id": representation})
        entries: list[Document] = document["files"][position]["sites"]
        return next((entry for entry in entries if entry["name"] == site), Document())

    async def until(
        self, representation: ObjectId, site: str, key: str = "created_dt", position: int = 0
    ) -> Document:
        """Wait until an entry has a field, and return the entry."""
        with anyio.fail_after(PATIENCE):
            while key not in (entry := await self.entry(representation, site, position)):
                await anyio.sleep(0.01)
        return entry

    async def attempts(self, **matching: Any) -> list[Document]:
        """The log of attempts."""
        found: list[Document] = await self.state["attempts"].find(matching).to_list()
        return found

    async def until_attempts(self, count: int, **matching: Any) -> list[Document]:
        """Wait until so many attempts were logged."""
        with anyio.fail_after(PATIENCE):
            while len(found := await self.attempts(**matching)) < count:
                await anyio.sleep(0.01)
        return found

    def reactor(self, own: str = "studio") -> Reactor:
        """A reactor that serves as a site; its providers are its own."""
        sites = {
            name: Site(
                name,
                partial(self.provider, name),
                Throttle(None),
                own=name == own,
                roots=("work",),
                policy=self.policy,
                changes_interval=self.changes_interval,
                trust_size=name in self.trusted,
                terms=Terms() if name == own else self.terms,
            )
            for name in self.names
        }
        known = {name: self.alternatives.get(name, ()) for name in self.names}
        topology = Topology(
            project=PROJECT,
            own=own,
            served=tuple(dict.fromkeys((own, self.remote, *self.always))),
            alternatives={**known, **self.alternatives},
            reachable=frozenset(self.names),
            always=self.always,
            retry_count=self.retry_count,
        )
        if self.relay:
            topology = topology.relaying()
        return Reactor(
            Setup(
                self.client,
                self.database,
                f"{self.database}_state",
                own,
                Sites(sites, {}),
                {project: replace(topology, project=project) for project in self.projects}.get,
                HANDLERS,
                self.relay,
            )
        )

    @asynccontextmanager
    async def running(self, own: str = "studio") -> AsyncGenerator[Reactor]:
        """A reactor that serves while the block runs, and is stopped as SIGTERM does."""
        stop = anyio.Event()
        reactor = self.reactor(own)
        async with closed(reactor), anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: reactor.run(until_idle=False, stop=stop))
            yield reactor
            stop.set()

    async def run_until_idle(self, own: str = "studio") -> Reactor:
        """Run a reactor until there is nothing left to do."""
        reactor = self.reactor(own)
        async with closed(reactor):
            with anyio.fail_after(PATIENCE):
                await reactor.run(until_idle=True, stop=anyio.Event())
        return reactor


@asynccontextmanager
async def closed(reactor: Reactor) -> AsyncGenerator[None]:
    """Close a reactor's sites afterwards, as the program does."""
    async with AsyncExitStack() as stack:
        for site in reactor.sites:
            stack.push_async_callback(site.close)
        yield


AnyStudio = TypeVar("AnyStudio", bound=Studio)


def some_bytes(size: int = 5000) -> bytes:
    """Bytes that no other file has."""
    return os.urandom(size)


@asynccontextmanager
async def studio_of(
    client: AsyncMongoClient[Document], database: str, folder: Path, **settings: Any
) -> AsyncGenerator[Studio]:
    """A studio of disks whose databases are dropped afterwards."""
    async with set_up(Studio(client, database, folder, **settings)) as studio:
        yield studio


@asynccontextmanager
async def set_up(studio: AnyStudio) -> AsyncGenerator[AnyStudio]:
    """Make the markers and the project of a studio, and drop its databases afterwards."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(studio.client.drop_database, f"{studio.database}_state")
        await studio.make_markers()
        await studio.documents.insert_one({"type": "project", "name": PROJECT})
        yield studio

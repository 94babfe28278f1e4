"""Publishing where a site cannot replace a file in one step: the mark goes before the file does."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from providers.base import FileError, Location, Setup, SiteError
from providers.conformance.moves import content_at, put, write
from providers.memory import Memory, MemoryOptions
from reactor.finished import Finished
from reactor.gathering import Basket
from reactor.jobs import Job, Variant
from reactor.model import FileRef, Work
from reactor.outcomes import Staged
from reactor.progress import Progress
from reactor.proof import Proof
from reactor.publishing import Publishing
from reactor.sites import Site, Sites, Throttle
from tests.reactor.small_project import SITES, SmallProject

Document = dict[str, Any]
OLD, NEW = b"old bytes", b"new"


class InTwoSteps(Memory):
    """A site where what stands under a final name has to be taken away first."""

    features = replace(Memory.features, atomic_replace=False)


@dataclass
class Studio:
    """Documents that mark files at a site where others are about to take their places."""

    project: SmallProject
    site: Site
    to_record: Basket[Finished] = field(default_factory=Basket[Finished])
    running: int = 1
    ended_early: list[Finished] = field(default_factory=list[Finished])

    def ended(self, finished: Finished) -> None:
        self.ended_early.append(finished)

    async def site_failed(self, finished: Finished, error: SiteError) -> None:
        raise AssertionError(f"{finished.job.work} at a site that is well") from error

    async def publish(self, *batch: Finished) -> list[Finished]:
        """Publish, and return what goes on to be recorded."""
        sites = Sites({"vendor": self.site}, {})
        project = self.project
        publishing = Publishing(project.recorder, project.ours, sites, self.to_record)
        await publishing.publish(batch, self)
        return await self.to_record.take(len(batch))

    async def marked(self, number: int) -> Finished:
        """Publish a document whose file is marked at the site, where its next bytes are staged."""
        ending = await self.project.ending(number)
        await self.project.recorder.record([ending])
        claim = await self.project.claim(number)
        await put(self.site.provider, str(number), OLD)
        where = Location("work", str(number))
        handle = await self.site.provider.stage(where, claim.id, len(NEW))
        await write(self.site.provider, handle, NEW)
        ref = FileRef("Bunny", number, 0, "f", "h")
        variant = Variant("h", len(NEW), None, (ref,), ("studio",), (), frozenset())
        work = Work("Bunny", "vendor", str(where))
        job = Job(work, where, SITES, (variant,), None, 0, 3)
        result = Staged(variant, handle, Proof("size"), None, replaces=True)
        return Finished(job, claim, Progress(work, time.monotonic()), result)

    async def content(self, number: int) -> bytes:
        return await content_at(self.site.provider, str(number))


@pytest.fixture
async def studio(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document]
) -> AsyncIterator[Studio]:
    setup = Setup("vendor", {"work": "/work"}, MemoryOptions(store=uuid4().hex))
    site = Site("vendor", partial(InTwoSteps, setup), Throttle(None))
    project = SmallProject(client, database)
    await site.open()
    await site.provider.make_marker("work")
    yield Studio(project, site)
    await site.close()
    await project.recorder.aclose()


async def test_what_is_replaced_is_unmarked_before(studio: Studio) -> None:
    finished = await studio.marked(1)

    assert await studio.publish(finished) == [finished]

    assert isinstance(finished.result, Staged)
    assert await studio.content(1) == NEW
    assert await studio.project.available() == set()


async def test_what_stays_marked_is_not_replaced(studio: Studio) -> None:
    kept, other = await studio.marked(1), await studio.marked(2)
    await forbid_unmarking(studio, 1)

    assert await studio.publish(kept, other) == [kept, other]

    assert isinstance(kept.result, FileError)
    assert "document refuses" in str(kept.result)
    assert (await studio.content(1), await studio.content(2)) == (OLD, NEW)
    assert await studio.project.available() == {1}


async def test_of_a_project_that_may_not_be_written_nothing_is_replaced(studio: Studio) -> None:
    kept, other = await studio.marked(1), await studio.marked(2)
    documents = studio.project.documents
    await documents.rename(f"{documents.name}_kept")
    await documents.database.create_collection(
        documents.name, viewOn=f"{documents.name}_kept", pipeline=[]
    )

    assert await studio.publish(kept, other) == [kept, other]

    assert all(isinstance(one.result, FileError) for one in (kept, other))
    assert (await studio.content(1), await studio.content(2)) == (OLD, OLD)
    assert await studio.project.available() == {1, 2}


async def forbid_unmarking(studio: Studio, number: int) -> None:
    documents = studio.project.documents
    unmarked = {"_id": number, "files.sites.created_dt": {"$exists": False}}
    await documents.database.command("collMod", documents.name, validator={"$nor": [unmarked]})

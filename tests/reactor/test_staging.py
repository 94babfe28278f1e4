"""Staging: what is sent is what was looked at, and what fails leaves nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import uuid4

import pytest

from providers.base import ChangedFileError, Facts, FileError, Handle, Location, Provider, Setup
from providers.conformance.moves import put
from providers.memory import KIND, Memory, MemoryOptions
from reactor.claims import Journal
from reactor.model import Work
from reactor.progress import Progress
from reactor.sites import Site, Throttle
from reactor.staging import Staging

WHERE = Location("work", "a.exr")
CLAIM = "claim"


class Torn(Memory):
    """A site that makes what it says it cannot make, as a repeated request over NFS does."""

    async def stage(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        await super().stage(where, claim, size, mtime_ns)
        raise FileError("it is staged already under this claim")


@dataclass
class Ends:
    """Two sites in memory."""

    source: Site
    destination: Site

    def staging(self, facts: Facts) -> Staging:
        progress = Progress(Work("Show", "vendor", str(WHERE)), 0.0)
        return Staging(
            where=WHERE,
            source=self.source,
            destination=self.destination,
            facts=facts,
            mtime_ns=None,
            hash="hash",
            known=frozenset(),
            claim=CLAIM,
            progress=progress,
            note=_forget,
        )


async def _forget(journal: Journal) -> bool:
    return journal.offset >= 0


def _setup(site: str) -> Setup:
    return Setup(site, {"work": "/work"}, MemoryOptions(store=uuid4().hex))


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    made: list[Provider] = [KIND.make(_setup("studio")), Torn(_setup("vendor"))]
    sites = [
        Site(name, iter([p]).__next__, Throttle(None)) for name, p in zip("sv", made, strict=True)
    ]
    async with AsyncExitStack() as stack:
        for site in sites:
            await site.open()
            stack.push_async_callback(site.close)
            await site.provider.make_marker("work")
        yield Ends(*sites)


async def test_a_source_that_was_replaced_after_it_was_looked_at_is_not_sent(ends: Ends) -> None:
    facts = await put(ends.source.provider, WHERE.path, b"old", 1_700_000_000_000_000_000)
    await put(ends.source.provider, WHERE.path, b"new", 1_700_000_001_000_000_000)
    ends.destination = Site("v", lambda: KIND.make(_setup("vendor")), Throttle(None))
    await ends.destination.open()
    await ends.destination.provider.make_marker("work")

    with pytest.raises(ChangedFileError):
        await ends.staging(facts).run(None)

    assert await ends.destination.provider.staged_size(Handle(WHERE, CLAIM)) is None


async def test_what_failed_to_be_made_and_is_there_is_taken_away(ends: Ends) -> None:
    facts = await put(ends.source.provider, WHERE.path, b"new")

    with pytest.raises(FileError, match="staged already"):
        await ends.staging(facts).run(None)

    assert await ends.destination.provider.staged_size(Handle(WHERE, CLAIM)) is None

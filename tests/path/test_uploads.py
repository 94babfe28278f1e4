"""Sites that stage by uploads: the handle is in the claim first, and the whole is judged at last."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import anyio
import pytest
from bson import ObjectId

from providers.base import Facts, Handle, Location, RevokedError, Setup
from providers.checksums import checksum_of
from providers.conformance.moves import content_at, put, write
from providers.memory import Memory, MemoryOptions
from providers.memory.streams import MemoryReader
from reactor.checksums import Hasher
from reactor.claims import Claim, Claims, Journal, Place
from reactor.resuming import Resumed, Resuming, Seen
from tests.path.remotes import remote
from tests.path.studio import PATIENCE, PROJECT, Studio, some_bytes
from tests.path.upload_service import Service

NAME = "a.exr"
WHERE = Location("work", NAME)
_MIB = 1024 * 1024


@pytest.fixture
async def service(studio: Studio) -> Service:
    """A service behind the studio's vendor."""
    made = Service()
    studio.providers["vendor"] = made.provider()
    await studio.provider("vendor").make_marker("work")
    return made


async def _claim_of_another(studio: Studio) -> Claim:
    """A claim on the file's place, held by a process that is about to give it up."""
    marker = await studio.provider("vendor").marker("work")
    assert marker is not None
    place = Place(marker.key(NAME), PROJECT, "vendor", "work", NAME)
    claims = await Claims(studio.state["claims"], "another").take([place])
    return claims[place.key]


async def _left_behind(studio: Studio, content: bytes, staged: int, noted: int) -> None:
    """Leave an upload as a reactor does that was stopped in its middle."""
    vendor = studio.provider("vendor")
    claim = await _claim_of_another(studio)
    handle = await vendor.stage(WHERE, claim.id, len(content))
    await write(vendor, handle, content[:staged])
    hasher = Hasher()
    await hasher.update(content[:noted])
    journal = Journal(
        offset=noted,
        prefix=hasher.checksum(),
        source="studio",
        size=len(content),
        mtime_ns=studio.path("studio", NAME).stat().st_mtime_ns,
        hash=studio.files_entry(NAME)["hash"],
        token=handle.token,
    )
    theirs = Claims(studio.state["claims"], "another")
    await theirs.journal(claim, journal)
    await theirs.give_up([claim])


async def test_what_the_service_tells_of_the_whole_is_the_proof(
    studio: Studio, service: Service
) -> None:
    content = some_bytes()
    representation = await studio.publish_file(NAME, content)

    await studio.run_until_idle()

    entry = await studio.entry(representation, "vendor")
    assert entry["verified"] == "checksum"
    assert entry["checksum"].startswith("md5:")
    assert await content_at(service.provider(), NAME) == content
    assert service.uploads
    assert await studio.state["claims"].count_documents({}) == 0


async def test_what_was_damaged_on_its_way_is_taken_away_and_never_recorded(
    studio: Studio, service: Service
) -> None:
    service.faults.damages = True

    async with studio.running():
        representation = await studio.publish_file(NAME, some_bytes())
        entry = await studio.until(representation, "vendor", "error")

    assert "differs from what was sent" in entry["error"]
    assert "created_dt" not in entry
    assert entry["tries"] == 1
    assert await service.provider().facts(WHERE) is None
    assert [a["outcome"] for a in await studio.attempts()] == ["failed"]
    assert await studio.state["claims"].count_documents({}) == 0


async def test_damaged_bytes_are_taken_away_by_their_claim_alone(
    studio: Studio, service: Service
) -> None:
    async def lose_the_claim() -> None:
        await studio.state["claims"].update_many({}, {"$set": {"process": "another"}})
        published.set()

    published = anyio.Event()
    service.faults.damages, service.faults.published = True, lose_the_claim

    async with studio.running() as reactor:
        await studio.publish_file(NAME, some_bytes())
        with anyio.fail_after(PATIENCE):
            await published.wait()
            await reactor.scheduler.wait_idle()

        assert await service.provider().facts(WHERE) is not None
    assert await studio.attempts() == []


async def test_the_handle_is_in_the_claim_before_the_first_byte(
    studio: Studio, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    vendor = service.provider()
    begin = vendor.write

    def look(*arguments: Any) -> Any:
        seen.append(arguments[0].token)
        return begin(*arguments)

    monkeypatch.setattr(vendor, "write", look)
    studio.providers["vendor"] = vendor
    noted: list[str] = []
    journal = Claims.journal

    async def note(self: Claims, claim: Claim, what: Journal) -> bool:
        noted.append(what.token)
        assert not seen
        return await journal(self, claim, what)

    monkeypatch.setattr(Claims, "journal", note)
    await studio.publish_file(NAME, some_bytes())

    await studio.run_until_idle()

    assert noted == seen != [""]


async def test_who_cannot_write_the_handle_down_stages_nothing(
    studio: Studio, service: Service
) -> None:
    async def lose_the_claim() -> None:
        await studio.state["claims"].update_many({}, {"$set": {"process": "another"}})
        staged.set()

    staged = anyio.Event()
    service.faults.staged = lose_the_claim

    async with studio.running() as reactor:
        representation = await studio.publish_file(NAME, some_bytes())
        with anyio.fail_after(PATIENCE):
            await staged.wait()
            await reactor.scheduler.wait_idle()

        assert service.uploads == {}
    assert await studio.entry(representation, "vendor") == {"name": "vendor"}
    assert await studio.attempts() == []


async def test_an_upload_that_the_service_drops_is_begun_anew_and_costs_no_try(
    studio: Studio, service: Service
) -> None:
    service.faults.drops = True
    content = some_bytes()
    representation = await studio.publish_file(NAME, content)

    await studio.run_until_idle()

    assert "created_dt" in await studio.entry(representation, "vendor")
    assert await content_at(service.provider(), NAME) == content
    assert [a["outcome"] for a in await studio.attempts()] == ["available"]


async def test_what_vanishes_before_it_is_published_is_an_error_and_its_claim_ends(
    studio: Studio, service: Service
) -> None:
    service.faults.loses = True

    async with studio.running():
        representation = await studio.publish_file(NAME, some_bytes())
        entry = await studio.until(representation, "vendor", "error")

    assert "vanished" in entry["error"]
    assert entry["tries"] == 1
    assert await studio.state["claims"].count_documents({}) == 0


@pytest.mark.parametrize("staged", [1, 2, 3], ids=["less", "as noted", "more"])
async def test_an_upload_goes_on_where_the_service_says_it_ends(
    studio: Studio, service: Service, staged: int
) -> None:
    content = some_bytes(4 * _MIB)
    representation = await studio.publish_file(NAME, content)
    await _left_behind(studio, content, staged * _MIB, 2 * _MIB)

    await studio.run_until_idle()

    (attempt,) = await studio.attempts()
    assert (attempt["outcome"], attempt["sent"]) == ("available", (4 - staged) * _MIB)
    assert (await studio.entry(representation, "vendor"))["verified"] == "checksum"
    assert await content_at(service.provider(), NAME) == content


async def test_who_takes_over_keeps_the_journal_while_it_looks_at_what_is_staged(
    studio: Studio, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []
    look = Resuming.seen

    async def seen(self: Resuming, resumed: Resumed, hasher: Hasher) -> Seen | None:
        claim = await studio.state["claims"].find_one({})
        kept.append(claim["journal"])
        return await look(self, resumed, hasher)

    monkeypatch.setattr(Resuming, "seen", seen)
    content = some_bytes(4 * _MIB)
    await studio.publish_file(NAME, content)
    await _left_behind(studio, content, 3 * _MIB, 2 * _MIB)
    (token,) = service.uploads

    await studio.run_until_idle()

    (journal,) = kept
    assert (journal["offset"], journal["token"]) == (2 * _MIB, token)


async def test_an_upload_of_other_bytes_is_not_gone_on_with(
    studio: Studio, service: Service
) -> None:
    content = some_bytes(4 * _MIB)
    await studio.publish_file(NAME, content)
    other = some_bytes(4 * _MIB)
    await _left_behind(studio, other, 3 * _MIB, 2 * _MIB)
    (former,) = service.uploads

    await studio.run_until_idle()

    (attempt,) = await studio.attempts()
    assert (attempt["outcome"], attempt["sent"]) == ("available", 4 * _MIB)
    assert former not in service.uploads


async def test_an_upload_that_went_from_owner_to_owner_is_not_revoked_by_its_last(
    studio: Studio, service: Service
) -> None:
    content = some_bytes(4 * _MIB)
    await studio.publish_file(NAME, content)
    await _left_behind(studio, content, 2 * _MIB, 2 * _MIB)
    claims = Claims(studio.state["claims"], "a third")
    held = await _claim_of_another(studio)
    (former,) = held.former
    vendor = studio.provider("vendor")
    (token,) = service.uploads
    handle = await vendor.adopt(Handle(WHERE, former.claim, token), held.id)
    assert former.journal is not None
    await Claims(studio.state["claims"], "another").journal(held, former.journal)
    await claims.give_up([held])

    await studio.run_until_idle()

    (attempt,) = await studio.attempts()
    assert (attempt["outcome"], attempt["sent"]) == ("available", 2 * _MIB)
    with pytest.raises(RevokedError):
        await vendor.adopt(handle, "late")


@pytest.mark.parametrize("kind", ["upload", "staged file"])
async def test_what_was_taken_over_goes_where_its_source_is_not_the_published_file_any_more(
    studio: Studio, service: Service, kind: str
) -> None:
    vendor = service.provider() if kind == "upload" else remote(studio, "vendor")
    await vendor.make_marker("work")
    content = some_bytes(2 * _MIB)
    representation = await studio.publish_file(NAME, content)
    await _left_behind(studio, content, _MIB, _MIB)
    studio.path("studio", NAME).write_bytes(b"the next version; its document comes later")

    async with studio.running():
        await studio.until(representation, "vendor", "error")

    assert vendor._store.staged == {}
    assert await studio.state["claims"].count_documents({}) == 0


class TellingSource(Memory):
    """A site whose service keeps a checksum of each file."""

    tells = ""

    async def facts(self, where: Location) -> Facts | None:
        found = await super().facts(where)
        content = self._file(where).content if found else b""
        told = self.tells or checksum_of("md5", [content])
        return replace(found, checksum=told) if found else None

    @asynccontextmanager
    async def read(self, where: Location, offset: int = 0) -> AsyncGenerator[MemoryReader]:
        async with super().read(where, offset) as reader:
            yield MemoryReader(reader._file, offset, lambda: False)


async def _published_there(studio: Studio, content: bytes) -> ObjectId:
    """Publish a file that is at the telling site, and wanted at the vendor."""
    representation = await studio.publish_file(NAME, content)
    here = await studio.provider("studio").facts(WHERE)
    assert here is not None
    source = TellingSource(Setup("studio", {"work": "/"}, MemoryOptions(store=uuid4().hex)))
    studio.providers["studio"] = source
    await source.make_marker("work")
    await put(source, NAME, content, here.mtime_ns)
    return representation


async def test_what_a_source_tells_of_its_bytes_is_proved_and_it_is_not_asked_again(
    studio: Studio,
) -> None:
    representation = await _published_there(studio, some_bytes())

    await studio.run_until_idle()

    assert "created_dt" in await studio.entry(representation, "vendor")


async def test_bytes_that_are_not_what_their_source_tells_are_not_published(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TellingSource, "tells", "md5:" + 32 * "0")

    representation = await _published_there(studio, some_bytes())

    async with studio.running():
        entry = await studio.until(representation, "vendor", "error")

    assert "other bytes than that site tells of" in entry["error"]
    assert await studio.provider("vendor").facts(WHERE) is None

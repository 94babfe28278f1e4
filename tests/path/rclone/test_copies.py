"""From site to site by rclone: the service copies where it can, and is chosen in its turn."""

from __future__ import annotations

import time
from typing import Any

import pytest

from providers.checksums import checksum_of
from providers.rclone.provider import RcloneProvider
from providers.rclone.requests import ask
from reactor.app import Reactor
from tests.path.rclone.studio import RcloneStudio
from tests.path.studio import PROJECT, Document, some_bytes
from tests.providers.rclone.processes import daemon_of

MIB = 1024 * 1024
SIZE = 3 * MIB


@pytest.fixture
def places(remotes: dict[str, str]) -> dict[str, str]:
    """The vendor's remote has an archive, too; the same files may be at two other services."""
    own, s3 = remotes["dav"].partition(":")[2], remotes["s3"]
    return {"vendor": s3, "archive": f"{s3}/kept", "vault": f"dav:{own}", "depot": f"ssh:{own}"}


@pytest.fixture
def relaying(studio: RcloneStudio) -> RcloneStudio:
    studio.relay, studio.always = True, ("archive", "vault", "depot")
    return studio


def _element(studio: RcloneStudio, name: str, content: bytes, *at: str) -> Document:
    """Have a file lie at some sites, wanted at the vendor and for now nowhere else."""
    studio.file(name, content)
    element = studio.files_entry(name)
    for site in studio.places:
        if site in at:
            studio.put_by_hand(site, name)
            element["sites"].append({"name": site, "created_dt": "a date"})
        elif site != "vendor":
            element["sites"].append({"name": site, "paused": True})
    if "studio" not in at:
        studio.path("studio", name).unlink()
        element["sites"][0] = {"name": "studio", "paused": True}
    return element


async def _brought(studio: RcloneStudio, element: Document) -> Document:
    """Publish a file, and return what is said of how it came to the vendor."""
    representation = await studio.publish(element)
    await studio.until(representation, "vendor")
    path = element["path"]
    [attempt] = await studio.until_attempts(1, site="vendor", path=path)
    return attempt


async def test_between_two_folders_of_a_remote_its_service_copies_and_the_copy_is_proved(
    relaying: RcloneStudio,
) -> None:
    content = some_bytes(SIZE)
    element = _element(relaying, "a.mov", content, "archive")
    async with relaying.running() as reactor:
        attempt = await _brought(relaying, element)

        stats = await _stats_of(reactor)
        # Once to stage it, once to give it its name: this service renames nothing.
        assert stats["serverSideCopyBytes"] == 2 * SIZE
    document = await relaying.documents.find_one({"files._id": element["_id"]})
    entry = await relaying.entry(document["_id"], "vendor")
    assert (attempt["source"], attempt["how"]) == ("archive", "service")
    assert (entry["verified"], entry["checksum"]) == ("checksum", checksum_of("md5", [content]))
    assert relaying.held("vendor", "a.mov") == content
    assert relaying.hash_held("vendor", "a.mov") == checksum_of("md5", [content])
    assert relaying.names_held("vendor") == {"a.mov"}
    assert not relaying.path("studio", "a.mov").exists()


async def test_the_best_source_is_the_own_disk_then_the_same_service_then_the_fastest(
    relaying: RcloneStudio,
) -> None:
    async with relaying.running() as reactor:
        await _measure(relaying, reactor)
        disk = _element(relaying, "1.mov", some_bytes(SIZE), "studio", "archive", "vault", "depot")
        service = _element(relaying, "2.mov", some_bytes(SIZE), "archive", "vault", "depot")
        fastest = _element(relaying, "3.mov", some_bytes(SIZE), "vault", "depot")

        attempts = [await _brought(relaying, one) for one in (disk, service, fastest)]

    assert [(one["source"], one["how"], one["chosen"]) for one in attempts] == [
        ("studio", "stream", "a disk of this machine"),
        ("archive", "service", "its service copies by itself"),
        ("depot", "stream", "measured to be the fastest"),
    ]


async def _measure(studio: RcloneStudio, reactor: Reactor) -> None:
    """Have files come from each service, the depot's in less time than the vault's."""
    for name in ("vault", "depot"):
        await _brought(studio, _element(studio, f"from {name}.mov", some_bytes(SIZE), name))
        assert reactor.sites.ways.rate((name, "vendor"), time.monotonic())
    reactor.sites.ways.moved(("depot", "vendor"), 10**12, 0.1, time.monotonic())


async def _stats_of(reactor: Reactor) -> dict[str, Any]:
    """What the reactor's rclone has counted."""
    vendor = reactor.sites.of(PROJECT, "vendor").provider.inside
    assert isinstance(vendor, RcloneProvider)
    running = await daemon_of(vendor)
    return await ask(running.session, f"{running.address}core/stats", {})

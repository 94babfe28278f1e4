"""A dump restored over a running reactor: a scan and `validate --checksum` settle what it tells."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from bson import ObjectId

from tests.path.program import environment, reactor_process
from tests.path.studio import PATIENCE, Studio, some_bytes

SITES = ("studio", "vendor")


@pytest.fixture
def settings(studio: Studio, mongo_uri: str) -> Path:
    """Write settings of two disks that believe at once what is gone, and return the file."""
    sites = "".join(
        f"""
        [sites.{name}]
        provider = "local_drive"
        vanish_grace = 0
        root = {{ work = {json.dumps(str(studio.path(name)))} }}
        """
        for name in SITES
    )
    file = studio.folder / "sitesync.toml"
    file.write_text(
        f"""
        [mongo]
        uri = {json.dumps(mongo_uri)}
        database = "{studio.database}"
        state_database = "{studio.database}_state"
        {sites}
        [defaults]
        remote_site = "vendor"
        """
    )
    return file


async def restore(studio: Studio, dump: list[dict[str, Any]]) -> None:
    """Do what `mongorestore --drop` does to a collection."""
    await studio.documents.drop()
    await studio.documents.insert_many(dump)


async def validated(settings: Path, site: str) -> dict[str, Any]:
    """Hold a site against the documents, as an operator does, and return the answer."""
    command = [sys.executable, "-m", "reactor", "--config", str(settings), "validate"]
    done = await anyio.run_process(
        [*command, "--site", site, "--checksum", "--json"], check=False, env=environment(settings)
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


async def republish(studio: Studio, representation: ObjectId, name: str, content: bytes) -> None:
    """Write other bytes of the same size at the same path, and say so, as a hero version does."""
    studio.file(name, content)
    element = studio.files_entry(name)
    changed = {f"files.0.{key}": element[key] for key in ("hash", "size", "sites")}
    await studio.documents.update_one({"_id": representation}, {"$set": changed})


async def available(studio: Studio, representation: ObjectId) -> set[str]:
    return {name for name in SITES if "created_dt" in await studio.entry(representation, name)}


async def test_a_dump_restored_over_a_running_reactor_is_settled(
    studio: Studio, settings: Path
) -> None:
    old, new, kept = some_bytes(), some_bytes(), some_bytes()
    with reactor_process(settings):
        hero = await studio.publish_file("hero.exr", old)
        removed = await studio.publish_file("removed.exr", kept)
        for representation in (hero, removed):
            await studio.until(representation, "vendor")
        dump = await studio.documents.find().to_list()
        await republish(studio, hero, "hero.exr", new)
        late = await studio.publish_file("late.exr", some_bytes())
        for representation in (hero, late):
            await studio.until(representation, "vendor")
        await studio.documents.update_one(
            {"_id": removed}, {"$pull": {"files.0.sites": {"name": "vendor"}}}
        )
        studio.path("vendor", "removed.exr").unlink()

        await restore(studio, dump)
        answers = {site: await validated(settings, site) for site in SITES}

        with anyio.fail_after(PATIENCE):
            while not studio.path("vendor", "removed.exr").exists():
                await anyio.sleep(0.05)
        await studio.until(removed, "vendor")
    assert studio.path("vendor", "removed.exr").read_bytes() == kept
    assert await available(studio, removed) == {"studio", "vendor"}
    # What the documents now mean by hero.exr is nowhere: neither copy is told to be it, nor lost.
    assert await available(studio, hero) == set()
    assert [studio.path(site, "hero.exr").read_bytes() for site in SITES] == [new, new]
    for answer in answers.values():
        assert "late.exr" in json.dumps(answer)

"""Settings that change under a running reactor, as a process."""

from __future__ import annotations

import json
from pathlib import Path

import anyio

from tests.path.program import ended, reactor_process
from tests.path.studio import PATIENCE, Studio, some_bytes


def write(studio: Studio, uri: str, *more: str) -> Path:
    """Write settings of a studio of local disks, with more tables or keys at the end."""
    file = studio.folder / "sitesync.toml"
    mongo = {
        "uri": uri,
        "database": studio.database,
        "state_database": f"{studio.database}_state",
    }
    lines = ["[mongo]", *(f"{key} = {json.dumps(value)}" for key, value in mongo.items())]
    for site in ("studio", "vendor", "second"):
        lines += [f"[sites.{site}]", f"root = {{ work = {json.dumps(str(studio.path(site)))} }}"]
        lines += [] if site == "studio" else ['provider = "local_drive"']
    file.write_text("\n".join([*lines, "[defaults]", 'remote_site = "vendor"', *more]))
    return file


def logged(settings: Path) -> str:
    log = settings.parent / "reactor.log"
    return log.read_text() if log.exists() else ""


async def until_logged(settings: Path, text: str) -> None:
    with anyio.fail_after(PATIENCE):
        while text not in logged(settings):
            await anyio.sleep(0.02)


async def test_a_site_that_settings_add_gets_what_is_published_already(
    studio: Studio, mongo_uri: str
) -> None:
    await studio.provider("second").make_marker("work")
    settings = write(studio, mongo_uri)
    with reactor_process(settings):
        published = await studio.publish_file("a.exr", some_bytes())
        await studio.until(published, "vendor")

        write(studio, mongo_uri, 'always_accessible_on = ["second"]')
        await studio.until(published, "second")

    assert "settings have changed" in logged(settings)


async def test_wrong_settings_are_refused_with_what_was_meant_and_the_old_ones_stay(
    studio: Studio, mongo_uri: str
) -> None:
    settings = write(studio, mongo_uri)
    with reactor_process(settings):
        await until_logged(settings, "serving")
        write(studio, mongo_uri, 'remote_sight = "vendor"')
        await until_logged(settings, "settings refused")

        published = await studio.publish_file("a.exr", some_bytes())
        await studio.until(published, "vendor")

    assert "always_accessible_on" not in logged(settings)
    assert "remote_site" in logged(settings)


async def test_a_site_that_settings_add_while_no_reactor_runs_gets_what_is_published_already(
    studio: Studio, mongo_uri: str
) -> None:
    await studio.provider("second").make_marker("work")
    settings = write(studio, mongo_uri)
    published = await studio.publish_file("a.exr", some_bytes())
    with reactor_process(settings) as process:
        await studio.until(published, "vendor")
        await until_scanned(studio)
        process.terminate()
        await ended(process)

    write(studio, mongo_uri, 'always_accessible_on = ["second"]')
    with reactor_process(settings):
        await studio.until(published, "second")


async def until_scanned(studio: Studio) -> None:
    """Wait until the reactor has kept by which settings it has looked at everything."""
    with anyio.fail_after(PATIENCE):
        while not await studio.state["cursors"].find_one({"settings": {"$exists": True}}):
            await anyio.sleep(0.02)

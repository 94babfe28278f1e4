"""`sitesync demo` does the main job on real input, whatever is killed on the way."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from anyio import to_thread

from tests.cli.demos import (
    FRAMES,
    SITES,
    database_of,
    is_copied,
    published,
    sitesync,
    staged,
    started,
    until_nothing_runs,
)

# Whole runs of real servers, on machines that may be busy.
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "demo"


async def test_everything_that_it_publishes_arrives_and_nothing_is_left_running(
    folder: Path,
) -> None:
    with started(folder, "--cache-size", "48MiB") as demo:
        code = await demo.end()
        await until_nothing_runs(folder)

    assert code == 0, demo.output
    assert len(published(folder, "*.png")) == FRAMES
    assert [file.name for file in published(folder, "*.raw")] == ["sh010_waterMain_v001.raw"]
    assert all(is_copied(folder, file) for file in published(folder, "*.*"))
    assert not staged(folder)
    table = [line.split("\t") for line in demo.output.splitlines() if line.count("\t") == 4]
    assert {(file.rpartition(".")[2], site): how for file, site, _, how, _ in table[1:]} == {
        (extension, site): "checksum"
        for extension in ("nk", "png", "raw")
        for site in ("vendor", "vendor_web", "backup")
    }


async def test_a_second_demo_begins_anew(folder: Path) -> None:
    with started(folder, "--cache-size", "1MiB") as first:
        assert await first.end() == 0, first.output
    old = (folder / "studio" / published(folder, "*.raw")[0]).read_bytes()

    with started(folder, "--cache-size", "1MiB") as second:
        assert await second.end() == 0, second.output

    (cache,) = published(folder, "*.raw")
    assert (folder / "studio" / cache).read_bytes() != old
    assert is_copied(folder, cache)


async def test_it_is_not_touched_by_settings_of_the_users_own(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "config" / "sitesync" / "machine.toml"
    own.parent.mkdir(parents=True)
    own.write_text('machine.site_id = "artist"\nmongo.uri = "mongodb://127.0.0.1:1/"\n')
    monkeypatch.setenv("SITESYNC_MONGO_URI", "mongodb://127.0.0.1:1/")
    monkeypatch.setenv("OPENPYPE_LOCAL_ID", "artist")

    with started(folder, "--cache-size", "1MiB") as demo:
        assert await demo.end() == 0, demo.output


async def test_a_reactor_that_is_killed_is_started_again_and_resumes_the_large_file(
    folder: Path,
) -> None:
    with started(folder, "--cache-size", "160MiB") as demo:
        await demo.until_cache_is_under_way()
        demo.kill_reactor()
        await demo.until("killed by signal 9: starting another")
        async with database_of(folder) as client:
            code = await demo.end()
            attempt = await client["sitesync"]["attempts"].find_one(
                {"site": "vendor", "path": {"$regex": "raw$"}}
            )

    assert code == 0, demo.output
    assert attempt is not None
    assert 0 < attempt["sent"] < attempt["bytes"]
    assert "Resumed: sh010_waterMain_v001.raw at vendor" in demo.output
    assert is_copied(folder, published(folder, "*.raw")[0])


async def test_a_demo_that_is_killed_can_be_finished_by_run(folder: Path) -> None:
    with started(folder, "--cache-size", "160MiB") as demo:
        await demo.until_cache_is_under_way()
        demo.process.kill()

        settings = str(folder / "sitesync.toml")
        run = await to_thread.run_sync(sitesync, "--config", settings, "run", "--until-idle")

        assert run.returncode == 0, run.stderr.decode()
        assert all(is_copied(folder, file) for file in published(folder, "*.*"))
        (folder / "sftp-server" / "pid").unlink()  # as if the next demo's took its place
        await until_nothing_runs(folder)


async def test_a_demo_that_is_killed_is_finished_by_the_next(folder: Path) -> None:
    with started(folder, "--cache-size", "160MiB") as first:
        await first.until_cache_is_under_way()
        first.process.kill()

        with started(folder, "--cache-size", "1MiB") as second:
            code = await second.end()
        await until_nothing_runs(folder)

    assert code == 0, second.output
    assert len(published(folder, "*.raw")) == 2
    assert all(is_copied(folder, file) for file in published(folder, "*.*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_all_that_it_started(folder: Path, number: signal.Signals) -> None:
    with started(folder, "--cache-size", "160MiB") as demo:
        await demo.until_cache_is_under_way()
        demo.process.send_signal(number)

        assert await demo.end() == 130
        await until_nothing_runs(folder)

    assert "What has been published, the next demo finishes." in demo.output


async def test_a_second_demo_beside_the_first_is_refused(folder: Path) -> None:
    with started(folder, "--cache-size", "160MiB") as first:
        await first.until("Making")

        second = await to_thread.run_sync(sitesync, "demo", "--folder", str(folder))

    assert second.returncode == 1
    assert b"another demo is running" in second.stderr


def test_a_folder_that_holds_something_else_is_refused_and_left_alone(folder: Path) -> None:
    precious = folder / "studio" / "precious.exr"
    precious.parent.mkdir(parents=True)
    precious.write_bytes(b"a year of work")
    (folder / "sitesync.toml").write_text("enabled = true\n")

    refused = sitesync("demo", "--folder", str(folder))

    assert refused.returncode == 1
    assert b"something else than a demo" in refused.stderr
    assert precious.read_bytes() == b"a year of work"
    assert not [site for site in SITES if (folder / site).exists()]

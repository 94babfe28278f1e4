"""`reconcile` beside running reactors, as processes: nothing is sent twice."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from bson import ObjectId

from tests.path.program import environment, reactor_process
from tests.path.studio import PATIENCE, Studio, some_bytes

COUNT = 120


@pytest.fixture
def limit() -> str:
    """What the settings say of the vendor's limits."""
    return ""


@pytest.fixture
def settings(studio: Studio, mongo_uri: str, limit: str) -> Path:
    """Settings of two disks; scans on a timer come once an hour."""
    roots = {name: json.dumps(str(studio.path(name))) for name in studio.names}
    file = studio.folder / "sitesync.toml"
    file.write_text(
        f"""
        [mongo]
        uri = {json.dumps(mongo_uri)}
        database = "{studio.database}"
        state_database = "{studio.database}_state"
        [machine]
        site_id = "studio"
        [sites.studio]
        root = {{ work = {roots["studio"]} }}
        [sites.vendor]
        provider = "local_drive"
        root = {{ work = {roots["vendor"]} }}
        {limit}
        [defaults]
        remote_site = "vendor"
        always_accessible_on = ["vendor"]
        reconcile_interval = 3600
        """
    )
    return file


async def until_serving(studio: Studio, count: int) -> None:
    """Wait until so many reactors have looked at everything once."""
    seen = studio.state["reactors"]
    cursors = studio.state["cursors"]
    with anyio.fail_after(PATIENCE):
        while await seen.count_documents({}) < count:
            await anyio.sleep(0.02)
        while await cursors.count_documents({"token": {"$exists": True}}) < count:
            await anyio.sleep(0.02)


async def call(settings: Path, *arguments: str) -> tuple[int, str]:
    """Run `sitesync reconcile` as a process, and return its exit code and output."""
    done = await anyio.run_process(
        program(settings, *arguments), env=environment(settings), check=False
    )
    return done.returncode, done.stdout.decode()


def program(settings: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "reactor", "--config", str(settings), "reconcile", *arguments]


async def published(studio: Studio, *wanted: str, version: int = 1) -> ObjectId:
    """Publish one representation of many files."""
    names = [f"v{version}/{number}.exr" for number in range(COUNT)]
    for name in names:
        studio.file(name, some_bytes())
    return await studio.publish(*(studio.files_entry(name, wanted=wanted) for name in names))


async def until_all_available(studio: Studio, *representations: ObjectId) -> None:
    for representation in representations:
        for position in range(COUNT):
            await studio.until(representation, "vendor", position=position)


async def sent(studio: Studio) -> list[str]:
    """Return the paths of all files that were sent, each as often as it was."""
    return sorted(attempt["path"] for attempt in await studio.attempts() if attempt["sent"])


async def test_beside_two_reactors_at_work_nothing_is_sent_twice(
    studio: Studio, settings: Path
) -> None:
    codes: list[int] = []

    async def pass_() -> None:
        codes.append((await call(settings))[0])

    with reactor_process(settings), reactor_process(settings):
        await until_serving(studio, 2)
        async with anyio.create_task_group() as together:
            together.start_soon(pass_)
            together.start_soon(pass_)
            versions = [await published(studio, "vendor", version=n) for n in range(4)]
            await until_all_available(studio, *versions)
        await studio.until_attempts(4 * COUNT, outcome="available")
        code, output = await call(settings, "--json")

    paths = await sent(studio)
    assert len(paths) == len(set(paths)) == 4 * COUNT
    assert set(codes) <= {0, 1}
    assert (code, json.loads(output)["found"]) == (0, 0)
    assert not list(studio.folder.rglob(".sitesync-*.part"))


async def test_what_a_pass_has_brought_stopped_reactors_do_not_send_again(
    studio: Studio, settings: Path
) -> None:
    with reactor_process(settings) as one, reactor_process(settings) as other:
        await until_serving(studio, 2)
        for reactor in (one, other):
            reactor.send_signal(signal.SIGSTOP)
        await published(studio, "vendor")
        code, output = await call(settings, "--json")
        for reactor in (one, other):
            reactor.send_signal(signal.SIGCONT)
        later = await studio.publish_file("later.exr", some_bytes())
        await studio.until(later, "vendor")
        await studio.until_attempts(1, path="{root[work]}/later.exr", outcome="available")

    assert (code, json.loads(output)["moved"]) == (0, COUNT)
    assert len(await sent(studio)) == COUNT + 1


async def test_alone_it_brings_all_and_the_next_pass_finds_nothing(
    studio: Studio, settings: Path
) -> None:
    await published(studio)

    code, output = await call(settings, "--json")

    assert code == 0
    assert json.loads(output)["moved"] == COUNT
    code, output = await call(settings, "--json")
    assert (code, json.loads(output)["found"]) == (0, 0)
    assert len(await sent(studio)) == COUNT


async def test_two_passes_at_once_share_the_work(studio: Studio, settings: Path) -> None:
    await published(studio, "vendor")
    answers: list[dict[str, Any]] = []

    async def one() -> None:
        _, output = await call(settings, "--json")
        answers.append(json.loads(output))

    async with anyio.create_task_group() as both:
        both.start_soon(one)
        both.start_soon(one)

    assert sum(answer["moved"] for answer in answers) == COUNT
    assert len(await sent(studio)) == COUNT


@pytest.mark.parametrize("limit", ['bandwidth = "100kB"'])
async def test_interrupted_it_says_so_and_gives_up_what_it_held(
    studio: Studio, settings: Path
) -> None:
    await published(studio, "vendor")
    environ = environment(settings)
    async with await anyio.open_process(program(settings), env=environ) as process:
        await studio.until_attempts(1)
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        output = b"".join([chunk async for chunk in process.stdout])

    assert process.returncode == 130
    assert output.startswith(b"Interrupted after ")
    assert await studio.state["reactors"].count_documents({}) == 0
    assert await studio.state["claims"].count_documents({"over": {"$ne": True}}) == 0

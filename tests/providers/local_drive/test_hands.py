"""Bundles that processes of their own stage and publish, and what becomes of them where one dies."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import psutil
import pytest

from providers.base import Facts, Handle, RevokedError
from providers.checksums import checksum_of
from providers.folders import hand
from providers.folders.hand import Order
from providers.local_drive import LocalDrive
from providers.local_drive.hands import Hands

from .conftest import handle, names_in, site

pytestmark = pytest.mark.usefixtures("marker")
COUNT = 40


@pytest.fixture
async def origin(tmp_path: Path) -> AsyncGenerator[LocalDrive]:
    async with site(tmp_path / "origin") as entered:
        await entered.make_marker("work")
        yield entered


@pytest.fixture
def contents(tmp_path: Path, origin: LocalDrive) -> dict[str, bytes]:
    """Frames at the origin, by their names below the root."""
    made = {f"shot/é x.{number}.exr": os.urandom(1000 + number) for number in range(COUNT)}
    (tmp_path / "origin/shot").mkdir()
    for name, content in made.items():
        (tmp_path / "origin" / name).write_bytes(content)
    return made


def handles_of(names: dict[str, bytes]) -> list[Handle]:
    return [handle(name, claim=f"c{number}") for number, name in enumerate(names)]


def hands_at_work() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if hand.__name__ in child.cmdline()]


async def test_many_files_are_staged_and_published_by_another_process(
    drive: LocalDrive, origin: LocalDrive, root: Path, contents: dict[str, bytes]
) -> None:
    handles = handles_of(contents)

    copies = await drive.stage_small(origin, handles)
    busy = hands_at_work()
    published = await drive.publish([(one, 1_700_000_000_123_456_789) for one in handles])

    assert busy
    assert {name: (root / name).read_bytes() for name in contents} == contents
    for content, copied, facts in zip(contents.values(), copies, published, strict=True):
        assert copied is not None
        assert copied.source_checksum == copied.staged_checksum == checksum_of("xxh128", [content])
        assert facts == Facts(len(content), 1_700_000_000_123_456_789)


async def test_one_process_serves_one_bundle_after_the_other_and_ends_with_its_site(
    tmp_path: Path, root: Path, origin: LocalDrive, contents: dict[str, bytes]
) -> None:
    async with site(root) as drive:
        handles = handles_of(contents)
        await drive.stage_small(origin, handles[:20])
        first = hands_at_work()
        await drive.stage_small(origin, handles[20:])

        assert hands_at_work() == first

    assert hands_at_work() == []


async def test_what_a_killed_process_left_is_staged_anew(
    drive: LocalDrive, origin: LocalDrive, root: Path, contents: dict[str, bytes]
) -> None:
    handles = handles_of(contents)
    await drive.stage_small(origin, handles[:20])
    for process in hands_at_work():
        process.kill()
    leftover = root / "shot" / ".sitesync-c20.part"
    leftover.write_bytes(b"half a fr")

    copies = await drive.stage_small(origin, handles[20:])

    assert all(copies)
    assert leftover.read_bytes() == contents[handles[20].where.path]


async def test_of_a_killed_publisher_each_file_is_there_or_refused(
    drive: LocalDrive, origin: LocalDrive, root: Path, contents: dict[str, bytes]
) -> None:
    handles = handles_of(contents)
    await drive.stage_small(origin, handles)
    for process in hands_at_work():
        process.kill()

    published = await drive.publish([(one, None) for one in handles])

    assert all(isinstance(one, Facts) for one in published)
    assert {name: (root / name).read_bytes() for name in contents} == contents


async def test_a_revoked_handle_in_a_bundle_is_told_and_the_others_are_published(
    drive: LocalDrive, origin: LocalDrive, root: Path, contents: dict[str, bytes]
) -> None:
    handles = handles_of(contents)
    await drive.stage_small(origin, handles)
    await drive.revoke(handles[7])

    published = await drive.publish([(one, None) for one in handles])

    assert isinstance(published[7], RevokedError)
    assert sum(isinstance(one, Facts) for one in published) == COUNT - 1
    assert len(names_in(root / "shot")) == COUNT - 1


async def test_cancelling_waits_for_the_process(
    drive: LocalDrive, origin: LocalDrive, root: Path, contents: dict[str, bytes]
) -> None:
    handles = handles_of(contents)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(drive.stage_small, origin, handles)
        while not hands_at_work():
            await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()

    staged = len(names_in(root / "shot"))
    assert staged == COUNT  # the whole order: nobody writes there any more


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
async def test_ctrl_c_is_for_the_reactor_which_lets_its_processes_end_their_work(
    drive: LocalDrive, origin: LocalDrive, contents: dict[str, bytes]
) -> None:
    handles = handles_of(contents)
    await drive.stage_small(origin, handles[:20])
    before = hands_at_work()

    for process in before:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
    await drive.stage_small(origin, handles[20:])

    assert hands_at_work() == before


async def test_where_no_process_can_be_started_nothing_is_answered(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(root / "no-python"))

    assert await Hands(1).carry_out(Order("stage", {}, [])) is None


async def test_a_process_of_which_nothing_is_asked_ends_by_itself() -> None:
    short = "from providers.folders import hand; hand.IDLE_SECONDS = 0.1; hand.main()"

    async with await anyio.open_process([sys.executable, "-c", short]) as process:
        with anyio.fail_after(10):
            assert await process.wait() == 0


async def test_a_process_is_soon_at_work_for_it_imports_nothing_heavy() -> None:
    listing = f"import sys, {hand.__name__}; print(*sys.modules)"

    done = await anyio.run_process([sys.executable, "-c", listing])

    imported = set(done.stdout.decode().split())
    assert hand.__name__ in imported
    assert imported.isdisjoint({"anyio", "asyncio", "pydantic", "structlog"})

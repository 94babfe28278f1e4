"""`sitesync demo --gdrive`: the main job with a Google Drive, rclone being its witness."""

from __future__ import annotations

from pathlib import Path

import pytest

from reactor.cli.demo.drive import open_drive
from reactor.cli.demo.layout import Layout
from tests.cli.demos import is_copied, published, started, until_nothing_runs
from tests.servers.drive import drive_emulator

# A whole run of real servers, on machines that may be busy.
pytestmark = pytest.mark.timeout(240)


async def test_everything_arrives_on_drive_and_its_witness_tells_what_does_not(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "demo"
    with started(folder, "--gdrive", "--cache-size", "8MiB") as demo:
        code = await demo.end()
        await until_nothing_runs(folder)

    assert code == 0, demo.output
    assert "It finds every byte as published, and nothing else." in demo.output
    files = published(folder, "*.*")
    assert all(is_copied(folder, file) for file in files)
    table = [line.split("\t") for line in demo.output.splitlines() if line.count("\t") == 4]
    assert {how for _, site, _, how, _ in table[1:] if site == "gdrive"} == {"checksum"}

    with drive_emulator(folder / "gdrive" / "drive") as drive:
        [shared] = {each.drive for each in drive.files() if each.drive}
        kept = drive.contents(shared)
    there = {path: kept[path] for path in kept if not path.startswith(".sitesync-")}
    assert there == {str(file): (folder / "studio" / file).read_bytes() for file in files}

    layout = Layout(folder, with_drive=True)
    async with open_drive(layout) as again:
        assert again is not None
        assert await again.witness.check(layout) is None
        altered = folder / "studio" / files[0]
        altered.write_bytes(altered.read_bytes()[::-1])
        told = await again.witness.check(layout)
    assert told is not None
    assert str(files[0]) in told

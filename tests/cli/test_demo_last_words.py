"""What the demo ends with are commands: a shell that knows nothing of us can run them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from anyio import to_thread

from reactor.cli.demo.handover import hand_over
from reactor.cli.demo.layout import Layout, open_layout
from tests.cli.demos import started

SETTINGS = """
[mongo]
data_folder = "FOLDER/mongod"
[sites.studio]
root = { work = "FOLDER/studio" }
[sites.backup]
provider = "local_drive"
root = { work = "FOLDER/backup" }
[defaults]
active_site = "studio"
remote_site = "backup"
"""


def _type(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line as somebody does who has opened a new shell, in a folder of theirs."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def _line_with(words: str, text: str) -> str:
    (line,) = (line for line in text.splitlines() if words in line)
    return line.strip()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return open_layout(tmp_path / "a demo", 0)


@pytest.mark.timeout(180)  # a whole run of real servers, on machines that may be busy
async def test_its_status_is_there_to_look_at(tmp_path: Path) -> None:
    with started(tmp_path / "a demo", "--cache-size", "1MiB") as demo:
        assert await demo.end() == 0, demo.output

    told = await to_thread.run_sync(_type, _line_with(" status", demo.output), tmp_path)

    assert told.returncode == 0, told.stderr
    assert "Nothing is wanted" in told.stdout


def test_the_steps_to_a_studio_of_ones_own_lead_there(layout: Layout, tmp_path: Path) -> None:
    for name in ("studio", "backup"):
        (tmp_path / name).mkdir()
    (tmp_path / "sitesync.toml").write_text(SETTINGS.replace("FOLDER", str(tmp_path)))
    steps, _, serve = _line_with("doctor", hand_over(layout)).rpartition(" && ")

    done = _type(steps, tmp_path)
    served = _type(f"{serve} --until-idle", tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert served.returncode == 0, served.stdout + served.stderr


def test_it_says_how_the_room_comes_back(layout: Layout, tmp_path: Path) -> None:
    line = _line_with("rm -r", hand_over(layout))

    assert _type(line, tmp_path).returncode == 0
    assert not layout.folder.exists()

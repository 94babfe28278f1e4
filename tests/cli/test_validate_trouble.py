"""What `sitesync validate` makes of broken roots, odd names, others at work, and mass deletion."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from bson import ObjectId

from tests.cli.machine import Machine
from tests.cli.published import available, entries, publish_everywhere, set_sites
from tests.cli.validating import AT_ONCE, counts, validate, whats


@pytest.fixture(autouse=True)
def _patient_no_longer(machine: Machine) -> None:
    """What is gone is believed at once, except where a test is about just that."""
    machine.write_settings(sites={"studio": {**AT_ONCE}, "vendor": {**AT_ONCE}})


def test_a_root_without_its_marker_is_one_line_and_no_reset(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    (machine.root("vendor") / "a.exr").unlink()
    (machine.root("vendor") / ".sitesync-root").unlink()

    called = machine.call("validate", "--site", "vendor")

    assert called.exit_code == 1
    assert "sitesync site init vendor" in called.stderr
    assert len(called.stderr.splitlines()) == 1
    assert "created_dt" in entries(machine, representation)["vendor"]


def test_a_root_that_is_not_there_is_one_line_and_no_reset(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    machine.root("vendor").rename(machine.folder / "unmounted")

    called = machine.call("validate", "--site", "vendor")

    assert (called.exit_code, len(called.stderr.splitlines())) == (1, 1)
    assert "created_dt" in entries(machine, representation)["vendor"]


def test_links_are_no_loops_and_files_behind_them_are_not_missing(machine: Machine) -> None:
    representation = publish_everywhere(machine, "real/a.exr", "vendor")
    (machine.root("vendor") / "loop").symlink_to(machine.root("vendor"))
    (machine.root("vendor") / "real").rename(machine.root("vendor") / "moved")
    (machine.root("vendor") / "real").symlink_to("moved")

    answer = validate(machine)

    assert (answer["right"], counts(answer)) == (1, {})
    assert "created_dt" in entries(machine, representation)["vendor"]


def test_names_that_are_not_unicode_are_told(machine: Machine) -> None:
    if sys.platform != "linux":
        pytest.skip("other systems refuse to make such a name")
    publish_everywhere(machine, "a.exr", "vendor")
    (machine.root("vendor") / os.fsdecode(b"bad\xff.exr")).touch()

    called = machine.call("validate", "--site", "vendor")

    assert called.exit_code == 0
    assert r"bad\xff.exr" in called.stderr


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [(("--site", "vendr"), "vendor"), (("--site", "vendor", "--project", "Shwo"), "Show")],
)
def test_wrong_names_are_answered_with_the_nearest(
    machine: Machine, wrong: tuple[str, ...], nearest: str
) -> None:
    publish_everywhere(machine, "a.exr")

    called = machine.call("validate", *wrong)

    assert called.exit_code == 2
    assert nearest in called.stderr


def test_a_site_that_only_documents_name_is_told_as_such(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr")
    set_sites(machine, representation, [available("old-vendor")])

    called = machine.call("validate", "--site", "old-vendor")

    assert called.exit_code == 2
    assert "[sites.old-vendor]" in called.stderr
    assert "created_dt" in entries(machine, representation)["old-vendor"]


def test_a_file_that_another_process_works_on_is_busy(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    (machine.root("vendor") / "a.exr").unlink()
    marker = (machine.root("vendor") / ".sitesync-root").read_text().split()[0]
    machine.claim("a.exr", "another", _id=f"{marker}/a.exr")

    answer = validate(machine)

    assert ("busy", "a.exr") in whats(answer)
    assert "created_dt" in entries(machine, representation)["vendor"]


def test_two_spellings_of_one_place_are_both_mended(machine: Machine) -> None:
    one = publish_everywhere(machine, "a.exr", "vendor")
    other = publish_everywhere(machine, "a.exr", "vendor")
    machine.documents.update_one({"_id": other}, {"$set": {"files.0.path": "{root}//a.exr"}})
    (machine.root("vendor") / "a.exr").unlink()

    answer = validate(machine)

    assert (answer["reset"], answer["unknown"]["files"], counts(answer)) == (2, 0, {"missing": 2})
    for representation in (one, other):
        assert "created_dt" not in entries(machine, representation)["vendor"]


def vanish(machine: Machine, count: int) -> list[ObjectId]:
    """Publish so many files, and take them away from the vendor."""
    made = [publish_everywhere(machine, f"{n:03}.exr", "vendor") for n in range(count)]
    for number in range(count):
        (machine.root("vendor") / f"{number:03}.exr").unlink()
    return made


def test_more_than_the_limit_resets_nothing_without_confirmation(machine: Machine) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": {"deletion_limit": 2, "vanish_grace": 0}})
    made = vanish(machine, 3)

    called = machine.call("validate", "--site", "vendor")

    assert called.exit_code == 1
    assert "--confirm-removals" in called.stderr
    assert all("created_dt" in entries(machine, one)["vendor"] for one in made)

    answer = validate(machine, "--confirm-removals")

    assert answer["reset"] == 3
    assert not any("created_dt" in entries(machine, one)["vendor"] for one in made)


def test_up_to_the_limit_files_are_reset(machine: Machine) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": {"deletion_limit": 2, "vanish_grace": 0}})
    vanish(machine, 2)

    assert validate(machine)["reset"] == 2


def test_a_file_that_comes_back_within_the_grace_is_not_reset(machine: Machine) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": {"vanish_grace": 2}})
    representation = publish_everywhere(machine, "a.exr", "vendor")
    away = machine.root("vendor") / "a.exr.old"
    (machine.root("vendor") / "a.exr").rename(away)
    settings = str(machine.folder / "sitesync.toml")
    command = [sys.executable, "-m", "reactor", "--config", settings, "validate", "-s", "vendor"]

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert "looking again" in running.stderr.readline()
        told = time.monotonic()
        away.rename(machine.root("vendor") / "a.exr")

    assert running.returncode == 0
    assert time.monotonic() - told > 1
    assert "created_dt" in entries(machine, representation)["vendor"]

"""docs/operating.md: what looks, what steers, what follows from what happens on the disks."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.docs.office import Office, until
from tests.docs.pages import block

NAME = "Bunny/shots/sh010/comp_v003.1001.exr"


def set_disk(disks: Office, **changes: str) -> None:
    """Add the page's settings of the studio's disk, some of them changed."""
    head, _, rest = block("operating: disks").partition("\n")
    assert head == "[sites.studio]"
    lines = [line.partition(" = ") for line in rest.splitlines()]
    keys = "\n".join(f"{key} = {changes.get(key, value)}" for key, _, value in lines)
    settings = disks.folder / "sitesync.toml"
    settings.write_text(settings.read_text().replace(head, f"{head}\n{keys}"))


def test_one_looks_while_nothing_runs(disks: Office) -> None:
    disks.publish(NAME, "vendor")
    status, as_json, queue, why = block("operating: look").splitlines()

    assert "No reactor runs" in disks.call(status)
    assert json.loads(disks.call(as_json))["sites"][0]["wanted"] == 1
    assert NAME in disks.call(queue)
    assert "sitesync run" in disks.call(why, code=1)


def test_the_steering_commands_do_what_the_page_says(disks: Office) -> None:
    published = disks.publish(NAME, "vendor")
    pause, resume, prioritise, retry, reset, remove = block("operating: steer").splitlines()

    disks.call(pause)
    disks.call("sitesync reconcile")
    assert not disks.is_available(published, "vendor")
    disks.call(resume)
    disks.call(prioritise)
    assert disks.entry(published, "vendor") == {"name": "vendor", "priority": 90}
    failed = {"files.0.sites.1.tries": 3, "files.0.sites.1.error": "x"}
    disks.documents.update_one({"_id": published}, {"$set": failed})
    disks.call(retry)
    disks.call("sitesync reconcile")
    assert disks.is_available(published, "vendor")
    disks.call(reset)
    assert not disks.is_available(published, "vendor")
    disks.call("sitesync reconcile")
    disks.call(remove)
    assert disks.entry(published, "vendor") == {}
    assert (disks.machine.root("vendor") / NAME).is_file()


@pytest.fixture
def farm(disks: Office) -> Office:
    """A studio with a farm, and a program that renders."""
    settings = disks.folder / "sitesync.toml"
    folder = disks.machine.root("farm")
    folder.mkdir()
    site = f'[sites.farm]\nprovider = "local_drive"\nroot = {{ work = "{folder}" }}\n'
    text = settings.read_text().replace('remote_site = "vendor"', 'remote_site = "farm"')
    settings.write_text(f"{site}\n{text}")
    disks.call("sitesync site init farm")
    renderer = disks.folder / "bin" / "start-render"
    renderer.parent.mkdir()
    renderer.write_text(f"#!{sys.executable}\nimport sys; print('rendering', sys.argv[1])\n")
    renderer.chmod(0o755)
    disks.environ["PATH"] = os.pathsep.join([str(renderer.parent), disks.environ["PATH"]])
    return disks


def test_a_farm_renders_as_soon_as_its_files_are_there(farm: Office) -> None:
    published = farm.publish(NAME, "farm")

    with farm.serving("sitesync run"):
        said = farm.call(block("operating: farm"))

    assert said.splitlines()[-1] == f"rendering {published}"


def test_a_farm_does_not_wait_for_what_will_not_come(farm: Office) -> None:
    farm.publish(NAME)

    assert "rendering" not in farm.call(block("operating: farm"), code=1)


def test_a_file_that_is_gone_from_the_disk_is_brought_back(disks: Office) -> None:
    set_disk(disks, vanish_grace="0.2")
    file = disks.machine.root("studio") / NAME
    with disks.serving("sitesync run"):
        published = disks.publish(NAME, "vendor")
        disks.until_available(published, "vendor")
        until(lambda: '"watching"' in disks.log.read_text())

        file.unlink()
        until(file.exists)
        disks.until_available(published, "studio")


def test_a_file_that_is_changed_is_told_and_brought_back_when_asked(disks: Office) -> None:
    set_disk(disks, vanish_grace="0.2")
    file = disks.machine.root("studio") / NAME
    with disks.serving("sitesync run"):
        published = disks.publish(NAME, "vendor")
        disks.until_available(published, "vendor")
        until(lambda: '"watching"' in disks.log.read_text())
        content = file.read_bytes()

        file.write_bytes(b"an artist saved over it")
        until(lambda: "error" in disks.entry(published, "studio"))
        assert "it was changed after it was published" in disks.call("sitesync status", code=1)
        assert (disks.machine.root("vendor") / NAME).read_bytes() == content

        assert "nothing has failed" in disks.call("sitesync retry")
        disks.call(f"sitesync site reset studio --representation {published}")
        disks.until_available(published, "studio")
    assert file.read_bytes() == content


def test_too_many_that_are_gone_change_nothing_and_status_names_the_command(
    disks: Office,
) -> None:
    set_disk(disks, vanish_grace="0.2", deletion_limit="1")
    with disks.serving("sitesync run"):
        published = [disks.publish(f"Bunny/sh/{n}.exr", "vendor") for n in range(3)]
        for one in published:
            disks.until_available(one, "vendor")
        until(lambda: '"watching"' in disks.log.read_text())

        shutil.rmtree(disks.machine.root("studio") / "Bunny" / "sh")
        command = "sitesync validate --site studio --confirm-removals"
        until(lambda: command in disks.call("sitesync status"))

        assert all(disks.is_available(one, "studio") for one in published)


def test_a_site_is_held_against_the_documents(disks: Office) -> None:
    set_disk(disks, vanish_grace="0.2")
    gone, there = disks.publish("Bunny/gone.exr", "vendor"), disks.publish("Bunny/there.exr")
    disks.call("sitesync reconcile")
    (disks.machine.root("studio") / "Bunny" / "gone.exr").unlink()
    disks.documents.update_one({"_id": there}, {"$set": {"files.0.sites": [{"name": "vendor"}]}})
    dry, really, checksum = block("operating: validate").splitlines()

    disks.call(dry, code=1)
    assert disks.is_available(gone, "studio")
    disks.call(really, code=1)
    assert not disks.is_available(gone, "studio")
    assert disks.is_available(there, "studio")
    disks.call("sitesync reconcile")
    disks.call(checksum)


def test_a_pass_over_all_documents_is_planned_and_carried_out(disks: Office) -> None:
    published = disks.publish(NAME, "vendor")
    dry, really, narrow = block("operating: reconcile").splitlines()

    assert NAME in disks.call(dry, code=1)
    assert not disks.is_available(published, "vendor")
    disks.call(really)
    assert disks.is_available(published, "vendor")
    assert disks.call(narrow).startswith("Reconciled in ")


def test_saved_settings_count_within_seconds_and_wrong_ones_are_refused(disks: Office) -> None:
    settings = disks.folder / "sitesync.toml"
    right = settings.read_text()
    with disks.serving("sitesync run"):
        until(lambda: "serving" in disks.log.read_text())
        settings.write_text(right.replace("remote_site", "remote_sight"))
        until(lambda: "settings refused" in disks.log.read_text())
        settings.write_text(f'{right}\nalways_accessible_on = ["vendor"]\n')
        until(lambda: "settings have changed" in disks.log.read_text())

        disks.until_available(disks.publish(NAME), "vendor")


def test_settings_are_checked_before_they_are_saved(disks: Office) -> None:
    settings = (disks.folder / "sitesync.toml").read_text()
    new = Path(disks.folder / "new.toml")

    new.write_text(settings)
    disks.call(block("operating: check settings"))
    new.write_text(settings.replace("remote_site", "remote_sight"))
    disks.call(block("operating: check settings"), code=2)

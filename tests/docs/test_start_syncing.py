"""docs/start-syncing.md, carried out."""

from __future__ import annotations

from typing import Any

from tests.docs.office import Office, until
from tests.docs.pages import block

NAME = "Bunny/shots/sh010/comp_v003.1001.exr"


def begin(office: Office, *, extra: str = "") -> None:
    """Do what the page says up to the point where a reactor is started."""
    office.save("start: settings", extra=extra)
    office.call(block("start: markers"))


def test_from_first_settings_to_a_file_at_the_vendor(connected: Office) -> None:
    begin(connected)
    checked = connected.call(block("start: doctor"))
    for said in block("start: doctor says").splitlines():  # what it says of room is the disk's
        assert any(line.startswith(said) for line in checked.splitlines()), said

    with connected.serving(block("start: run")):
        published = connected.publish(NAME, "vendor")
        connected.until_available(published, "vendor")
        until(lambda: '"outcome": "available"' in connected.log.read_text())

    assert connected.call(block("start: status")).startswith(
        "Nothing is wanted: every file is where it should be."
    )
    sent = connected.machine.root("vendor") / NAME
    assert sent.read_bytes() == (connected.machine.root("studio") / NAME).read_bytes()


def test_a_site_that_is_always_accessible_needs_no_entry_of_the_publisher(
    connected: Office,
) -> None:
    begin(connected, extra=block("start: always"))

    with connected.serving(block("start: run")):
        published = connected.publish(NAME)
        connected.until_available(published, "vendor")


def test_one_project_can_begin_alone(connected: Office) -> None:
    whole = block("start: settings")
    connected.save("start: settings")
    settings = connected.folder / "sitesync.toml"
    defaults = whole[whole.index("[defaults]") :]
    settings.write_text(settings.read_text().replace(defaults, block("start: one project")))
    connected.call(block("start: markers"))
    other = connected.machine.publish("Other/a.exr", "vendor", project="Other")
    published = connected.publish(NAME, "vendor")

    with connected.serving(block("start: run")):
        connected.until_available(published, "vendor")

    left: Any = connected.machine.client[connected.machine.database]["Other"].find_one(other)
    assert left["files"][0]["sites"][1] == {"name": "vendor"}


def test_without_markers_nothing_is_sent_and_doctor_names_the_command(connected: Office) -> None:
    connected.save("start: settings")

    assert "sitesync site init vendor" in connected.call(block("start: doctor"), code=1)

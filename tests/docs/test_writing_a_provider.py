"""docs/writing-a-provider.md: its snippets are the package's, and the package works where it is installed."""

from __future__ import annotations

import base64
import os
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.cli.machine import PROJECT, Document, Machine
from tests.docs.pages import HERE, block, blocks
from tests.docs.stranger import Stranger, environment
from tests.servers.rclone import serving

_PACKAGE = HERE / "docs" / "webdav-provider"
_SNIPPETS = {
    "kit: package": "pyproject.toml",
    "kit: kind": "src/sitesync_webdav/__init__.py",
    "kit: settings": "src/sitesync_webdav/options.py",
    "kit: features": "src/sitesync_webdav/provider.py",
    "kit: addresses": "src/sitesync_webdav/places.py",
    "kit: errors of a site": "src/sitesync_webdav/errors.py",
    "kit: errors of a file": "src/sitesync_webdav/errors.py",
    "kit: one door": "src/sitesync_webdav/server.py",
    "kit: marker": "src/sitesync_webdav/markers.py",
    "kit: read": "src/sitesync_webdav/provider.py",
    "kit: listing": "src/sitesync_webdav/listing.py",
    "kit: stage": "src/sitesync_webdav/staging.py",
    "kit: write": "src/sitesync_webdav/staging.py",
    "kit: publish": "src/sitesync_webdav/staging.py",
    "kit: revoke": "src/sitesync_webdav/staging.py",
    "kit: suite as a test": "tests/test_conformance.py",
}
_LEFT_OUT = "…"
# A second server in Python takes its time; the first one goes through all of the suite.
_WHERE_SERVERS_DIFFER = "revoke or publish or stands or odd_name or reading or order or refused"
USER, PASSWORD = "studio", "not-for-logs"
NAME = "Bunny/shots/sh010/100% comp_v003.1001.exr"

pytestmark = pytest.mark.timeout(480)  # it is minutes where the machine has other things to do


def test_every_snippet_of_the_page_has_a_file_that_it_is_from() -> None:
    told = {one.name for one in blocks() if one.page.name == "writing-a-provider.md"}
    commands = {"kit: site", "kit: try", "kit: build", "kit: install"}

    assert told == _SNIPPETS.keys() | commands


@pytest.mark.parametrize("name", _SNIPPETS)
def test_a_snippet_is_what_stands_in_the_package(name: str) -> None:
    text = (_PACKAGE / _SNIPPETS[name]).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip()]
    at = 0
    for part in _parts(block(name)):
        found = [
            start
            for start in range(at, len(lines) - len(part) + 1)
            if textwrap.dedent("\n".join(lines[start : start + len(part)])).splitlines() == part
        ]
        assert found, "\n".join(part)
        at = found[0] + len(part)


def _parts(text: str) -> Iterator[list[str]]:
    """Yield what stands between the marks of what is left out, but for blank lines."""
    part: list[str] = []
    for line in [*text.splitlines(), _LEFT_OUT]:
        if line.strip() == _LEFT_OUT:
            yield textwrap.dedent("\n".join(part)).splitlines()
            part = []
        elif line.strip():
            part.append(line)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    """Somebody with the package in a folder of its own, who has followed the page to its end."""
    stranger = environment(tmp_path_factory.mktemp("stranger"))
    mine = stranger.folder / "sitesync-webdav"
    unwanted = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(_PACKAGE, mine, ignore=unwanted)
    assert block("kit: build") == "python -m pip wheel --no-deps --wheel-dir dist .\n"
    wheel = stranger.build(mine)
    assert block("kit: install") == f"python -m pip install dist/{wheel.name}\n"
    stranger.install(wheel)
    return stranger


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a WebDAV server, written by others, and the folder that it serves."""
    served = tmp_path / "served"
    served.mkdir()
    with serving("webdav", served, "--user", USER, "--pass", PASSWORD) as port:
        yield f"http://127.0.0.1:{port}", served


def _settings(url: str, folder: Path) -> str:
    """Return the page's settings of the site, with what is here in the place of what is in general."""
    secret = folder / "password"
    secret.write_text(PASSWORD)
    here = {"https://dav.example.com/projects": url, "/mnt/secure/dav-password": str(secret)}
    text = block("kit: site")
    for general, special in here.items():
        assert general in text
        text = text.replace(general, special)
    return text


def test_what_is_installed_is_not_what_is_developed(stranger: Stranger) -> None:
    told = stranger.run(
        "python", "-c", "import providers, sitesync_webdav as w; print(providers, w)"
    )

    assert told.count(str(stranger.home)) == 2


def test_the_suite_passes_by_the_pages_command(
    stranger: Stranger, cloud: tuple[str, Path], tmp_path: Path
) -> None:
    _, site = _settings(cloud[0], tmp_path).split("[sites.cloud]\n")
    tried = site.replace('root = { work = "/work" }', 'root = "/tried"')
    (stranger.folder / "site.toml").write_text(tried)
    program, *command = block("kit: try").split()

    told = stranger.run(program, *command, "-p", "no:cacheprovider")

    assert " passed" in told
    assert " failed" not in told


@pytest.mark.parametrize("which", ["conformance and wsgidav", "not conformance"])
def test_the_packages_own_tests_pass_where_it_is_installed(stranger: Stranger, which: str) -> None:
    mine = stranger.folder / "sitesync-webdav"
    options = (
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(mine),
        "-c",
        f"{mine}/pyproject.toml",
    )

    told = stranger.run(
        *("python", "-m", "pytest", *options, "-k", which, str(mine / "tests")),
        PYTEST_ADDOPTS=f"-k '{_WHERE_SERVERS_DIFFER}'",  # goes for the suite that they call
    )

    assert " passed" in told
    assert "skipped" not in told


def test_a_publish_through_the_reactor_arrives_verified(
    stranger: Stranger, cloud: tuple[str, Path], mongo_uri: str, tmp_path: Path
) -> None:
    database = f"test_{os.urandom(6).hex()}"
    with MongoClient[Document](mongo_uri) as client:
        machine = Machine(tmp_path, mongo_uri, database, client)
        machine.write_settings(sites={"studio": {}}, defaults={"remote_site": "cloud"})
        settings = tmp_path / "sitesync.toml"
        settings.write_text(settings.read_text() + "\n" + _settings(cloud[0], tmp_path))
        machine.documents.insert_one({"type": "project", "name": PROJECT})
        machine.make_markers("studio")
        file = machine.root("studio") / NAME
        file.parent.mkdir(parents=True)
        file.write_bytes(os.urandom(3_000_000))
        try:
            _follow(stranger, machine, settings, cloud[1])
        finally:
            client.drop_database(machine.database)
            client.drop_database(machine.state_database)


def _follow(stranger: Stranger, machine: Machine, settings: Path, served: Path) -> None:
    sitesync = ("--config", str(settings))

    assert _finding(stranger, settings, "site cloud", code=1)["level"] == "problem"
    stranger.run("sitesync", *sitesync, "site", "init", "cloud")
    assert "verified by checksum" in _finding(stranger, settings, "site cloud")["text"]
    said = _finding(stranger, settings, "provider webdav")
    assert said["text"] == "brought by package sitesync-webdav 1.0.0; its sites: cloud"
    _shown_with_its_icon(stranger, settings)

    representation = machine.publish(NAME, "cloud")
    told = stranger.run("sitesync", *sitesync, "run", "--active-site", "studio", "--until-idle")

    found = machine.documents.find_one({"_id": representation})["files"][0]
    (entry,) = [one for one in found["sites"] if one["name"] == "cloud"]
    assert entry["verified"] == "checksum"
    assert "created_dt" in entry
    (arrived,) = served.rglob("*.exr")
    assert arrived.read_bytes() == (machine.root("studio") / NAME).read_bytes()
    assert arrived.relative_to(served).as_posix() == f"work/{NAME}"
    assert {one.name for one in arrived.parent.iterdir()} == {arrived.name}
    assert PASSWORD not in told


def _finding(stranger: Stranger, settings: Path, about: str, code: int = 0) -> dict[str, str]:
    findings = stranger.answer("--config", str(settings), "doctor", code=code)["findings"]
    order = {"problem": 0, "ok": 1}
    mine = [one for one in findings if one["about"] == about and one["level"] in order]
    first: dict[str, str] = min(mine, key=lambda one: order[one["level"]])
    return first


def _shown_with_its_icon(stranger: Stranger, settings: Path) -> None:
    sites = stranger.answer("--config", str(settings), "site", "list")["sites"]
    (cloud,) = [one for one in sites if one["site"] == "cloud"]
    icon = (_PACKAGE / "src" / "sitesync_webdav" / "icon.png").read_bytes()
    assert (cloud["provider"], cloud["problem"]) == ("webdav", None)
    assert cloud["icon"] == "data:image/png;base64," + base64.b64encode(icon).decode()

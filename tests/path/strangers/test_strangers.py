"""Whatever a stranger's provider does, its own site fails with a reason, and all others go on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
import tomli_w
from bson import json_util

from tests.packages import Packages
from tests.path.program import ended, environment, reactor_process
from tests.path.strangers.package import PASSWORD, install
from tests.path.studio import Studio, some_bytes

_TO = (
    *("make", "login", "marker", "facts", "stage", "write", "sink write", "flush", "write end"),
    *("checksum", "publish"),
)
_FROM = ("read", "chunk", "unchanged", "read end")
_PATIENCE = 30.0

Fault = tuple[str, str]


@dataclass
class Strangers:
    """A studio with strangers beside its vendor: to some files are to go, from others to come."""

    studio: Studio
    uri: str
    to: Mapping[str, Fault]
    come_from: Mapping[str, Fault]

    @property
    def settings(self) -> Path:
        return self.studio.folder / "sitesync.toml"

    def write_settings(self) -> None:
        odd = {"provider": "odd", "timeout": 1.0, "password": PASSWORD}
        sites: dict[str, Any] = {"studio": {}, "vendor": {"provider": "local_drive"}}
        for name, (call, fault) in {**self.to, **self.come_from}.items():
            sites[name] = {**odd, "call": call, "fault": fault}
        for name, keys in sites.items():
            keys["root"] = {"work": str(self.studio.path(name))}
        names = {"database": self.studio.database, "state_database": self.studio.state.name}
        written = {
            "mongo": {"uri": self.uri, **names},
            "machine": {"site_id": "studio"},
            "sites": sites,
            "defaults": {
                "remote_site": "vendor",
                "always_accessible_on": [*self.to, *self.come_from],
            },
        }
        self.settings.write_text(tomli_w.dumps(written))

    async def make_markers(self) -> None:
        for name in (*self.to, *self.come_from):
            await self.studio.provider(name).make_marker("work")

    def answer(self, *command: str) -> subprocess.CompletedProcess[str]:
        """What a command of the program says, on both streams."""
        program = [sys.executable, "-m", "reactor", "--config", str(self.settings), *command]
        environ = environment(self.settings)
        return subprocess.run(program, capture_output=True, text=True, env=environ, check=False)

    async def reasons(self) -> dict[str, str]:
        """Why nothing comes to a site, or from it, as documents tell."""
        found: dict[str, str] = {}
        async for document in self.studio.documents.find({"type": "representation"}):
            for file in document["files"]:
                for entry in file["sites"]:
                    if "error" in entry:
                        site = file["path"].split("/")[-2] if entry["name"] == "studio" else ""
                        found[site or entry["name"]] = entry["error"]
        return found

    async def resting(self) -> dict[str, str]:
        """Why sites rest, as reactors tell."""
        found: dict[str, str] = {}
        async for reactor in self.studio.state["reactors"].find():
            suspended: dict[str, dict[str, str]] = reactor.get("suspended", {})
            found |= {name: why["why"] for name, why in suspended.items()}
        return found


@pytest.fixture
def strangers(studio: Studio, packages: Packages, mongo_uri: str) -> Strangers:
    install(packages)
    return Strangers(studio, mongo_uri, {}, {})


async def _until_told(strangers: Strangers, *, resting: Collection[str] = ()) -> dict[str, str]:
    """Wait until there is a reason for each, and until reactors tell that some rest."""
    reasons: dict[str, str] = {}
    seen: dict[str, str] = {}
    with anyio.move_on_after(_PATIENCE):
        while not (
            reasons.keys() >= {*strangers.to, *strangers.come_from} and seen.keys() >= {*resting}
        ):
            seen = await strangers.resting()
            reasons |= await strangers.reasons() | seen
            await anyio.sleep(0.1)
    return reasons


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", ["raises", "hangs", "blocks"])
async def test_a_stranger_that_fails_in_any_call_is_told_and_all_others_are_served(
    strangers: Strangers, fault: str
) -> None:
    studio = strangers.studio
    strangers.to = {call.replace(" ", "_"): (call, fault) for call in _TO}
    if fault == "hangs":
        del strangers.to["make"]  # it is not asynchronous
    strangers.come_from = {call.replace(" ", "_"): (call, fault) for call in _FROM}
    await strangers.make_markers()
    strangers.write_settings()
    contents = {f"{n}.exr": some_bytes() for n in range(4)}
    documents = [
        await studio.publish_file(name, content, wanted=("vendor", *strangers.to))
        for name, content in contents.items()
    ]
    for site in strangers.come_from:
        studio.file(f"{site}/a.exr", b"afar", at=site)
        entry = studio.files_entry(f"{site}/a.exr", at=site, wanted=("studio",))
        await studio.publish(entry)

    with reactor_process(strangers.settings) as process:
        for document in documents:
            assert (await studio.until(document, "vendor"))["verified"] == "checksum"
        reasons = await _until_told(strangers, resting=strangers.to)
        status = strangers.answer("status", "--json")
        process.send_signal(signal.SIGTERM)
        code = await ended(process)
    doctor = strangers.answer("doctor", "--json")

    assert {name: studio.path("vendor", name).read_bytes() for name in contents} == contents
    assert reasons.keys() == {*strangers.to, *strangers.come_from}
    assert all(repr(site) in why for site, why in reasons.items()), reasons
    await _assert_nothing_wrong_is_available(strangers)
    told = {one["site"] for one in json.loads(status.stdout)["suspended"]}
    assert {*strangers.to} <= told <= reasons.keys()
    assert code == 0
    problems = {
        one["about"] for one in json.loads(doctor.stdout)["findings"] if one["level"] == "problem"
    }
    assert problems >= {
        f"site {site}" for site, (call, _) in strangers.to.items() if call in _LOOKED_AT
    }
    await _assert_secret(strangers, status, doctor)


_LOOKED_AT = ("make", "login", "marker", "stage", "write", "sink write", "flush", "write end")


async def test_what_lies_about_sizes_or_never_ends_is_neither_marked_nor_brought(
    strangers: Strangers,
) -> None:
    studio = strangers.studio
    strangers.to = {"staged": ("staged_size", "lies"), "published": ("publish", "tells_less")}
    strangers.come_from = {"flood": ("chunk", "floods")}
    await strangers.make_markers()
    strangers.write_settings()
    document = await studio.publish_file("a.exr", some_bytes(), wanted=("vendor", *strangers.to))
    studio.file("flood/a.exr", b"afar", at="flood")
    entry = studio.files_entry("flood/a.exr", at="flood", wanted=("studio",))
    await studio.publish(entry)

    with reactor_process(strangers.settings) as process:
        await studio.until(document, "vendor")
        reasons = await _until_told(strangers)
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == 0

    assert "differs from what was sent" in reasons["staged"]
    assert "has published 3 bytes of the 5000" in reasons["published"]
    assert "more than the 4 bytes" in reasons["flood"]
    assert not studio.path("studio", "flood/a.exr").exists()
    await _assert_nothing_wrong_is_available(strangers)


async def test_a_stranger_that_says_its_password_is_served_and_the_password_is_nowhere(
    strangers: Strangers,
) -> None:
    studio = strangers.studio
    strangers.to = {"talker": ("", "talks")}
    await strangers.make_markers()
    strangers.write_settings()
    content = some_bytes()
    document = await studio.publish_file("a.exr", content, wanted=("vendor", "talker"))

    with reactor_process(strangers.settings) as process:
        entry = await studio.until(document, "talker")
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == 0
    doctor = strangers.answer("doctor", "--json")

    assert entry["verified"] == "checksum"
    assert studio.path("talker", "a.exr").read_bytes() == content
    assert "doing login with ********" in (studio.folder / "reactor.log").read_text()
    assert json.loads(doctor.stdout)["findings"]
    await _assert_secret(strangers, doctor)


async def _assert_nothing_wrong_is_available(strangers: Strangers) -> None:
    documents = await strangers.studio.documents.find({"type": "representation"}).to_list()
    marked = {
        entry["name"]
        for document in documents
        for file in document["files"]
        for entry in file["sites"]
        if "created_dt" in entry
    }
    assert marked <= {"studio", "vendor", *strangers.come_from}


async def _assert_secret(strangers: Strangers, *answers: subprocess.CompletedProcess[str]) -> None:
    studio = strangers.studio
    said = [(studio.folder / "reactor.log").read_text()]
    said += [text for answer in answers for text in (answer.stdout, answer.stderr)]
    for name in (studio.database, studio.state.name):
        for collection in await studio.client[name].list_collection_names():
            said.append(json_util.dumps(await studio.client[name][collection].find().to_list()))
    assert not [text for text in said if "tr0ub4dor" in text]

"""One machine's settings, sites and database, and the program as it is called there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import tomli_w
from bson import ObjectId
from click.testing import CliRunner, Result
from pymongo import MongoClient

from providers.base import MARKER_NAME
from reactor.cli.program import cli

Document = dict[str, Any]
PROJECT = "Show"


@dataclass(frozen=True)
class Machine:
    """A machine with a settings file, a folder a site, and documents as OpenPype writes them."""

    folder: Path
    uri: str
    database: str
    client: MongoClient[Document]

    @property
    def state_database(self) -> str:
        return f"{self.database}_state"

    @property
    def documents(self) -> Any:
        return self.client[self.database][PROJECT]

    @property
    def state(self) -> Any:
        return self.client[self.state_database]

    def root(self, site: str) -> Path:
        return self.folder / site

    def write_settings(
        self,
        sites: Mapping[str, Mapping[str, Any]],
        *,
        defaults: Mapping[str, Any] | None = None,
        **tables: Any,
    ) -> None:
        """Write the file: sites are local drives with a folder each, unless they say otherwise."""
        disks = {
            name: {"provider": "local_drive", "root": {"work": str(self.root(name))}, **keys}
            for name, keys in sites.items()
        }
        mongo = {
            "uri": self.uri,
            "database": self.database,
            "state_database": self.state_database,
        }
        settings = {
            "mongo": mongo,
            "machine": {"site_id": "studio"},
            "sites": disks,
            "defaults": {"remote_site": "vendor", **(defaults or {})},
            **tables,
        }
        text = tomli_w.dumps(settings)
        (self.folder / "sitesync.toml").write_text(text, encoding="utf-8")

    def make_markers(self, *sites: str, same: str = "") -> None:
        """Mark the roots of sites; with `same` they get that one id."""
        for site in sites:
            self.root(site).mkdir(exist_ok=True)
            (self.root(site) / MARKER_NAME).write_text(f"{same or uuid4().hex}\n")

    def call(self, *arguments: str, **options: Any) -> Result:
        """Call the program with these settings; its output is no terminal."""
        settings = str(self.folder / "sitesync.toml")
        return CliRunner().invoke(cli, ["--config", settings, *arguments], **options)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the program as a process of its own."""
        program = [sys.executable, "-m", "reactor", "--config", str(self.folder / "sitesync.toml")]
        return subprocess.run([*program, *arguments], capture_output=True, text=True, check=False)

    @contextmanager
    def serving(self) -> Generator[None]:
        """Run a reactor, as a process of its own, until the block ends: it is killed then."""
        program = [sys.executable, "-m", "reactor", "--config", str(self.folder / "sitesync.toml")]
        with (self.folder / "run.log").open("wb") as log:
            reactor = subprocess.Popen([*program, "run"], stderr=log)
            try:
                yield
            finally:
                reactor.kill()
                reactor.wait()

    def answer(self, *arguments: str) -> Any:
        """Call the program with `--json`, and return its answer."""
        called = self.call(*arguments, "--json")
        assert called.exit_code in (0, 1), called.output
        return json.loads(called.stdout)

    def findings(self, about: str) -> list[dict[str, str]]:
        """Return what `doctor` says of one thing."""
        found: list[dict[str, str]] = self.answer("doctor")["findings"]
        return [one for one in found if one["about"] == about]

    def finding(self, about: str) -> dict[str, str]:
        """Return the one thing that `doctor` says of it."""
        found = self.findings(about)
        assert len(found) == 1, found
        return found[0]

    def publish(
        self, name: str, *wanted: str | Document, size: int = 1_000_000, project: str = PROJECT
    ) -> ObjectId:
        """
        Insert a representation of one file as OpenPype's integrator writes it.

        It is available at the studio; entries of other sites are given by name or whole. A
        file that is really there counts with its own size and time.
        """
        mtime = 1_700_000_000.5
        if (file := self.root("studio") / name).exists():
            size, mtime = file.stat().st_size, file.stat().st_mtime
        entries = [{"name": one} if isinstance(one, str) else one for one in wanted]
        here = {"name": "studio", "created_dt": datetime.now(), "id": ObjectId()}  # noqa: DTZ005 - so does OpenPype
        published = {
            "_id": ObjectId(),
            "path": f"{{root[work]}}/{name}",
            "size": size,
            "hash": "|".join([file.name, str(mtime), str(size)]).replace(".", ","),
            "sites": [here, *entries],
        }
        identity = ObjectId()
        document: Document = {
            "_id": identity,
            "type": "representation",
            "name": "exr",
            "parent": ObjectId(),
            "context": {"project": {"name": project}},
            "data": {},
            "files": [published],
        }
        self.client[self.database][project].insert_one(document)
        return identity

    def register(self, process: str, *, seen: float = 1, **doing: Any) -> None:
        """Put a process among the reactors, last seen so many seconds ago."""
        identity = {"host": "render-07/aabbcc/pid:[1]", "boot": "", "pid": 4711, "born": 1.0}
        said: Document = {
            "site": "studio",
            "running": [],
            "running_count": 0,
            "waiting": 0,
            "suspended": {},
        }
        at = self._now() - timedelta(seconds=seen)
        self.state["reactors"].insert_one(
            {"_id": process, **identity, **said, "seen": at, "started": at, **doing}
        )

    def claim(self, name: str, process: str | None, *, lease: float = 30, **more: Any) -> str:
        """Put a claim on a file at `vendor`, whose lease ends in so many seconds; return its id."""
        claim_id = uuid4().hex[:16]
        place = {"project": PROJECT, "site": "vendor", "root": "work", "path": name}
        now = self._now()
        times = {"taken": now, "expires": now + timedelta(seconds=lease)}
        document: Document = {
            "_id": f"marker/{name}",
            "claim": claim_id,
            "process": process,
            "former": [],
        }
        self.state["claims"].insert_one({**document, **place, **times, **more})
        return claim_id

    def retry_in(self, seconds: float) -> datetime:
        """Return a time as far ahead, by the database's clock."""
        return self._now() + timedelta(seconds=seconds)

    def _now(self) -> datetime:
        there: datetime = self.client.admin.command("hello")["localTime"]
        return there.replace(tzinfo=UTC)

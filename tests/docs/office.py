"""A place where a how-to is carried out: its settings saved, its commands called."""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bson import ObjectId
from click.testing import CliRunner

from reactor.cli.program import cli
from tests.cli.machine import Machine
from tests.docs.pages import block
from tests.servers.sftp import SftpServer

Document = dict[str, Any]

PROJECT = "Bunny"
EXAMPLE_ID = "65f0c0ffee65f0c0ffee65f0"
PATIENCE = 20.0
_PROGRAMS = Path(sys.executable).parent


@dataclass
class Office:
    """
    One machine of the studio, with a home of its own.

    What pages say in general is replaced by what is here: addresses, folders, `_id`s.
    """

    machine: Machine
    folder: Path
    replaced: dict[str, str] = field(default_factory=dict[str, str])
    environ: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.replaced = {
            "mongodb://db1,db2,db3/?replicaSet=studio": self.machine.uri,
            "/mnt/projects": str(self.machine.root("studio")),
            '"/upload"': f'"{self.machine.root("vendor")}"',
            **self.replaced,
        }
        self.environ = {
            "HOME": str(self.home),
            "PATH": os.pathsep.join([str(_PROGRAMS), os.environ["PATH"]]),
            "SITESYNC__MONGO__DATABASE": self.machine.database,
            "SITESYNC__MONGO__STATE_DATABASE": self.machine.state_database,
            **self.environ,
        }

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def own_settings(self) -> Path:
        """The folder of this machine's own settings."""
        return self.home / ".config" / "sitesync"

    def here(self, text: str) -> str:
        """A page's text, with what is here in the place of what it speaks of in general."""
        for general, special in self.replaced.items():
            text = text.replace(general, special)
        return text

    def save(self, name: str, file: str = "sitesync.toml", *, extra: str = "") -> None:
        """Save a block of settings in the folder where commands are called."""
        self._write(self.folder / file, self.here(block(name)) + extra)

    def save_own(self, name: str, *, extra: str = "") -> None:
        """Save a block as this machine's own `machine.toml`."""
        self._write(self.own_settings / "machine.toml", self.here(block(name)) + extra)

    def _write(self, file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def reach(self, server: SftpServer, site: str) -> None:
        """Give this machine a login at a server, which pages call sftp.example.com."""
        keys = self.home / ".ssh"
        keys.mkdir(exist_ok=True)
        shutil.copy(server.user_key, keys / "id_ed25519")
        shutil.copy(server.folder / "known_hosts", keys / "known_hosts")
        self.replaced["sftp.example.com"] = "127.0.0.1"
        login = {"PORT": str(server.port), "USER": getpass.getuser()}
        self.environ |= {f"SITESYNC__SITES__{site.upper()}__{k}": v for k, v in login.items()}

    def call(self, text: str, *, code: int = 0) -> str:
        """Carry out a page's lines, each of which ends with an exit code; return what they print."""
        lines = self.here(text).splitlines()
        if all(line.startswith("sitesync ") for line in lines):
            return "".join(self._call(shlex.split(line)[1:], code) for line in lines)
        script = ["bash", "-euc", self.here(text)]
        called = subprocess.run(
            script, cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False
        )
        assert called.returncode == code, called.stdout + called.stderr
        return called.stdout

    def _call(self, arguments: list[str], code: int) -> str:
        """Call the program in this process, which is quicker, with this machine's environment."""
        others = dict.fromkeys(os.environ.keys() - self.environ.keys())
        with contextlib.chdir(self.folder):
            called = CliRunner(env={**others, **self.environ}).invoke(cli, arguments)
        assert called.exit_code == code, called.output
        return called.stdout

    @contextmanager
    def serving(self, text: str) -> Generator[subprocess.Popen[bytes]]:
        """Keep a page's one command running while the block runs, then stop it as systemd does."""
        (line,) = self.here(text).splitlines()
        program, *arguments = shlex.split(line)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [_PROGRAMS / program, *arguments], cwd=self.folder, env=self.environ, stderr=log
            )
            with process:
                try:
                    yield process
                    process.terminate()
                    process.wait(PATIENCE)
                finally:
                    process.kill()

    @property
    def log(self) -> Path:
        return self.folder / "reactor.log"

    @property
    def documents(self) -> Any:
        return self.machine.client[self.machine.database][PROJECT]

    def publish(
        self, name: str, *wanted: str, at: str = "studio", root: Path | None = None
    ) -> ObjectId:
        """Publish a file as OpenPype does, and let pages' examples mean it."""
        file = (root or self.machine.root("studio")) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(2000))
        identity = self.machine.publish(name, *wanted, project=PROJECT)
        facts = file.stat()
        file_hash = "|".join([file.name, str(facts.st_mtime), str(facts.st_size)]).replace(".", ",")
        changes: Document = {"files.0.size": facts.st_size, "files.0.hash": file_hash}
        changes["files.0.sites.0.name"] = at
        self.documents.update_one({"_id": identity}, {"$set": changes})
        self.replaced[EXAMPLE_ID] = str(identity)
        return identity

    def sites(self, representation: ObjectId) -> Any:
        """What the document's only file says of sites, as it stands there."""
        return self.documents.find_one({"_id": representation})["files"][0].get("sites")

    def entry(self, representation: ObjectId, site: str) -> Document:
        """The entry of a site; empty where there is none."""
        entries: list[Document] = self.sites(representation)
        return next((entry for entry in entries if entry["name"] == site), Document())

    def is_available(self, representation: ObjectId, site: str) -> bool:
        return "created_dt" in self.entry(representation, site)

    def until_available(self, representation: ObjectId, site: str) -> None:
        until(lambda: self.is_available(representation, site))


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)

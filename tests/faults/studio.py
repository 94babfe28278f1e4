"""The studio under test: disks, sshd, a replica set, settings, reactors: real; the Drive is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.disks import Disk, make_disk, unmount_all
from tests.faults.drive_site import DriveSite, drive_site
from tests.faults.fleet import Fleet, ReactorProcess
from tests.faults.judge import Judge
from tests.faults.ledger import Known, Ledger
from tests.faults.replica_set import ReplicaSet, can_cut_cables, replica_set
from tests.faults.sftp_site import SftpSite, sftp_site
from tests.faults.storage import Storage

OWN_SITES = ("studio", "lake", "studio", "hill")  # whose reactors run, the first ones of them
REMOTE, DRIVE = "vendor", "drive"
PROJECTS = {"Show": REMOTE, "Bunny": DRIVE}  # and the remote site of each
ALWAYS = "lake"
DATABASE, STATE = "avalon", "sitesync"


@dataclass
class Studio:
    """Everything that faults strike, and publishers and the judge use."""

    folder: Path
    disks: Mapping[str, Disk]
    mongo: ReplicaSet
    sftp: SftpSite
    drive: DriveSite
    settings: Path
    fleet: Fleet
    ledger: Ledger
    is_root: bool
    struck_disks: dict[str, object] = field(default_factory=dict[str, object])

    @property
    def database(self) -> Any:
        """The studio's documents."""
        return self.mongo.client[DATABASE]

    @property
    def state(self) -> Any:
        """What reactors share."""
        return self.mongo.client[STATE]

    @property
    def sites(self) -> Mapping[str, Storage]:
        """What really lies at all sites."""
        disks = {name: disk.storage for name, disk in self.disks.items()}
        return {**disks, DRIVE: self.drive.storage}

    @property
    def own_sites(self) -> list[str]:
        """The sites whose disks are here, where publishers publish."""
        return [name for name in self.disks if name != REMOTE]

    def judge(self) -> Judge:
        """Return a judge of this studio."""
        known = Known(self.folder / "ledger.jsonl")
        return Judge(self.database, self.state["claims"], self.sites, known)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a `sitesync` command, as an operator at the studio does."""
        environ = {
            **os.environ,
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "SITESYNC_SITE_ID": "studio",
        }
        return subprocess.run(
            [sys.executable, "-m", "reactor", "--config", str(self.settings), *arguments],
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@contextmanager
def studio(folder: Path, *, reactors: int, as_root: bool) -> Generator[Studio]:
    """Run a studio, with its reactors, until the block ends."""
    own = OWN_SITES[:reactors]
    with ExitStack() as stack:
        stack.callback(unmount_all, folder)
        names = (*dict.fromkeys(own), REMOTE)
        disks = {
            name: make_disk(
                folder,
                name,
                mounted=as_root and name != REMOTE,
                small="3G" if as_root and name == REMOTE else "",
            )
            for name in names
        }
        namespaces = as_root and can_cut_cables()
        mongo = stack.enter_context(replica_set(folder, namespaces=namespaces))
        sftp = stack.enter_context(sftp_site(folder / "sshd"))
        drive = stack.enter_context(drive_site(folder / "drive"))
        settings = folder / "sitesync.toml"
        settings.write_text(_settings(disks, mongo, sftp, drive))
        places = [
            ReactorProcess(site, settings, folder / f"reactor-{number}-{site}.log")
            for number, site in enumerate(own)
        ]
        fleet = Fleet(places)
        ledger = Ledger(folder / "ledger.jsonl")
        stack.callback(ledger.close)
        made = Studio(folder, disks, mongo, sftp, drive, settings, fleet, ledger, as_root)
        _prepare(made)
        stack.callback(fleet.kill)
        fleet.start()
        yield made


def _prepare(studio: Studio) -> None:
    for project in PROJECTS:
        studio.database[project].insert_one({"type": "project", "name": project})
        studio.database[project].create_index("files.path")
    done = studio.command("site", "init", "--all")
    if done.returncode:
        raise RuntimeError(f"site init: {done.stdout}{done.stderr}")


def _settings(
    disks: Mapping[str, Disk], mongo: ReplicaSet, sftp: SftpSite, drive: DriveSite
) -> str:
    drives: Sequence[Disk] = [disk for name, disk in disks.items() if name != REMOTE]
    sites = "\n".join(
        f'[sites.{each.name}]\nprovider = "local_drive"\nroot = {{ work = "{each.seen}" }}'
        for each in drives
    )
    remotes = "\n".join(
        f'[projects.{project}]\nremote_site = "{remote}"' for project, remote in PROJECTS.items()
    )
    return f"""
        [mongo]
        uri = "{mongo.uri}"
        database = "{DATABASE}"
        state_database = "{STATE}"
        {sites}
        [sites.{REMOTE}]
        {sftp.settings(disks[REMOTE].seen)}
        [sites.{DRIVE}]
        {drive.settings()}
        [defaults]
        active_site = "studio"
        always_accessible_on = ["{ALWAYS}"]
        retry_count = 1000  # faults on purpose are no reason to give a file up
        reconcile_interval = 10
        {remotes}
    """

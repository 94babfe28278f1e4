"""
The kinds of faults: how each strikes, and how it ends.

A fault that finds nobody to strike raises `MissedError`; it is counted as missed. What a machine
does not allow says so in `impossible`.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pymongo.errors import PyMongoError

from tests.faults.disks import Disk
from tests.faults.fleet import FAKETIME, ReactorProcess
from tests.faults.line import Line
from tests.faults.publishers import Publisher
from tests.faults.replica_set import Node, can_cut_cables
from tests.faults.steps import Steps
from tests.faults.studio import PROJECTS, Studio

Heal = Callable[[], None]

_PATIENCE = 5.0  # for the moment that a fault needs


class MissedError(Exception):
    """There was nothing to strike just now."""


@dataclass
class Target:
    """What faults strike: the studio, those who publish, and whoever waits for a step."""

    studio: Studio
    publishers: Sequence[Publisher]
    steps: Steps


def kill_reactor(target: Target, rng: random.Random) -> Heal | None:
    """kill -9 at a random moment; a service manager starts it again."""
    if not _some_reactor(target, rng)[1].kill():
        raise MissedError
    return None


def kill_at_step(target: Target, rng: random.Random) -> Heal | None:
    """kill -9 at the moment when the database tells that a transfer has come to a step."""
    step = rng.choice(target.steps.NAMES)
    if not target.steps.arm(step):
        raise MissedError
    if step in target.steps.OF_LARGE:
        publisher = rng.choice(target.publishers)
        with publisher.lock:
            if not publisher.over.is_set():
                publisher.publish_large()
    return None


def stop_reactor(target: Target, rng: random.Random) -> Heal | None:
    """SIGSTOP, and SIGCONT when others have long taken over."""
    number, place = _some_reactor(target, rng)
    if not place.pause():
        raise MissedError
    target.studio.fleet.resting.add(number)

    def heal() -> None:
        place.go_on()
        target.studio.fleet.resting.discard(number)

    return heal


def set_clock_wrong(target: Target, rng: random.Random) -> Heal | None:
    """Let a reactor start anew with a clock that is an hour ahead, or behind."""
    _, place = _some_reactor(target, rng)
    place.kill()
    hour = rng.choice(("+1h", "-1h"))
    place.environ = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME": hour,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }

    def heal() -> None:
        place.environ = {}
        place.kill()

    return heal


def kill_primary(target: Target, _: random.Random) -> Heal | None:
    """kill -9 of the primary; the others elect another, and it comes back."""
    with _primary(target) as node:
        node.kill()
    return node.start


def cut_off(target: Target, rng: random.Random) -> Heal | None:
    """Take the network away from one node of three, more often than not from the primary."""
    with _primary(target) as primary:
        node = primary if rng.random() < 0.7 else rng.choice(target.studio.mongo.nodes)
        node.cut_off()
    return node.mend


def roll_oplog(target: Target, rng: random.Random) -> Heal | None:
    """End a reactor, write until the oplog no longer holds its place, and start it again."""
    with _primary(target):
        number, place = _some_reactor(target, rng)
        target.studio.fleet.resting.add(number)
        place.kill()
        try:
            _roll(target.studio)
        finally:
            target.studio.fleet.resting.discard(number)
    return None


def kill_sshd(target: Target, _: random.Random) -> Heal | None:
    """kill -9 of the server and its sessions."""
    if target.studio.sftp.process is None:
        raise MissedError
    target.studio.sftp.kill()
    return target.studio.sftp.start


def kill_drive(target: Target, _: random.Random) -> Heal | None:
    """kill -9 of the Drive: no answer any more, whatever it had done."""
    if target.studio.drive.is_down:
        raise MissedError
    target.studio.drive.kill()
    return target.studio.drive.start


def let_drive_fail(target: Target, rng: random.Random) -> Heal | None:
    """Let the Drive have a bad day: errors, limits, lost answers, sessions that are gone."""
    if target.studio.drive.is_down:
        raise MissedError
    target.studio.drive.fail(rng.randrange(2**32))
    return target.studio.drive.work


def fill_disk(target: Target, _: random.Random) -> Heal | None:
    """Leave no byte free where the SFTP site keeps its files."""
    disk = next(disk for disk in target.studio.disks.values() if disk.is_small)
    if disk.is_full:
        raise MissedError
    disk.fill()
    return disk.free


def cut_connection(target: Target, rng: random.Random) -> Heal | None:
    """Cut all connections to a remote site once some more bytes have passed."""
    line = _some_line(target, rng)
    wanted = line.forwarded + rng.randrange(1, 60_000)
    deadline = time.monotonic() + _PATIENCE
    while line.forwarded < wanted:
        if time.monotonic() > deadline:
            raise MissedError
        time.sleep(0.002)
    line.cut()
    return None


def stall_connection(target: Target, rng: random.Random) -> Heal | None:
    """Let no byte pass to a remote site, and tell nobody."""
    line = _some_line(target, rng)
    line.stall()
    return line.flow


def change_source(target: Target, rng: random.Random) -> Heal | None:
    """Change bytes of a file at its source; its publisher notices, and publishes it again."""
    return _spoil(target, rng, truncate=False)


def truncate_source(target: Target, rng: random.Random) -> Heal | None:
    """Cut a file at its source; its publisher notices, and publishes it again."""
    return _spoil(target, rng, truncate=True)


def make_read_only(target: Target, rng: random.Random) -> Heal | None:
    """Refuse writes in a folder that files go to."""
    studio = target.studio
    name = rng.choice([*studio.disks])
    folder = Path(rng.choice([*PROJECTS]))
    if not (studio.disks[name].seen / folder).is_dir():
        raise MissedError
    _reserve(studio, name)
    end = studio.disks[name].make_read_only(folder)

    def heal() -> None:
        end()
        del studio.struck_disks[name]

    return heal


def unmount_root(target: Target, rng: random.Random) -> Heal | None:
    """Take an own site's disk away; its mount point stays, empty."""
    studio = target.studio
    disks: list[Disk] = [disk for disk in studio.disks.values() if disk.is_mounted]
    disk = rng.choice([each for each in disks if each.name not in studio.struck_disks] or disks)
    _reserve(studio, disk.name)
    disk.unmount()

    def heal() -> None:
        disk.mount()
        del studio.struck_disks[disk.name]

    return heal


KINDS: dict[str, Callable[[Target, random.Random], Heal | None]] = {
    "kill a reactor": kill_reactor,
    "kill a reactor at a step": kill_at_step,
    "stop a reactor for longer than a lease": stop_reactor,
    "kill the primary": kill_primary,
    "cut off one node": cut_off,
    "roll the oplog past a token": roll_oplog,
    "kill the sshd": kill_sshd,
    "kill the Drive": kill_drive,
    "let the Drive fail": let_drive_fail,
    "fill the disk": fill_disk,
    "cut a connection in mid-file": cut_connection,
    "stall a connection": stall_connection,
    "change a source": change_source,
    "truncate a source": truncate_source,
    "make a folder read-only": make_read_only,
    "unmount a root": unmount_root,
    "set a clock wrong by an hour": set_clock_wrong,
}


def impossible(*, as_root: bool) -> dict[str, str]:
    """Return the kinds that this machine does not allow, and why."""
    told: dict[str, str] = {}
    if not as_root or sys.platform != "linux":
        for kind in ("fill the disk", "unmount a root"):
            told[kind] = "mounting a disk of its own takes root on Linux"
    if not as_root or not can_cut_cables():
        told["cut off one node"] = "network namespaces take root on Linux, and iproute2"
    if not FAKETIME.exists():
        told["set a clock wrong by an hour"] = "libfaketime is not here: apt-get install faketime"
    return told


def _reserve(studio: Studio, disk: str) -> None:
    """Let one fault at a time have a disk: each strikes in a thread of its own."""
    ours = object()
    if studio.struck_disks.setdefault(disk, ours) is not ours:
        raise MissedError


def _some_line(target: Target, rng: random.Random) -> Line:
    return rng.choice((target.studio.sftp, target.studio.drive)).line


def _some_reactor(target: Target, rng: random.Random) -> tuple[int, ReactorProcess]:
    fleet = target.studio.fleet
    number = fleet.some_awake(rng)
    if number is None:
        raise MissedError
    return number, fleet.places[number]


@contextmanager
def _primary(target: Target) -> Generator[Node]:
    """Yield the primary, if one node of the three may be lost now; no other fault strikes them."""
    mongo = target.studio.mongo
    if not mongo.one_fault.acquire(timeout=_PATIENCE):
        raise MissedError
    try:
        deadline = time.monotonic() + _PATIENCE
        while not mongo.is_whole() or (primary := mongo.primary()) is None:
            if time.monotonic() > deadline:
                raise MissedError
            time.sleep(0.1)
        yield primary
    finally:
        mongo.one_fault.release()


def _roll(studio: Studio) -> None:
    """Write until the beginning of the oplog is younger than now."""
    noise = studio.mongo.client["noise"]["noise"]
    wanted, deadline = int(time.time()), time.monotonic() + 45
    try:
        while _oldest(studio) <= wanted:
            noise.insert_many([{"n": os.urandom(1024 * 1024)} for _ in range(4)])
            if time.monotonic() > deadline:
                raise MissedError
        noise.drop()
    except PyMongoError:
        raise MissedError from None


def _spoil(target: Target, rng: random.Random, *, truncate: bool) -> Heal | None:
    publisher = rng.choice(target.publishers)
    with publisher.lock:
        if publisher.over.is_set() or not publisher.spoil(rng, truncate=truncate):
            raise MissedError
    return None


def _oldest(studio: Studio) -> int:
    found = studio.mongo.client["local"]["oplog.rs"].find_one(sort=[("$natural", 1)])
    return int(found["ts"].time) if found else 0

"""
One campaign: a studio, its publishers, the plan of faults, then quiet, and the judge.

What the judge finds while things run counts as what it finds at the end. After the last fault
nobody helps: reactors have to settle by themselves, in a bounded time.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pymongo.errors import PyMongoError

from tests.faults.faults import KINDS, Target, impossible
from tests.faults.hand import Hand
from tests.faults.judge import Findings, Violation
from tests.faults.plan import RATES, Strike, make_plan
from tests.faults.publishers import Publisher
from tests.faults.steps import Steps
from tests.faults.studio import PROJECTS, Studio, studio

LEASE_SECONDS = 30
_MERCY = 240.0  # how much longer than it may take is waited, to see whether it ever settles


@dataclass(frozen=True, slots=True)
class Order:
    """What a campaign is to be. The same order gives the same plan."""

    seed: int
    seconds: float
    reactors: int = 4
    publishers: int = 2
    pace: float = 1.0
    publishing: float = 4.0  # acts of one publisher a second
    burst: int = 0
    only: frozenset[str] = frozenset()
    as_root: bool = False

    @property
    def kinds(self) -> list[str]:
        """The kinds of faults that are asked for, and that this machine allows."""
        cannot = impossible(as_root=self.as_root)
        return [
            kind for kind in KINDS if kind not in cannot and (kind in self.only or not self.only)
        ]

    @property
    def plan(self) -> list[Strike]:
        """All faults, in order."""
        return make_plan(self.seed, self.seconds, self.kinds, self.pace)


@dataclass
class Result:
    """What happened, and what the judge says. `settled` and `allowed` are seconds."""

    order: Order
    struck: dict[str, int] = field(default_factory=dict[str, int])
    missed: dict[str, int] = field(default_factory=dict[str, int])
    steps: dict[str, int] = field(default_factory=dict[str, int])
    published: dict[str, int] = field(default_factory=dict[str, int])
    files: int = 0
    bytes: int = 0
    transfers: int = 0
    carried: int = 0
    needed: int = 0
    looks: int = 0
    judged: int = 0
    judged_bytes: int = 0
    backlog: int = 0
    settled: float = 0.0
    allowed: float = 0.0
    exit_codes: list[int] = field(default_factory=list[int])
    crashes: int = 0
    trouble: list[str] = field(default_factory=list[str])
    violations: list[str] = field(default_factory=list[str])


def run_campaign(order: Order, folder: Path) -> Result:
    """Run a campaign in a folder of its own, and return what came of it."""
    result = Result(order)
    with studio(folder, reactors=order.reactors, as_root=order.as_root) as made:
        over = threading.Event()
        publishers = [
            Publisher(number, made, random.Random(f"{order.seed} {number}"), order.publishing, over)
            for number in range(order.publishers)
        ]
        with _striking(made, publishers, order) as (hand, looking):
            hand.run(order.seconds)
        _count(result, publishers, hand, looking)
        _settle(made, result, publishers)
        result.exit_codes = made.fleet.end()
        result.crashes = made.fleet.crashes
        _judge(made, result)
    return result


@contextmanager
def _striking(
    made: Studio, publishers: list[Publisher], order: Order
) -> Generator[tuple[Hand, Looking]]:
    """Let publishers and the judge work while the block runs; they have ended after it."""
    steps, looking = Steps(made), Looking(made, publishers, random.Random(order.seed))
    hand = Hand(Target(made, tuple(publishers), steps), order.plan)
    steps.start()
    threads = [threading.Thread(target=each.run, name="publisher") for each in publishers]
    threads.append(threading.Thread(target=looking.run, name="judge"))
    if order.burst:
        bursting = Publisher(99, made, random.Random(f"{order.seed} burst"), 1.0, threading.Event())
        publishers.append(bursting)
        threads.append(threading.Thread(target=bursting.burst, args=[order.burst], name="burst"))
    for thread in threads:
        thread.start()
    try:
        yield hand, looking
    finally:
        publishers[0].over.set()
        steps.close()
        for thread in threads:
            thread.join()


class Looking:
    """The judge at work while things run: one representation after the other, at random."""

    def __init__(self, made: Studio, publishers: list[Publisher], rng: random.Random) -> None:
        self._judge = made.judge()
        self._publishers = publishers
        self._rng = rng
        self.findings = Findings()

    def run(self) -> None:
        """Look until publishers have ended."""
        over = self._publishers[0].over
        while not over.wait(0.05):
            item = self._rng.choice(self._publishers).sample(self._rng)
            if item is None or sum(file.size for file in item.files) > 4_000_000:
                continue
            try:
                found = self._judge.while_running(item.project, self._rng.choice(item.ids))
            except PyMongoError:
                continue
            self.findings.files += found.files
            self.findings.available += found.available
            self.findings.violations += found.violations


def _count(result: Result, publishers: list[Publisher], hand: Hand, looking: Looking) -> None:
    result.struck = dict(hand.struck)
    result.missed = dict(hand.missed)
    result.steps = dict(hand.target.steps.killed)
    asked = result.struck.pop("kill a reactor at a step", 0)
    killed = sum(result.steps.values())
    if asked:
        result.struck["kill a reactor at a step"] = killed
    done: Counter[str] = Counter()
    for each in publishers:
        done += each.done
    result.published = dict(done)
    result.files = sum(each.files for each in publishers)
    result.bytes = sum(each.bytes for each in publishers)
    result.trouble = [*hand.trouble, *(said for each in publishers for said in each.trouble)]
    result.looks = looking.findings.available
    result.violations += _told(looking.findings.violations)


def _settle(made: Studio, result: Result, publishers: list[Publisher]) -> None:
    """Wait until nothing is wanted, claimed or staged; note how long that took, and may take."""
    began, order = time.monotonic(), result.order
    made.mongo.wait_until_whole()
    result.backlog = left = wanted(made)
    recorded = made.state["attempts"].count_documents({"outcome": {"$in": ["available", "right"]}})
    rate = max(1.0, recorded / order.seconds)
    result.allowed = 2 * LEASE_SECONDS + result.backlog / rate
    while left or _claims(made) or any(each.unnoticed() for each in publishers) or _staged(made):
        made.fleet.tend()
        if time.monotonic() - began > result.allowed + _MERCY:
            taken = sum(each.unnoticed() for each in publishers)
            result.violations.append(
                f"unsettled: {left} wanted, {_claims(made)} claims, {taken} copies not missed"
            )
            break
        time.sleep(0.25)
        left = wanted(made)
    result.settled = time.monotonic() - began
    if result.settled > result.allowed:
        result.violations.append(
            f"late: settled after {result.settled:.0f} s, {result.allowed:.0f} s are allowed"
        )


def wanted(made: Studio) -> int:
    """Return how many entries are wanted, and not paused."""
    counted = [
        {"$match": {"type": "representation"}},
        {"$unwind": "$files"},
        {"$unwind": "$files.sites"},
        {"$match": {"files.sites.created_dt": None, "files.sites.paused": {"$exists": False}}},
        {"$match": {"files.sites.name": {"$in": [*made.disks]}}},
        {"$count": "n"},
    ]
    return sum(
        found["n"] for project in PROJECTS for found in made.database[project].aggregate(counted)
    )


def _claims(made: Studio) -> int:
    count: int = made.state["claims"].count_documents({})
    return count


def _staged(made: Studio) -> bool:
    return any(
        name.rpartition("/")[2].startswith(".sitesync-")
        and name.endswith(".part")
        and "canary" not in name
        for disk in made.disks.values()
        for name in disk.storage.paths()
    )


def _judge(made: Studio, result: Result) -> None:
    for disk in made.disks.values():
        if disk.is_mounted:
            disk.unmount()
    findings = made.judge().at_end()
    result.judged, result.judged_bytes = findings.available, findings.bytes
    result.violations += _told(findings.violations)
    attempts: Iterable[dict[str, Any]] = made.state["attempts"].aggregate(
        [
            {"$match": {"outcome": "available"}},
            {"$match": {"$or": [{"site": "vendor"}, {"source": "vendor"}]}},
            {"$group": {"_id": None, "bytes": {"$sum": "$bytes"}}},
        ]
    )
    result.needed = sum(found["bytes"] for found in attempts)
    result.carried = made.sftp.line.forwarded
    result.transfers = made.state["attempts"].count_documents({"outcome": "available"})


def _told(violations: Iterable[Violation]) -> list[str]:
    return [str(violation) for violation in violations]


assert set(KINDS) == set(RATES)  # a plan knows every kind

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
from tests.faults.settling import Look, wait_until_settled
from tests.faults.steps import Steps
from tests.faults.studio import Studio, studio

LEASE_SECONDS = 30
_MOST_LOOKED_AT = 100  # files of one representation: others wait for the end
_MERCY = 240.0  # how much longer than it may take is waited, to see whether it ever settles
_CALM = 500  # files published before the first fault, to see how fast they are served then
_CALM_SECONDS = 120.0


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
    patience: float = float("inf")  # seconds; longer is not waited for it to settle
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
    rate: float = 0.0  # entries served a second before the first fault
    settled: float = 0.0
    allowed: float = 0.0
    exit_codes: list[int] = field(default_factory=list[int])
    kills: int = 0  # of reactors, whatever for
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
        calm = Publisher(98, made, random.Random(f"{order.seed} calm"), 1.0, over)
        result.rate = _rate(made, calm)
        with _striking(made, publishers, order) as (hand, looking):
            hand.run(order.seconds)
        publishers.append(calm)
        _count(result, publishers, hand, looking)
        _settle(made, result, publishers)
        result.kills = sum(place.kills for place in made.fleet.places)
        result.exit_codes = made.fleet.end()
        result.crashes = len(made.fleet.crashes)
        result.trouble += made.fleet.crashes
        _judge(made, result)
    return result


def _rate(made: Studio, publisher: Publisher) -> float:
    """Return how many entries a second are served while nothing strikes."""
    began, look = time.monotonic(), Look(made, [publisher])
    publisher.burst(_CALM)
    wanted = sum(len(item.files) * len(item.wanted) for item in publisher.items)
    if left := wait_until_settled(look, began + _CALM_SECONDS):
        raise RuntimeError(f"nothing has struck yet, and there is left: {left}")
    return wanted / (time.monotonic() - began)


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
        bursting = Publisher(
            99, made, random.Random(f"{order.seed} burst"), 1.0, publishers[0].over
        )
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
            if len(item.files) > _MOST_LOOKED_AT:
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
    """Wait until nothing is left to do; note how long that took, and how long it may take."""
    began, order = time.monotonic(), result.order
    look = Look(made, publishers)
    made.mongo.wait_until_whole()
    result.backlog = look.wanted()
    result.allowed = 2 * LEASE_SECONDS + result.backlog / result.rate
    left = wait_until_settled(look, began + min(result.allowed + _MERCY, order.patience))
    result.settled = time.monotonic() - began
    if left:
        result.violations.append(f"unsettled after {result.settled:.0f} s: {left}")
    elif result.settled > result.allowed:
        result.violations.append(
            f"late: settled after {result.settled:.0f} s, {result.allowed:.0f} s are allowed"
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

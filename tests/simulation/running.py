"""Many seeds in a few processes, counted; and one seed, told."""

from __future__ import annotations

import gc
import time
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context

from tests.simulation.mutations import MUTATIONS
from tests.simulation.schedule import ROUNDS, Schedule
from tests.simulation.surroundings import simulated

_AT_ONCE = 60  # seeds; about as many as need a second
_TELL_SECONDS = 30.0


@contextmanager
def _without(rule: str | None) -> Generator[None]:
    """Simulate, with a rule of the protocol taken out if one is named."""
    with simulated(), MUTATIONS[rule].without() if rule else nullcontext():
        yield


def replay(seed: int, rule: str | None = None) -> int:
    """Run one seed, and print all that happens; return 1 where something was violated."""
    with _without(rule):
        schedule = Schedule(seed, tracing=True)
        violations = schedule.run()
    print("\n".join(schedule.world.trace or ()))
    print(f"seed {seed}: " + ("; ".join(violations) or "no violation"))
    return 1 if violations else 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many schedules to run, for how many seconds at most, and in how many processes."""

    schedules: int
    seconds: float
    processes: int


@dataclass(slots=True)
class Ran:
    """What came of some seeds: how many, how many steps they took, and the first that went wrong."""

    seeds: int = 0
    steps: int = 0
    wrong: int | None = None

    def add(self, other: Ran) -> None:
        """Add what came of others."""
        self.seeds += other.seeds
        self.steps += other.steps
        self.wrong = other.wrong if self.wrong is None else self.wrong

    def told(self, seconds: float) -> str:
        """Return it for people."""
        schedules = self.seeds * ROUNDS
        rate = schedules / max(seconds, 0.001) * 60
        return (
            f"{schedules:,} schedules, {self.steps:,} steps, {seconds:.0f} s: "
            f"{rate:,.0f} schedules a minute"
        )


def run_many(first: int, bounds: Bounds, rule: str | None = None) -> int:
    """Run seeds within bounds, or until one goes wrong; return 1 for that."""
    print(f"schedules from seed {first}", flush=True)
    began = told = time.monotonic()
    total = Ran()
    with ProcessPoolExecutor(
        bounds.processes, get_context("fork"), initializer=_begin, initargs=(rule,)
    ) as pool:
        for ran in _ran(pool, first, bounds):
            total.add(ran)
            if total.wrong is not None:
                pool.shutdown(wait=False, cancel_futures=True)
                break
            if time.monotonic() - told > _TELL_SECONDS:
                told = time.monotonic()
                print(total.told(told - began), flush=True)
    print(total.told(time.monotonic() - began), flush=True)
    if total.wrong is None:
        print("no violation")
        return 0
    print(f"seed {total.wrong} goes wrong; replay it with `make simulate SEED={total.wrong}`\n")
    return replay(total.wrong, rule)


def _ran(pool: ProcessPoolExecutor, first: int, bounds: Bounds) -> Iterator[Ran]:
    """Yield what came of some seeds after the other, each process with the next some in hand."""
    until = time.monotonic() + bounds.seconds
    end = first - -bounds.schedules // ROUNDS
    under_way = set[Future[Ran]]()
    while True:
        while first < end and len(under_way) <= bounds.processes and time.monotonic() < until:
            count = min(_AT_ONCE, end - first)
            under_way.add(pool.submit(run_some, first, count))
            first += count
        if not under_way:
            return
        done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
        yield from (future.result() for future in done)


def run_some(first: int, count: int) -> Ran:
    """Run some seeds, or until one goes wrong."""
    ran = Ran()
    for seed in range(first, first + count):
        schedule = Schedule(seed)
        violations = schedule.run()
        ran.seeds += 1
        ran.steps += schedule.world.steps
        if violations:
            ran.wrong = seed
            break
    gc.collect()
    return ran


_SIMULATED = ExitStack()


def _begin(rule: str | None) -> None:
    """Let a process do nothing but simulate, and collect no garbage but when told to."""
    _SIMULATED.enter_context(_without(rule))
    gc.collect()
    gc.freeze()
    gc.disable()

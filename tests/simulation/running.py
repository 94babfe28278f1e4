"""Many seeds one after the other, counted; and one seed, told."""

from __future__ import annotations

import gc
import time
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from tests.simulation.mutations import MUTATIONS
from tests.simulation.schedule import ROUNDS, Schedule
from tests.simulation.surroundings import simulated

_COLLECT_EVERY = 100
_TELL_EVERY = 2_000


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
    """How many schedules to run, and for how many seconds at most."""

    schedules: int
    seconds: float


def run_many(first: int, bounds: Bounds, rule: str | None = None) -> int:
    """Run seeds within bounds, or until one goes wrong; return 1 for that."""
    print(f"schedules from seed {first}", flush=True)
    steps, began, violations = 0, time.monotonic(), list[str]()
    count, seed, ended = 0, first, False
    with _without(rule), _seldom_collected():
        while not ended:
            schedule = Schedule(seed := first + count)
            violations = schedule.run()
            count, steps = count + 1, steps + schedule.world.steps
            seconds = time.monotonic() - began
            ended = bool(
                violations or count * ROUNDS >= bounds.schedules or seconds > bounds.seconds
            )
            if count % _COLLECT_EVERY == 0:
                gc.collect()
            if ended or count % _TELL_EVERY == 0:
                print(
                    f"{count * ROUNDS:,} schedules, {steps:,} steps, {seconds:.0f} s: "
                    f"{count * ROUNDS / seconds * 60:,.0f} schedules a minute",
                    flush=True,
                )
    if not violations:
        print("no violation")
        return 0
    print(f"seed {seed} goes wrong; replay it with `make simulate SEED={seed}`\n")
    return replay(seed, rule)


@contextmanager
def _seldom_collected() -> Generator[None]:
    """Collect no garbage but when told to: what is loaded stays, and each world is small."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()

"""Many seeds one after the other, counted; and one seed, told."""

from __future__ import annotations

import gc
import time
from collections.abc import Generator
from contextlib import contextmanager, nullcontext

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


def run_many(first: int, schedules: int, rule: str | None = None) -> int:
    """Run seeds until so many schedules were run, or one goes wrong; return 1 for that."""
    seeds = -(-schedules // ROUNDS)
    print(f"{seeds * ROUNDS:,} schedules from seed {first}", flush=True)
    began, steps, violations, seed = time.monotonic(), 0, list[str](), first
    with _without(rule), _seldom_collected():
        for count, seed in enumerate(range(first, first + seeds), 1):
            schedule = Schedule(seed)
            violations = schedule.run()
            steps += schedule.world.steps
            if count % _COLLECT_EVERY == 0:
                gc.collect()
            if violations or count % _TELL_EVERY == 0 or count == seeds:
                seconds = time.monotonic() - began
                print(
                    f"{count * ROUNDS:,} schedules, {steps:,} steps, {seconds:.0f} s: "
                    f"{count * ROUNDS / seconds * 60:,.0f} schedules a minute",
                    flush=True,
                )
            if violations:
                break
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

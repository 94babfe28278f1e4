"""
The plan of a campaign: which fault strikes when, made from the seed before anything runs.

The same seed, length and kinds give the same plan. Pure.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a kind of fault comes, in seconds on average, and how long one lasts."""

    every: float
    least: float = 0.0
    most: float = 0.0


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: `at` seconds after the beginning, for `seconds`, with dice of its own."""

    at: float
    kind: str
    seconds: float
    seed: int

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:7.1f} s  {self.kind}{lasting}"


RATES: Mapping[str, Rate] = {
    "kill a reactor": Rate(2.0),
    "kill a reactor at a step": Rate(4.0),
    "stop a reactor for longer than a lease": Rate(90, 32, 40),
    "kill the primary": Rate(20, 1, 6),
    "cut off one node": Rate(40, 2, 10),
    "roll the oplog past a token": Rate(150),
    "kill the sshd": Rate(12, 0.5, 4),
    "kill the Drive": Rate(30, 1, 5),
    "let the Drive fail": Rate(30, 3, 15),
    "fill the disk": Rate(40, 2, 6),
    "cut a connection in mid-file": Rate(6),
    "stall a connection": Rate(25, 2, 20),
    "change a source": Rate(8),
    "truncate a source": Rate(10),
    "make a folder read-only": Rate(30, 2, 8),
    "unmount a root": Rate(35, 2, 15),
    "set a clock wrong by an hour": Rate(60, 10, 25),
}


def make_plan(seed: int, seconds: float, kinds: Iterable[str], pace: float = 1.0) -> list[Strike]:
    """Return all faults in order; `pace` 2 is twice as many. The last end with the time."""
    strikes: list[Strike] = []
    for kind in sorted(kinds):
        rate, rng = RATES[kind], random.Random(f"{seed} {kind}")
        at = rng.uniform(0, rate.every / pace)
        while at < seconds:
            lasting = rng.uniform(rate.least, rate.most)
            if at + lasting <= seconds:
                strikes.append(Strike(at, kind, lasting, rng.randrange(2**32)))
            at += rng.expovariate(pace / rate.every)
    return sorted(strikes, key=lambda strike: (strike.at, strike.kind))

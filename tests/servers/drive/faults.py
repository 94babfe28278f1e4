"""Faults to order: what goes wrong, for which requests, how often; the same for the same seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

Action = Literal[
    "error",  # answer `status` and `reason`; nothing is done
    "reset",  # cut the connection; nothing is done
    "cut",  # cut the connection after `bytes` of the body, either way it goes
    "commit-then-reset",  # do it, and cut the connection in place of the answer
    "short-commit",  # commit at most `bytes` of a chunk, and say so
    "dead-session",  # the upload session is gone, and says `status` (404 or 410)
    "lag",  # list nothing that changed in the last `seconds`
    "stall",  # wait for `seconds`; in a download after `bytes` of it
    "wrong-md5",  # tell a wrong checksum
    "corrupt",  # turn a bit of what is stored or sent
    "answer",  # do it, and answer `text` with `status` in place of what belongs there
]


@dataclass(frozen=True, slots=True)
class Fault:
    """
    One rule. `kind` is a pattern of request kinds (`upload.*`); of those that match it strikes
    the `first` and every `every`th after it, `times` in all (None: for ever), each by `chance`.
    """

    kind: str
    action: Action
    status: int = 503
    reason: str = "backendError"
    retry_after: float | None = None
    bytes: int = 0
    seconds: float = 0.0
    text: str = "<html>Sorry</html>"
    first: int = 1
    every: int = 1
    times: int | None = 1
    chance: float = 1.0

    @property
    def domain(self) -> str:
        """The domain that Google names beside the reason."""
        limits = ("Limit", "quota", "Quota", "accessNotConfigured")
        return "usageLimits" if any(part in self.reason for part in limits) else "global"

    def told(self) -> dict[str, Any]:
        """Return the rule as JSON."""
        return asdict(self)


@dataclass
class _Rule:
    fault: Fault
    seen: int = 0
    struck: int = 0

    def is_due(self, kind: str, dice: random.Random) -> bool:
        """Return whether this request is one of those that it is meant for; counts it."""
        fault = self.fault
        if not fnmatchcase(kind, fault.kind):
            return False
        self.seen += 1
        if fault.times is not None and self.struck >= fault.times:
            return False
        if self.seen < fault.first or (self.seen - fault.first) % fault.every:
            return False
        return dice.random() < fault.chance


@dataclass
class Faults:
    """The rules that hold now, and what they have done."""

    rules: list[_Rule] = field(default_factory=list[_Rule])
    dice: random.Random = field(default_factory=lambda: random.Random(0))
    struck: Counter[str] = field(default_factory=Counter[str])

    def order(self, faults: Sequence[Fault], seed: int) -> None:
        """Put these rules in place of the former ones."""
        self.rules = [_Rule(fault) for fault in faults]
        self.dice = random.Random(seed)
        self.struck.clear()

    def pick(self, kind: str) -> Fault | None:
        """Return what goes wrong with this request: the first rule that is due. All count it."""
        due = [rule for rule in self.rules if rule.is_due(kind, self.dice)]
        if not due:
            return None
        due[0].struck += 1
        self.struck[due[0].fault.action] += 1
        return due[0].fault

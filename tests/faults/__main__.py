"""`make chaos`: run a fault campaign, print what came of it, and record it if asked to."""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
from pathlib import Path

from tests.faults.campaign import Order, run_campaign
from tests.faults.faults import KINDS, impossible
from tests.faults.large import MOST_RESENT, run_large
from tests.faults.record import record, record_large
from tests.faults.report import told


def main() -> int:
    """Run one campaign; exit code 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, help="replays the plan of that seed")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--reactors", type=int, choices=(2, 3, 4), default=4)
    parser.add_argument("--publishers", type=int, default=2)
    parser.add_argument("--pace", type=float, default=1.0, help="2: twice as many faults")
    parser.add_argument("--publishing", type=float, default=4.0, help="acts a second of each")
    parser.add_argument(
        "--burst", type=int, default=0, metavar="FILES", help="publish so many at once"
    )
    parser.add_argument("--only", action="append", default=[], choices=list(KINDS), metavar="KIND")
    parser.add_argument(
        "--large", type=int, default=0, metavar="KILLS", help="instead: kill 1 GiB transfers"
    )
    parser.add_argument(
        "--record", action="store_true", help="add the figures to docs/reliability.md"
    )
    parser.add_argument("--keep", type=Path, help="a folder to work in, kept afterwards")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    seed = random.randrange(10**6) if asked.seed is None else asked.seed
    if asked.large:
        return _large(seed, asked.large, keep=asked.record)
    order = Order(
        seed=seed,
        seconds=asked.minutes * 60,
        reactors=asked.reactors,
        publishers=asked.publishers,
        pace=asked.pace,
        publishing=asked.publishing,
        burst=asked.burst,
        only=frozenset(asked.only),
        as_root=os.geteuid() == 0,
    )
    say(f"seed {order.seed}: {len(order.plan)} faults are planned")
    for kind, why in impossible(as_root=order.as_root).items():
        say(f"not here: {kind}: {why}")
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        place = asked.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        (place / "plan.txt").write_text("".join(f"{strike}\n" for strike in order.plan))
        result = run_campaign(order, place)
    say(told(result))
    if asked.record:
        record(result)
    return 1 if result.violations else 0


def _large(seed: int, kills: int, *, keep: bool) -> int:
    """Measure what kills during large transfers cost; exit code 1 where that is too much."""
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        measured = run_large(seed, kills, Path(folder), as_root=os.geteuid() == 0)
    for each in measured:
        say(f"{each.site}: killed after {each.staged:,} bytes, {each.again:,} went again")
    if keep:
        record_large(measured)
    return 1 if max(each.again for each in measured) > MOST_RESENT else 0


def _end(_signal: int, _frame: object) -> None:
    """End as Ctrl-C does: mounts and namespaces are undone."""
    raise KeyboardInterrupt


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

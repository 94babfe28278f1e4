"""
`make bench`: all benchmarks, or those named; a table, and the same in `benchmarks/results.md`.

Ours and theirs are measured side by side in one run: of a shared machine only ratios mean
something.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio

from benchmarks import (
    backlog,
    gdrive,
    latency,
    local,
    rclone,
    relay,
    s3,
    scaling,
    scans,
    sftp,
    validate,
    watch,
)
from benchmarks.rig import Result, spread_out
from reactor.cli.garbage import collect_garbage_less_often
from reactor.logs import configure_logs

Benchmark = Callable[[Path], Awaitable[list[Result]]]

BENCHMARKS: dict[str, Benchmark] = {
    "latency": latency.latency,
    "local-small": local.small_files,
    "local-large": local.large_file,
    "sftp-small": sftp.small_files,
    "sftp-far": sftp.small_files_far_away,
    "sftp-large": sftp.large_file,
    "rclone-small": rclone.small_files,
    "rclone-large": rclone.large_file,
    "s3-small": s3.small_files,
    "s3-large": s3.large_file,
    "gdrive-small": gdrive.small_files,
    "gdrive-large": gdrive.large_file,
    "relay": relay.sftp_to_drive,
    "scaling-far": scaling.far,
    "scaling-near": scaling.near,
    "backlog": backlog.backlog,
    "scans": scans.scans,
    "watch": watch.by_hand,
    "validate": validate.validate,
}
RESULTS = Path(__file__).with_name("results.md")


def main(names: list[str]) -> int:
    """Run benchmarks and print them; 1 if a target was missed."""
    unknown = set(names) - BENCHMARKS.keys()
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
        return 2
    configure_logs(quiet=True)
    collect_garbage_less_often()
    results: list[Result] = []
    for name in names or BENCHMARKS:
        found = _measured(name)
        for result in found:
            print(_row(result), flush=True)
        results += found
    if not names:
        RESULTS.write_text(_page(results))
    return 0 if all(result.met for result in results) else 1


def _measured(name: str) -> list[Result]:
    """Run one benchmark; where it fails, that is its line, and those after it are still run."""
    with tempfile.TemporaryDirectory(prefix="sitesync-bench-", dir="/var/tmp") as folder:
        spread_out(Path(folder))
        try:
            return anyio.run(BENCHMARKS[name], Path(folder))
        except Exception as error:  # noqa: BLE001 - a whole run takes an hour: the rest is worth having
            traceback.print_exc()
            return [
                Result(name, f"failed: {type(error).__name__}", "", None, "an answer", met=False)
            ]


def _row(result: Result) -> str:
    ratio = "" if result.ratio is None else f"{result.ratio:.2f}×"
    verdict = "" if not result.target else "met" if result.met else "**missed**"
    cells = (result.name, result.ours, result.theirs, ratio, result.target, verdict)
    return f"| {' | '.join(cells)} |"


def _page(results: list[Result]) -> str:
    head = (
        f"Measured {datetime.now(UTC):%Y-%m-%d} by `make bench` on {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {platform.system()}; MongoDB on the same machine.\n\n"
    )
    table = ["| what | ours | theirs | ratio | target | |", "|---|---|---|---|---|---|"]
    return "# Results\n\n" + head + "\n".join([*table, *map(_row, results)]) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

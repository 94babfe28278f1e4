"""`make fuzz`: one target after the other, for some time each; what goes wrong is printed."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.targets import TARGETS


def main() -> int:
    """Return 1 where a target failed. The fuzzer ends its process: each has one of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=60, help="for each (60)")
    parser.add_argument("--corpus", type=Path, help="a folder that keeps what was found worth it")
    asked = parser.parse_args()
    if unknown := set(asked.targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    failed = [
        name for name in asked.targets or TARGETS if not _holds(name, asked.seconds, asked.corpus)
    ]
    sys.stdout.write(f"failed: {', '.join(failed)}\n" if failed else "nothing went wrong\n")
    return 1 if failed else 0


def _holds(name: str, seconds: int, kept: Path | None) -> bool:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        corpus = (kept or Path(folder)) / name
        corpus.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tests.fuzz.one", name, str(corpus), str(seconds), folder]
        sys.stdout.write(f"{name}: {seconds} s\n")
        sys.stdout.flush()
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = ended.stderr.splitlines()
    told = lines if ended.returncode else [line for line in lines if line.startswith("Done")]
    sys.stdout.write("".join(f"  {line}\n" for line in told))
    return ended.returncode == 0


if __name__ == "__main__":
    sys.exit(main())

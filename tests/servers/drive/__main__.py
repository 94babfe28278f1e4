"""
Serve a Drive from a folder: `python -m tests.servers.drive FOLDER [--port N] [--checksums …]`.

Prints one line of JSON with its address when it takes requests; ends with SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path

from tests.servers.drive.app import served
from tests.servers.drive.service import CHECKSUMS


async def _main(folder: Path, port: int, checksums: tuple[str, ...]) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with served(folder, port, checksums) as bound:
        sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{bound}", "port": bound}) + "\n")
        sys.stdout.flush()
        await ended.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.servers.drive", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the drive is kept; made if need be")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--checksums", nargs="+", default=CHECKSUMS, choices=CHECKSUMS, help="that files get"
    )
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(given.folder, given.port, tuple(given.checksums)))

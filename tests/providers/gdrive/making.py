"""
A process that publishes two files into folders that are not there yet.

`python -m tests.providers.gdrive.making KEY_FILE ENDPOINT ROOT NAME`
"""

from __future__ import annotations

import sys

import anyio

from providers.base import Setup
from providers.conformance.moves import put
from providers.gdrive import KIND


async def main(key_file: str, endpoint: str, root: str, name: str) -> None:
    """Publish `NAME.0.exr` and `NAME.1.exr` at the same time."""
    options = KIND.options.model_validate({"key_file": key_file, "endpoint": endpoint})
    async with (
        KIND.make(Setup("gdrive", {"work": root}, options)) as site,
        anyio.create_task_group() as together,
    ):
        for number in range(2):
            path = f"Show/shots/sh010/{name}.{number}.exr"
            together.start_soon(put, site, path, name.encode())


if __name__ == "__main__":
    key_file, endpoint, root, name = sys.argv[1:]
    anyio.run(main, key_file, endpoint, root, name)

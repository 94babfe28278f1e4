"""The demo's servers: processes of their own, which Ctrl-C does not reach before us."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.abc import Process

from reactor.cli.demo.layout import DemoError

_START = 20.0


@asynccontextmanager
async def serving(name: str, command: Sequence[str], folder: Path) -> AsyncGenerator[bytes]:
    """
    Run a server that prints a line once it serves, and is told on stdin to end; yields the line.

    `folder` is where its log goes; `DemoError` where it ends before it serves.
    """
    log_file = folder / "log"
    with log_file.open("ab") as log:
        process = await anyio.open_process(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    async with process:
        try:
            yield await _first_line(process, f"the {name} did not start: look into {log_file}")
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)


async def _first_line(process: Process, otherwise: str) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    line = b""
    with anyio.move_on_after(_START):
        try:
            while not line.endswith(b"\n"):
                line += await process.stdout.receive()
        except anyio.EndOfStream:
            raise DemoError(otherwise) from None
        return line
    raise DemoError(otherwise)


async def _end(process: Process) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    try:
        await process.stdin.send(b"end\n")
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return  # it ended by itself
    await process.wait()

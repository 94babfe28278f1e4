"""The command `sitesync demo`."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import click
from pydantic import ByteSize, TypeAdapter, ValidationError

from reactor.cli.commands import command
from reactor.cli.demo.layout import DemoError, Layout, alone, open_layout
from reactor.cli.demo.screen import Screen
from reactor.cli.demo.story import perform
from reactor.cli.shell import (
    DONE,
    FAILED,
    INTERRUPTED,
    Shell,
    Stop,
    fail,
    pass_shell,
    run_async,
    watch_signals,
)


def _bytes(text: str) -> int:
    try:
        return TypeAdapter(ByteSize).validate_python(text)
    except ValidationError:
        raise click.BadParameter('give a size like "48MiB"', param_hint="--cache-size") from None


@command("demo")
@pass_shell
def demo(shell: Shell, folder: Path | None, cache_size: str, *, gdrive: bool) -> None:
    """
    See the main job done, on real files and servers of its own.

    It sets up a small studio in a folder, with an embedded MongoDB and an SFTP server, then
    publishes a workfile, a frame sequence and a large cache, and has a reactor bring them to
    two more places. Nothing else on this machine is touched, and your settings are not read.

    It ends with exit code 0 once every copy was read back and equals what was published.
    Kill the reactor on the way, or the demo: the next one goes on.
    """
    shell.logs(quiet=True)
    size = _bytes(cache_size)
    try:
        layout = open_layout(folder, size, with_drive=gdrive)
        with alone(layout):
            code = run_async(lambda: _until_stopped(layout, size))
    except DemoError as error:
        fail(str(error))
    sys.exit(code)


async def _until_stopped(layout: Layout, cache_size: int) -> int:
    """Run the demo, and on a signal end all that it has started; return the exit code."""
    stop = Stop()
    code = INTERRUPTED
    screen = Screen()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch_signals, stop)
        tasks.start_soon(_cancel_when_asked, stop, screen, tasks.cancel_scope)
        code = DONE if await perform(layout, cache_size, screen) else FAILED
        tasks.cancel_scope.cancel()
    return code


async def _cancel_when_asked(stop: Stop, screen: Screen, scope: anyio.CancelScope) -> None:
    await stop.asked.wait()
    screen.say("  What has been published, the next demo finishes.")
    scope.cancel()

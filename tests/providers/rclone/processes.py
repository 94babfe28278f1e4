"""What the operating system knows of the rclones that run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import psutil

from providers.rclone.daemon import Running
from providers.rclone.provider import RcloneProvider

PATIENCE = 20.0


async def daemon_of(provider: RcloneProvider) -> Running:
    """The daemon that a provider uses."""
    daemon = provider._remote._daemon
    assert daemon is not None
    return await daemon.running("cloud")


async def pid_of(provider: RcloneProvider) -> int:
    return (await daemon_of(provider)).process.pid


def children() -> list[psutil.Process]:
    """The rclones that this process has started and that still run."""
    running = psutil.Process().children(recursive=True)
    return [process for process in running if "rcd" in process.cmdline()]


def is_gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def environment(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text().replace("\0", "\n")


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    with anyio.fail_after(PATIENCE):
        while not holds():
            await anyio.sleep(0.01)

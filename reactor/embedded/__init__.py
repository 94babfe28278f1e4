"""
A MongoDB of the user's own: a real mongod that lives as long as somebody uses it.

The server belongs to a *keeper* process (`keeper.py`), not to the caller. A caller only
holds a lock on the data folder, which the kernel drops however the caller ends; the keeper
ends the server when the last lock is gone.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import platformdirs
from anyio import to_thread

from reactor.embedded.binary import EmbeddedError, find_mongod

__all__ = ["EmbeddedError", "embedded_mongod", "find_mongod"]


@asynccontextmanager
async def embedded_mongod(
    folder: Path | None = None, *, ephemeral: bool = False, mongod: Path | None = None
) -> AsyncGenerator[str, None]:
    """
    Yield the address, password included, of a server that is primary of its replica set.

    All processes that name the same folder (default: in the user's data folder) share one
    server. It ends with the last of them, also when they are killed. With `ephemeral` its
    data is in a new folder inside `folder` (default: the system's temporary one), which is
    gone afterwards.
    """
    if sys.platform == "win32":
        raise EmbeddedError(
            "the embedded MongoDB runs on Linux and macOS only: install MongoDB as a replica "
            "set and set [mongo] uri in the settings"
        )
    from reactor.embedded.session import serving  # noqa: PLC0415 - Windows lacks its locks

    program = await to_thread.run_sync(find_mongod, mongod)
    home = await to_thread.run_sync(partial(_make_home, folder, ephemeral=ephemeral))
    flags = ("--ephemeral",) if ephemeral else ()
    try:
        async with serving(home, program, *flags) as address:
            yield address
    finally:
        if ephemeral:  # the keeper removes it too, but not when it never got to work
            shutil.rmtree(home, ignore_errors=True)


def _make_home(folder: Path | None, *, ephemeral: bool) -> Path:
    lasting = folder or platformdirs.user_data_path("sitesync", appauthor=False) / "mongod"
    try:
        if ephemeral:
            return Path(tempfile.mkdtemp(prefix="sitesync-", dir=folder)).resolve()
        lasting.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedError(f"cannot keep a database in {lasting}: {error.strerror}") from error
    return lasting.resolve()

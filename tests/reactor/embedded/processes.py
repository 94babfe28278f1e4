"""Users of an embedded server in processes of their own, and a look at what runs for them."""

from __future__ import annotations

import socketserver
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import psutil
from anyio.abc import Process
from pymongo import AsyncMongoClient

from tests.conftest import POLLING

Client: TypeAlias = AsyncMongoClient[dict[str, Any]]

_USER = """
import sys, anyio, pathlib
from reactor.embedded import embedded_mongod
async def use():
    ephemeral = "--ephemeral" in sys.argv
    async with embedded_mongod(pathlib.Path(sys.argv[1]), ephemeral=ephemeral) as address:
        print(address, flush=True)
        await anyio.to_thread.run_sync(sys.stdin.read)
anyio.run(use)
"""


class User:
    """Another process that uses the server in a folder until `leave` or `kill`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _USER, str(folder), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    async def address(self) -> str:
        assert self.process.stdout is not None
        return (await anyio.to_thread.run_sync(self.process.stdout.readline)).strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    async def leave(self) -> None:
        await anyio.to_thread.run_sync(self.process.communicate)


def content(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def running(folder: Path) -> list[psutil.Process]:
    """Return keeper and mongod of a folder."""
    programs = ("keeper.py", "mongod")
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        named = any(word.endswith(programs) and word != str(folder) for word in words)
        if named and any(word.startswith(str(folder)) for word in words):
            found.append(process)
    return found


def mongod_of(folder: Path) -> psutil.Process:
    return next(process for process in running(folder) if process.name() == "mongod")


def keeper_of(folder: Path) -> psutil.Process:
    return next(process for process in running(folder) if process.name() != "mongod")


async def until(true: Callable[[], object], seconds: float = 30) -> None:
    with anyio.fail_after(seconds):
        while not true():
            await anyio.sleep(0.01)


async def ended(folder: Path) -> None:
    await until(lambda: not running(folder))


@asynccontextmanager
async def connected(address: str) -> AsyncGenerator[Client, None]:
    async with Client(
        f"{address}&{POLLING}", w="majority", serverSelectionTimeoutMS=5_000
    ) as client:
        yield client


async def note(address: str, text: str) -> None:
    async with connected(address) as client:
        await client["kept"]["notes"].insert_one({"text": text})


async def notes(address: str) -> list[str]:
    async with connected(address) as client:
        return [found["text"] async for found in client["kept"]["notes"].find().sort("text")]


@asynccontextmanager
async def left_behind(folder: Path, command: list[str]) -> AsyncGenerator[Process, None]:
    """Run the server of a folder without a keeper."""
    async with await anyio.open_process(command, stdout=subprocess.DEVNULL) as server:
        try:
            lock = folder / "data" / "mongod.lock"
            await until(lambda: lock.read_text().strip() == str(server.pid))
            yield server
        finally:
            with suppress(ProcessLookupError):
                server.kill()


class _Somebody(socketserver.TCPServer):
    allow_reuse_address = True


@contextmanager
def somebody_at(port: int) -> Generator[None, None, None]:
    """Somebody else's server, which hangs up on who calls."""
    with _Somebody(("127.0.0.1", port), socketserver.BaseRequestHandler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            yield
        finally:
            server.shutdown()


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2].partition("/")[0])

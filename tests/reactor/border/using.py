"""A faulty provider in memory behind the border, and each of its calls by name."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

from providers.base import Handle, Listed, Location, Provider, Setup
from providers.memory import Memory, MemoryOptions
from reactor.border.contained import Contained
from reactor.border.errors import Terms
from tests.reactor.border.faulty import Faulty

WHERE = Location("work", "shot/file.exr")
CALLS = (
    *("marker", "make_marker", "facts", "checksum", "stage", "staged_size", "adopt"),
    *("publish", "revoke", "remove", "read", "chunk", "unchanged", "read end"),
    *("read_staged", "write", "sink write", "flush", "write end", "listing"),
)


def faulty_memory() -> Faulty:
    """Return a site in memory without a fault."""
    options = MemoryOptions(store=uuid4().hex)
    return Faulty(Memory(Setup("site", {"work": "/work"}, options)))


async def use(provider: Provider, call: str) -> object:
    """Carry one call out, or a stream in which it occurs."""
    handle = Handle(WHERE, "staged")
    acts: dict[str, Callable[[], Awaitable[object]]] = {
        "marker": lambda: provider.marker("work"),
        "make_marker": lambda: provider.make_marker("work"),
        "facts": lambda: provider.facts(WHERE),
        "checksum": lambda: provider.checksum(WHERE, "md5"),
        "stage": lambda: provider.stage(WHERE, "new", 3),
        "staged_size": lambda: provider.staged_size(handle),
        "adopt": lambda: provider.adopt(handle, "new"),
        "publish": lambda: provider.publish([(handle, None)]),
        "revoke": lambda: provider.revoke(handle),
        "remove": lambda: provider.remove(WHERE),
        "read_staged": lambda: _staged(provider, handle),
        "listing": lambda: _listed(provider),
    }
    if call in acts:
        return await acts[call]()
    return await (_written(provider, handle) if call in _WRITING else _read(provider))


_WRITING = ("write", "sink write", "flush", "write end")


async def _read(provider: Provider) -> bytes:
    async with provider.read(WHERE) as reader:
        content = b"".join([chunk async for chunk in reader])
        await reader.unchanged()
        return content


async def _staged(provider: Provider, handle: Handle) -> bytes:
    async with provider.read_staged(handle) as reader:
        return b"".join([chunk async for chunk in reader])


async def _written(provider: Provider, handle: Handle) -> None:
    async with provider.write(handle) as sink:
        await sink.write(b"new")
        await sink.flush()


async def _listed(provider: Provider) -> list[Listed]:
    return [file async for file in provider.listing("work")]


@asynccontextmanager
async def opened(
    faulty: Faulty, *, patience: float = 60.0, apart: bool = False
) -> AsyncGenerator[Contained]:
    """Yield a provider behind the border, with one file published and three bytes staged."""
    await faulty.inner.make_marker("work")
    for claim in ("published", "staged"):
        handle = await faulty.inner.stage(WHERE, claim, 3)
        async with faulty.inner.write(handle) as sink:
            await sink.write(b"old")
        if claim == "published":
            await faulty.inner.publish([(handle, None)])
    busy = "login" not in faulty.faults  # a login may take its time on a busy machine
    terms = Terms("faulty", 60.0 if busy else patience, apart=apart)
    async with Contained(lambda: faulty, "site", terms) as entered:
        object.__setattr__(terms, "timeout", patience)
        yield entered

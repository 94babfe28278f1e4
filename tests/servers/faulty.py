"""
A proxy for HTTP that does to chosen requests what networks and services do.

Faults are taken one by one: each meets the next request that it is meant for, once.
"""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from yarl import URL

_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "date"}


@dataclass(frozen=True)
class Call:
    """A request that arrived."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def is_(self, method: str, query: str = "") -> bool:
        """Return whether it is of a method, with a word in its query."""
        return self.method == method and query in self.query


@dataclass
class Fault:
    """What happens to a request for which `meets` is true; the parts that are given, in order."""

    meets: Callable[[Call], bool]
    first: Callable[[], Awaitable[object]] | None = None
    changes: Callable[[Call], Call] | None = None
    answers: web.Response | None = None  # without asking the server
    cuts: bool = False  # the connection, when the server has answered
    unranged: bool = False  # the server is asked for all, whatever part was wanted
    hides: str = ""  # a header of the answer


@dataclass
class Faulty:
    """The proxy: where it listens, what is to go wrong, what came by."""

    target: str
    port: int = 0
    faults: list[Fault] = field(default_factory=list[Fault])
    calls: list[Call] = field(default_factory=list[Call])

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def count(self, method: str, query: str = "") -> int:
        """Return how many requests of a method came by."""
        return sum(call.is_(method, query) for call in self.calls)


@asynccontextmanager
async def faulty(target: str) -> AsyncGenerator[Faulty]:
    """Run a proxy in front of a server until the block ends."""
    proxy = Faulty(target)
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def handle(request: web.Request) -> web.StreamResponse:
            call = Call(
                request.method,
                request.raw_path.partition("?")[0],
                request.raw_path.partition("?")[2],
                dict(request.headers),
                await request.read(),
            )
            proxy.calls.append(call)
            fault = next((one for one in proxy.faults if one.meets(call)), None)
            if fault is not None:
                proxy.faults.remove(fault)
            return await _served(session, proxy, request, call, fault)

        runner = web.AppRunner(_application(handle), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        proxy.port = runner.addresses[0][1]
        try:
            yield proxy
        finally:
            await runner.cleanup()


async def _served(
    session: aiohttp.ClientSession,
    proxy: Faulty,
    request: web.Request,
    call: Call,
    fault: Fault | None,
) -> web.StreamResponse:
    fault = fault or Fault(lambda _: True)
    if fault.first is not None:
        await fault.first()
    if fault.answers is not None:
        return fault.answers
    if fault.changes is not None:
        call = fault.changes(call)
    if fault.unranged:
        call.headers.pop("Range", None)
    answer = await _asked(session, proxy.target, call)
    if fault.cuts:
        assert request.transport is not None
        request.transport.abort()
    if fault.hides:
        answer.headers.popall(fault.hides, None)
    return answer


async def _asked(session: aiohttp.ClientSession, target: str, call: Call) -> web.Response:
    url = f"{target}{call.path}" + (f"?{call.query}" if call.query else "")
    async with session.request(
        call.method,
        URL(url, encoded=True),
        headers={name: value for name, value in call.headers.items() if name != "Content-Length"},
        data=io.BytesIO(call.body) if call.body else None,
        skip_auto_headers=("Content-Type", "Accept", "Accept-Encoding", "User-Agent"),
    ) as response:
        body = await response.read()
        answer = web.Response(status=response.status, body=body)
        for name, value in response.headers.items():
            if name.lower() not in {*_HOP_BY_HOP, "content-length", "content-type"}:
                answer.headers.add(name, value)
        if call.method == "HEAD":
            answer.headers["Content-Length"] = response.headers.get("Content-Length", "0")
        return answer


def _application(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.Application:
    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_route("*", "/{path:.*}", handle)
    return application


def refusal(status: int, code: str, **headers: str) -> web.Response:
    """Return an error as S3 words it."""
    text = f"<Error><Code>{code}</Code><Message>{code}: in short</Message></Error>"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(status=status, text=text, content_type="application/xml", headers=named)

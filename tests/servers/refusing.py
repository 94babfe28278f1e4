"""A web server that answers everything with one status, as services do that are full, busy or shut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def refusing(status: int, text: str, **headers: str) -> AsyncGenerator[int]:
    """Run it in this event loop until the block ends, and yield its port."""

    async def refuse(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=text, headers=named)

    server = web.Server(refuse, access_log=None)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        await server.shutdown(0)
        await listening.wait_closed()

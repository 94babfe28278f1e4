"""The door to one server: every request goes through it, and every failure of the network is told here."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import AsyncIterable, Collection, Mapping

import aiohttp
import anyio
from anyio import to_thread
from yarl import URL

from providers.base import SiteError
from sitesync_webdav.errors import Errors, Where
from sitesync_webdav.options import WebdavOptions

FAILURES = (aiohttp.ClientError, OSError, TimeoutError)
# Servers refuse for a moment where two requests meet: what is being moved is locked, what is being
# closed is not removed, and some fail where a folder was just made, or a file in it just removed.
_BUSY = {"MKCOL": (423, 500), "DELETE": (405, 409, 423, 500), "PROPFIND": (500,)}
_PATIENCE = 3.0
_A_MOMENT = 0.05
_TIMES = aiohttp.ClientTimeout(total=None, sock_connect=20, sock_read=60)


class Server:
    """One server, and our login there."""

    def __init__(self, options: WebdavOptions, errors: Errors, connections: int) -> None:
        self.errors = errors
        self._options = options
        self._connections = connections
        self._session: aiohttp.ClientSession

    async def open(self) -> None:
        """Get ready; nobody is asked yet."""
        tls = await to_thread.run_sync(self._tls)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity", **self._login()},
            timeout=_TIMES,
        )

    async def close(self) -> None:
        """Let go of all connections."""
        await self._session.close()

    async def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        data: AsyncIterable[bytes] | bytes | None = None,
    ) -> aiohttp.ClientResponse:
        """Return an answer, whatever it says; its body is still to come."""
        try:
            return await self._session.request(
                method, URL(url, encoded=True), headers=headers, data=data, allow_redirects=False
            )
        except FAILURES as error:
            raise self.errors.transport(error) from error

    async def settled(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> aiohttp.ClientResponse:
        """Return an answer as `ask` does, but not that the server is busy if that passes soon."""
        busy = _BUSY.get(method, (423,))
        give_up = anyio.current_time() + _PATIENCE
        while True:
            response = await self.ask(method, url, headers, data)
            if response.status not in busy or anyio.current_time() > give_up:
                return response
            response.release()
            await anyio.sleep(_A_MOMENT)

    async def told(
        self,
        method: str,
        url: str,
        where: Where,
        hoped: Collection[int],
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """Return the status of an answer that is one of those hoped for; else raise what it means."""
        async with await self.settled(method, url, headers) as response:
            if response.status not in hoped:
                raise self.errors.refused(response, where)
            return response.status

    def _login(self) -> Mapping[str, str]:
        user, password = self._options.user, self._options.password
        if user is None or password is None:
            return {}
        login = f"{user}:{password.get_secret_value()}".encode()
        return {"Authorization": f"Basic {b64encode(login).decode()}"}

    def _tls(self) -> ssl.SSLContext:
        """Return what is trusted. Blocks: certificates are files."""
        try:
            return ssl.create_default_context(cafile=self._options.ca_file)
        except (OSError, ssl.SSLError) as error:
            text = f"cannot be trusted: {self._options.ca_file} holds no certificates"
            raise self._unusable(text) from error

    def _unusable(self, text: str) -> SiteError:
        return self.errors.of_site("settings", text)

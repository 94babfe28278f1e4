"""
Requests to Google, once each: at the account's pace, signed, and never without a timeout.

What was not answered as it should be is a `RefusedError`. Metadata goes over aiogoogle's
session, kept open here for all tasks; media over a session of our own, which follows no
redirect: to an upload, 308 means something else.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Self, cast

import aiohttp
import anyio

from providers.gdrive.library import PROXY, AiohttpSession, Answer, Request, send
from providers.gdrive.login import Login
from providers.gdrive.pace import Pace
from providers.gdrive.refusals import refused, unanswered
from providers.gdrive.shapes import not_googles

_SECONDS = 60
_CONNECT_SECONDS = 20
_SLOWEST = 32 * 1024  # bytes per second; who is slower than that is cut off
_PIECE = 256 * 1024
_READ_AHEAD = 1024 * 1024
_LONGEST_ANSWER = 4 * 1024 * 1024
_UNAUTHENTICATED = 401
_AUTHORIZATION = "Authorization"

Json = dict[str, Any]
Body = Sequence[bytes | memoryview]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to media: a status below 400, its headers and its JSON."""

    status: int
    headers: Mapping[str, str]
    body: Json


class Wire:
    """The connections of one site. Entered once, used by many tasks."""

    def __init__(self, login: Login, pace: Pace) -> None:
        self._login = login
        self.pace = pace
        self._stack = AsyncExitStack()
        self._date = ""
        self._metadata: AiohttpSession
        self._media: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._metadata = await self._stack.enter_async_context(AiohttpSession())
        self._media = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                auto_decompress=False,
                connector=aiohttp.TCPConnector(limit=0),
                read_bufsize=_READ_AHEAD,
            )
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    @property
    def server_ms(self) -> int:
        """Google's own time of its last answer, in milliseconds since the epoch."""
        return round(parsedate_to_datetime(self._date).timestamp() * 1000)

    async def ask(self, request: Request) -> Json:
        """Send a request that aiogoogle built, and return the answer's JSON."""
        answer = await self._signed(request)
        self._date = str(answer.headers.get("Date", self._date))
        if answer.status >= 400:
            raise refused(answer.status, answer.headers, answer.body, time.time())
        if not isinstance(answer.body, dict):
            raise not_googles()
        self.pace.answered()
        return cast("Json", answer.body)

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Body = ()
    ) -> Reply:
        """Send media in one request, and return the answer; 308 is one."""
        size = size_of(body)
        timeout = aiohttp.ClientTimeout(total=_SECONDS + size / _SLOWEST, connect=_CONNECT_SECONDS)
        headers = {**headers, "Content-Length": str(size)}
        async with self._media_request(method, url, headers, timeout, body) as answer:
            told = _parsed(await answer.content.read(_LONGEST_ANSWER))
            return Reply(answer.status, answer.headers, told)

    @asynccontextmanager
    async def download(
        self, url: str, headers: Mapping[str, str]
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """Open a file's bytes."""
        timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS, sock_read=_SECONDS)
        headers = {**headers, "Accept-Encoding": "identity"}
        async with self._media_request("GET", url, headers, timeout) as answer:
            yield answer

    async def _signed(self, request: Request) -> Answer:
        """Send a request; where Google no longer takes the token, once more with a new one."""
        answer = await self._sent(request, signed := await self._login.sign())
        if answer.status == _UNAUTHENTICATED:
            self._login.reject(signed)
            answer = await self._sent(request, await self._login.sign())
        return answer

    async def _sent(self, request: Request, signed: str) -> Answer:
        await self.pace.turn()
        request.headers[_AUTHORIZATION] = signed
        try:
            with anyio.fail_after(_SECONDS):
                return await send(self._metadata, request)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unanswered(error) from error
        except (ValueError, RecursionError) as error:  # no JSON, or lists in lists in lists
            raise not_googles() from error

    @asynccontextmanager
    async def _media_request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own, of several kinds
        body: Body = (),
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """Send a request; where Google no longer takes the token, once more with a new one."""
        async with AsyncExitStack() as stack:
            try:
                for last in (False, True):
                    signed = await self._login.sign()
                    await self.pace.turn()
                    answer = await stack.enter_async_context(
                        self._media.request(
                            method,
                            url,
                            headers={**headers, _AUTHORIZATION: signed},
                            data=_pieces(body) if body else None,
                            timeout=timeout,
                            allow_redirects=False,
                            proxy=PROXY,
                        )
                    )
                    if answer.status != _UNAUTHENTICATED or last:
                        break
                    self._login.reject(signed)
                if answer.status >= 400:
                    told = _parsed(await answer.content.read(_LONGEST_ANSWER))
                    raise refused(answer.status, answer.headers, told, time.time())
                self.pace.answered()
                yield answer
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise unanswered(error) from error


def size_of(body: Body) -> int:
    """Return how many bytes a body has."""
    return sum(map(len, body))


async def _pieces(body: Body) -> AsyncIterator[memoryview]:
    for part in body:
        view = memoryview(part)
        for start in range(0, len(view), _PIECE):
            yield view[start : start + _PIECE]


def _parsed(text: bytes) -> Json:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):  # no JSON, or lists in lists in lists
        return {}
    return cast("Json", value) if isinstance(value, dict) else {}

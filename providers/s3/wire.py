"""
Requests to one bucket: signed, bounded in time, tried again where that helps.

Only single requests are tried again, a few times, and only where the server did not say no;
a transfer is never repeated here. A body is kept until its request is answered.
"""

from __future__ import annotations

import hashlib
import os
import random
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import anyio
from aiohttp.abc import AbstractStreamWriter
from yarl import URL

from providers.s3.refusals import NoAnswerError, RefusedError, refuse
from providers.s3.signing import UNSIGNED, Signing, Target, query_of

PATIENCE = 60.0
_CONNECT = 10.0
_TRIES = 4
_SLOW_DOWN = frozenset(
    {"SlowDown", "RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequests"}
)
_AGAIN = frozenset({"RequestTimeout", "OperationAborted", "ConditionalRequestConflict"})
_SAFE = "/~-_."
_NOTHING = hashlib.sha256().hexdigest()
_READ_AHEAD = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """
    One request to a bucket, or to an object in it.

    `digest` is the body's SHA-256 in hexadecimal, where it is known. `patience` is how many
    seconds may pass without a byte in either direction.
    """

    method: str
    key: str = ""
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Sequence[bytes] = ()
    digest: str | None = None
    patience: float = PATIENCE


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered; `repeated` tells that an earlier try got no clear answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    repeated: bool = False


def is_busy(error: RefusedError) -> bool:
    """Return whether the server only asks for fewer requests."""
    return error.code in _SLOW_DOWN or error.status in (429, 503)


class _Body(aiohttp.Payload):
    """A body in pieces, which are not put together; it may be written more than once."""

    def __init__(self, pieces: Sequence[bytes], goes_on: Callable[[], None]) -> None:
        super().__init__(pieces)
        self._size = sum(map(len, pieces))
        self._pieces = pieces
        self._goes_on = goes_on

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the body as text."""
        return b"".join(self._pieces).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send all pieces, and tell after each that it went out."""
        for piece in self._pieces:
            await writer.write(piece)
            self._goes_on()


class Wire:
    """The connections to one bucket, at an address without a slash at its end."""

    def __init__(
        self, address: str, signing: Signing, session: aiohttp.ClientSession, proxy: str | None
    ) -> None:
        self._address = address
        self._signing = signing
        self._session = session
        self._proxy = proxy
        parts = urlsplit(address)
        self._is_tls = parts.scheme == "https"
        self._host = parts.netloc
        self._server = f"{parts.scheme}://{parts.netloc}"
        self._path = quote(parts.path, safe=_SAFE + "%")

    @property
    def address(self) -> str:
        """Where the bucket is."""
        return self._address

    @property
    def region(self) -> str:
        """The region that requests are signed for."""
        return self._signing.region

    @property
    def signs_bodies(self) -> bool:
        """Whether the signature covers bodies: TLS protects them where there is TLS."""
        return not self._is_tls

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, address: str, signing: Signing, tls: ssl.SSLContext | None
    ) -> AsyncGenerator[Self]:
        """Yield a wire whose connections are closed in the end."""
        connector = aiohttp.TCPConnector(limit=0, ssl=tls or True)
        session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT),
            headers={"User-Agent": "sitesync"},
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type"),
            auto_decompress=False,
            read_bufsize=_READ_AHEAD,
        )
        async with session:
            yield cls(address, signing, session, _proxy_for(address))

    async def ask(self, request: Request, tries: int = _TRIES) -> Answer:
        """
        Return the answer, or raise the `RefusedError` or `NoAnswerError` of the last try.

        Who may not repeat a request asks with one try.
        """
        for tried in range(1, tries + 1):
            try:
                answer = await self._once(request)
            except RefusedError as error:
                if tried == tries or not _may_pass(error):
                    error.repeated = tried > 1
                    raise
                wait = error.retry_after or _pause(tried)
            except NoAnswerError:
                if tried == tries:
                    raise
                wait = _pause(tried)
            else:
                return answer if tried == 1 else _repeated(answer)
            await anyio.sleep(min(wait, PATIENCE))
        raise AssertionError("a request is tried at least once")

    async def _once(self, request: Request) -> Answer:
        path = self._path + (f"/{quote(request.key, safe=_SAFE)}" if request.key else "")
        query = query_of(request.query)
        target = Target(request.method, self._host, path or "/", query)
        headers = await self._signing.sign(target, request.headers, self._digest(request))
        url = f"{self._server}{target.path}" + (f"?{query}" if query else "")
        try:
            with anyio.fail_after(request.patience) as scope:
                return await self._sent(request, URL(url, encoded=True), headers, scope)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswerError(_why(error)) from error

    async def _sent(
        self, request: Request, url: URL, headers: Mapping[str, str], scope: anyio.CancelScope
    ) -> Answer:
        def goes_on() -> None:
            scope.deadline = anyio.current_time() + request.patience

        asking = self._session.request(
            request.method,
            url,
            headers=headers,
            data=_Body(request.body, goes_on) if request.body else None,
            proxy=self._proxy,
            allow_redirects=False,
        )
        async with asking as response:
            blocks: list[bytes] = []
            async for block in response.content.iter_any():
                blocks.append(block)
                goes_on()
            text = b"".join(blocks)
            if response.status >= 300:
                refuse(response.status, response.headers, text)
            return Answer(response.status, response.headers, text)

    def _digest(self, request: Request) -> str:
        if request.digest is not None:
            return request.digest
        if not request.body:
            return _NOTHING
        if self._is_tls:
            return UNSIGNED
        digest = hashlib.sha256()
        for piece in request.body:
            digest.update(piece)
        return digest.hexdigest()


def _may_pass(error: RefusedError) -> bool:
    return error.status >= 500 or is_busy(error) or error.code in _AGAIN


def _pause(tried: int) -> float:
    return random.uniform(0.5, 1.0) * 0.2 * 2.0**tried  # noqa: S311 - jitter


def _repeated(answer: Answer) -> Answer:
    return Answer(answer.status, answer.headers, answer.body, repeated=True)


def _why(error: Exception) -> str:
    """Return what went wrong, without addresses that only engineers read."""
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "its certificate is not trusted (ca_file names the authority of a private one)"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection ({os.strerror(error.os_error.errno or 0)})"
    return "the connection was cut"


def _proxy_for(address: str) -> str | None:
    """Return the proxy that the environment or the system asks for, if any."""
    parts = urlsplit(address)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)

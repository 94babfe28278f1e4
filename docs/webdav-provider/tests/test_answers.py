"""What becomes of a server's answers: errors by kind, ranges, and addresses that are not ours."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
import trustme
from aiohttp import web

from providers.base import (
    ChangedFileError,
    FileError,
    Handle,
    Location,
    PermanentFileError,
    Provider,
    ProviderError,
    RevokedError,
    Setup,
    SiteError,
    Unlisted,
)
from sitesync_webdav import KIND, WebdavOptions

_FILE = Location("work", "shot/x.exr")
_SECRET = "not-for-logs"
_BYTES = bytes(range(256)) * 20
_TOLD = (
    '<multistatus xmlns="DAV:"><response><href>{href}</href><propstat><prop><resourcetype/>'
    "<getcontentlength>5120</getcontentlength></prop></propstat></response></multistatus>"
)

Answer = Callable[[web.Request], web.Response]


def _stating(status: int, headers: Mapping[str, str] | None = None) -> Answer:
    return lambda _: web.Response(status=status, headers=headers)


def _telling(href: str, content: Answer) -> Answer:
    def answer(request: web.Request) -> web.Response:
        if request.method == "PROPFIND":
            return web.Response(status=207, text=_TOLD.format(href=href), content_type="text/xml")
        return content(request)

    return answer


@asynccontextmanager
async def _site(
    answer: Answer, tls: ssl.SSLContext | None = None, **keys: object
) -> AsyncGenerator[Provider]:
    """A site at a server that answers as it is told."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, web.BaseRequest)
        return answer(request)  # type: ignore[arg-type]  # a raw server hands out what it has

    server = web.ServerRunner(web.Server(handle))
    await server.setup()
    listener = web.TCPSite(server, "127.0.0.1", 0, ssl_context=tls)
    await listener.start()
    host, port = server.addresses[0][:2]
    scheme = "https" if tls else "http"
    options = WebdavOptions.model_validate(
        {"url": f"{scheme}://{host}:{port}", "user": "anna", "password": _SECRET, **keys}
    )
    try:
        async with KIND.make(Setup("cloud", {"work": "/share"}, options)) as entered:
            yield entered
    finally:
        await server.cleanup()


async def _error(answer: Answer) -> ProviderError:
    async with _site(answer) as provider:
        with pytest.raises(ProviderError) as raised:
            await provider.facts(_FILE)
    assert _SECRET not in str(raised.value)
    return raised.value


async def _content(answer: Answer, offset: int) -> bytes:
    async with _site(answer) as provider, provider.read(_FILE, offset) as reader:
        return b"".join([chunk async for chunk in reader])


async def test_a_server_that_fails_where_two_requests_meet_is_asked_again() -> None:
    busy = [web.Response(status=500), web.Response(status=500)]
    telling = _telling("/share/shot/x.exr", _stating(404))

    async with _site(lambda request: busy.pop() if busy else telling(request)) as provider:
        facts = await provider.facts(_FILE)

    assert facts is not None
    assert facts.size == 5120


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, "settings"),
        (401, "login"),
        (405, "settings"),
        (407, "unreachable"),
        (429, "rate"),
        (501, "settings"),
        (502, "unreachable"),
        (503, "unreachable"),
        (504, "unreachable"),
        (507, "full"),
    ],
)
async def test_some_answers_are_about_the_whole_site(status: int, kind: str) -> None:
    error = await _error(_stating(status))

    assert isinstance(error, SiteError)
    assert error.kind == kind
    assert "site 'cloud'" in str(error)


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(400, True), (403, True), (413, True), (414, True), (409, False), (418, False), (500, False)],
)
async def test_others_are_about_one_file(status: int, *, permanent: bool) -> None:
    error = await _error(_stating(status))

    assert isinstance(error, FileError)
    assert isinstance(error, PermanentFileError) == permanent
    assert "shot/x.exr" in str(error)


async def test_a_server_says_how_long_to_wait() -> None:
    error = await _error(_stating(429, {"Retry-After": "17"}))

    assert isinstance(error, SiteError)
    assert error.retry_after == 17


async def test_what_is_not_there_is_no_error() -> None:
    async with _site(_stating(404)) as provider:
        assert await provider.facts(_FILE) is None


async def test_a_server_that_leads_from_a_name_to_the_folder_has_no_such_file() -> None:
    def led(request: web.Request) -> web.Response:
        return web.Response(status=301, headers={"Location": f"{request.url}/"})

    async with _site(led) as provider:
        assert await provider.facts(_FILE) is None


async def test_a_page_instead_of_webdav_is_a_wrong_address() -> None:
    error = await _error(lambda _: web.Response(status=207, text="<html>Welcome"))

    assert isinstance(error, SiteError)
    assert error.kind == "settings"


async def test_addresses_of_elsewhere_are_not_believed() -> None:
    async with _site(_telling("/other/shot/x.exr", _stating(404))) as provider:
        with pytest.raises(SiteError, match="other addresses"):
            _ = [file async for file in provider.listing("work")]


@pytest.mark.parametrize("name", ["bad%ff.exr", "..%2f..%2fetc%2fpasswd", "a%2Fb.exr"])
async def test_a_name_that_no_path_can_hold_is_told_and_not_listed(name: str) -> None:
    told: list[Unlisted] = []
    async with _site(_telling(f"/share/{name}", _stating(404))) as provider:
        found = [file async for file in provider.listing("work", unlisted=told.append)]

    assert found == []
    assert [one.why.rpartition("; ")[2] for one in told] == ["rename it"]


async def test_a_part_is_asked_for_and_taken() -> None:
    def ranged(request: web.Request) -> web.Response:
        assert request.headers["Range"] == "bytes=5000-"
        headers = {"Content-Range": "bytes 5000-5119/5120"}
        return web.Response(status=206, body=_BYTES[5000:], headers=headers)

    assert await _content(_telling("/share/shot/x.exr", ranged), 5000) == _BYTES[5000:]


async def test_a_server_without_ranges_costs_more_and_gives_the_same() -> None:
    whole = _telling("/share/shot/x.exr", lambda _: web.Response(body=_BYTES))

    assert await _content(whole, 5000) == _BYTES[5000:]


def _shortened(_: web.Request) -> web.Response:
    return web.Response(body=_BYTES[:-1])


_OTHERS = (
    _shortened,
    _stating(206, {"Content-Range": "bytes 0-5119/5120"}),
    _stating(416),
    _stating(404),
)


@pytest.mark.parametrize("content", _OTHERS)
async def test_another_file_than_was_looked_at_is_told(content: Answer) -> None:
    with pytest.raises(ChangedFileError):
        await _content(_telling("/share/shot/x.exr", content), 5000)


class _Agreeing:
    """A server to which all is fine, and which takes note of what it was asked."""

    def __init__(self, put: int = 201) -> None:
        self.asked: list[str] = []
        self._put = put

    def __call__(self, request: web.Request) -> web.Response:
        self.asked.append(request.method)
        if request.method == "GET":
            return web.Response(text="0123456789abcdef")
        if request.method == "PROPFIND":
            href = request.path
            return web.Response(status=207, text=_TOLD.format(href=href), content_type="text/xml")
        return web.Response(status={"PUT": self._put, "DELETE": 204}.get(request.method, 201))


async def _write(provider: Provider, handle: Handle, times: int) -> None:
    async with provider.write(handle) as sink:
        for _ in range(times):
            await sink.write(_BYTES)


async def test_what_broke_off_is_never_published_whatever_the_server_made_of_it() -> None:
    server = _Agreeing()
    async with _site(server) as provider:
        handle = await provider.stage(_FILE, "c1", 2 * len(_BYTES))
        with pytest.raises(ChangedFileError):
            await _write(provider, handle, times=1)

        assert await provider.staged_size(handle) == 0
        [outcome] = await provider.publish([(handle, None)])
        assert isinstance(outcome, RevokedError)
        await provider.revoke(handle)
        [outcome] = await provider.publish([(handle, None)])
        assert isinstance(outcome, RevokedError)
    assert "MOVE" not in server.asked


@pytest.mark.parametrize("size", [len(_BYTES) - 1, len(_BYTES) + 1])
async def test_a_file_of_another_size_than_was_said_is_not_published(size: int) -> None:
    async with _site(_Agreeing()) as provider:
        handle = await provider.stage(_FILE, "c1", size)
        with pytest.raises(ChangedFileError):
            await _write(provider, handle, times=1)


async def test_a_server_that_takes_no_more_says_why() -> None:
    async with _site(_Agreeing(put=507)) as provider:
        handle = await provider.stage(_FILE, "c1", 100 * len(_BYTES))
        with pytest.raises(SiteError) as raised:
            await _write(provider, handle, times=100)

    assert raised.value.kind == "full"


async def test_a_server_with_a_certificate_of_the_studio_is_trusted_if_that_is_said(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    trusted = tmp_path_factory.mktemp("tls") / "studio.pem"
    authority.cert_pem.write_to_path(trusted)

    async with _site(_stating(404), tls) as provider:
        with pytest.raises(SiteError, match="certificate that is not trusted") as raised:
            await provider.facts(_FILE)
    assert raised.value.kind == "settings"
    async with _site(_stating(404), tls, ca_file=trusted) as provider:
        assert await provider.facts(_FILE) is None
    with pytest.raises(SiteError, match="holds no certificates"):
        async with _site(_stating(404), tls, ca_file=trusted.with_name("none.pem")):
            pass

"""What is used of aiogoogle, with types: it says that it has them, and they say nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from aiogoogle.auth.managers import ServiceAccountManager
from aiogoogle.models import Request
from aiogoogle.resource import GoogleAPI
from aiogoogle.sessions.aiohttp_session import HTTP_PROXY, AiohttpSession

__all__ = ["AiohttpSession", "Request", "ServiceAccountManager"]

Build = Callable[..., Request]
"""A call of the API: parameters in, a request out."""

PROXY: str | None = HTTP_PROXY or None
"""The proxy that aiogoogle goes through (AIOGOOGLE_HTTP_PROXY)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `body` is its JSON, or the text where it is none."""

    status: int
    headers: Mapping[str, str]
    body: object


async def send(session: AiohttpSession, *requests: Request) -> Answer:
    """Send a request, and return what comes back, whatever its status."""
    sending = cast("Any", AiohttpSession.send)
    response = await sending(session, *requests, full_res=True, raise_for_status=False)
    body = response.data if response.json is None else response.json
    return Answer(response.status_code, response.headers, body)


def signature(manager: ServiceAccountManager) -> str:
    """Return the header that signs requests with a manager's token."""
    signed = cast("Request", manager.authorize(Request()))
    return str(cast("dict[str, str]", signed.headers)["Authorization"])


def api(description: dict[str, Any]) -> Callable[[str], Build]:
    """Return what finds a call by its name (`files.list`) in a description of an API."""
    described = GoogleAPI(description)

    def call(name: str) -> Build:
        resource, method = name.split(".")
        found: Build = getattr(getattr(described, resource), method)
        return found

    return call

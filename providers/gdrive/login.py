"""
The access token of a service account: fetched once for all who wait for it, renewed in time.

aiogoogle signs and asks; it does so for each of many first calls at once, knows no timeout and
keeps a token that Google takes back, so these three are seen to here.
"""

from __future__ import annotations

from typing import Any, cast

import aiohttp
import anyio

from providers.base import SiteError
from providers.gdrive.errors import Words
from providers.gdrive.library import (
    AiohttpSession,
    Request,
    ServiceAccountManager,
    send,
    signature,
)
from providers.gdrive.pace import Pace
from providers.gdrive.patience import Patience
from providers.gdrive.refusals import RefusedError, unanswered

_SECONDS = 20
_NEW_KEY = (
    "make a new JSON key for it in the Google Cloud console and put it in the place of key_file"
)


class _TokenSession(AiohttpSession):
    """Tells what the token endpoint answers, whatever that is."""

    async def send(self, *requests: Request, **_: object) -> dict[str, Any]:
        """Return the answer's JSON, or raise what it says."""
        answer = await send(self, *requests)
        told = cast("dict[str, Any]", answer.body if isinstance(answer.body, dict) else {})
        if answer.status != 200 or not told.get("access_token"):
            raise RefusedError(
                answer.status if answer.status != 200 else 502,
                str(told.get("error", "")),
                str(told.get("error_description", "")),
            )
        return told


class Login:
    """Signs requests as the account of a key."""

    def __init__(self, words: Words, key: dict[str, Any], pace: Pace) -> None:
        self._words = words
        self._key = key
        self._pace = pace
        self._lock = anyio.Lock()
        self._manager = self._fresh()

    async def sign(self) -> str:
        """Return the header that signs a request, Authorization."""
        async with self._lock:
            await self._have_token()
            return signature(self._manager)

    def reject(self, header: str) -> None:
        """Take note that Google no longer accepts what a request was signed with."""
        if signature(self._manager) == header:
            self._manager = self._fresh()

    async def _have_token(self) -> None:
        patience = Patience(self._pace)
        while True:
            try:
                return await self._refreshed()
            except RefusedError as error:
                if not error.is_passing:
                    raise self._refusal(error) from None
                try:
                    await patience.again(error)
                except RefusedError:
                    raise self._words.unreachable(error) from None

    async def _refreshed(self) -> None:
        try:
            with anyio.fail_after(_SECONDS):
                await self._manager.refresh()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unanswered(error) from error
        except ValueError as error:  # google-auth: no key that can sign
            raise SiteError(
                "settings",
                f"site {self._words.site!r}: the private key of {self._words.email} cannot be "
                f"read; {_NEW_KEY}",
            ) from error

    def _refusal(self, error: RefusedError) -> SiteError:
        email, told = self._words.email, error.message
        if "account not found" in told:
            why = f"Google knows no account {email} (any more); make a service account and a key"
        elif "reasonable timeframe" in told or "short-lived" in told:
            why = "this machine's clock is wrong, so Google takes no login from it; set it right"
        elif error.reason == "disabled_client":
            why = f"the account {email} is disabled; enable it in the Google Cloud console"
        elif "Signature" in told:
            why = f"the key of {email} was revoked; {_NEW_KEY}"
        else:
            why = f"Google does not let {email} in ({told or error}); {_NEW_KEY}"
        return self._words.login(why)

    def _fresh(self) -> ServiceAccountManager:
        return ServiceAccountManager(session_factory=_TokenSession, creds=self._key)

"""
Requests signed as AWS asks for it (Signature Version 4), with credentials of botocore's chain.

The signature is made here, since botocore's own signer takes four times as long, as long as
all the rest of a small request. A test holds the two against each other.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple, Protocol
from urllib.parse import quote

from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError

from providers.s3.refusals import RefusedError

UNSIGNED = "UNSIGNED-PAYLOAD"
_ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(Protocol):
    """Who we are, for as long as it holds: a role's credentials change every hour."""

    async def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return credentials that are good now."""
        ...


class FixedCredentials:
    """Keys from the settings."""

    def __init__(self, access_key: str, secret_key: str) -> None:
        self._frozen = ReadOnlyCredentials(access_key, secret_key, None)

    async def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return the keys."""
        return self._frozen


class Target(NamedTuple):
    """What a request is for: method, host, and path and query as they are sent."""

    method: str
    host: str
    path: str
    query: str


class Signing:
    """Adds to a request's headers what proves that it is ours."""

    def __init__(self, credentials: Credentials, region: str) -> None:
        self._credentials = credentials
        self.region = region
        self._key = b""
        self._key_of = ("", "")  # day and secret

    async def sign(
        self, target: Target, headers: Mapping[str, str], digest: str, now: datetime | None = None
    ) -> dict[str, str]:
        """Return the headers to send; `digest` is the body's SHA-256, or `UNSIGNED`."""
        try:
            frozen = await self._credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise RefusedError(401, "ExpiredToken", str(error), {}) from error
        at = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
        sent = {**headers, "X-Amz-Date": at, "X-Amz-Content-SHA256": digest}
        if frozen.token:
            sent["X-Amz-Security-Token"] = frozen.token
        signed = {"host": target.host, **{name.lower(): value for name, value in sent.items()}}
        names = ";".join(sorted(signed))
        lines = (f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed))
        canonical = "\n".join((target.method, target.path, target.query, *lines, "", names, digest))
        scope = f"{at[:8]}/{self.region}/s3/aws4_request"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        key = self._signing_key(at[:8], frozen.secret_key or "")
        signature = _hmac(key, "\n".join((_ALGORITHM, at, scope, hashed))).hex()
        credential = f"{frozen.access_key}/{scope}"
        sent["Authorization"] = (
            f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
        )
        return sent

    def _signing_key(self, day: str, secret: str) -> bytes:
        """Return the key of a day, made once."""
        if self._key_of != (day, secret):
            key = f"AWS4{secret}".encode()
            for part in (day, self.region, "s3", "aws4_request"):
                key = _hmac(key, part)
            self._key, self._key_of = key, (day, secret)
        return self._key


def query_of(query: Mapping[str, str]) -> str:
    """Return a query as it is sent and signed: in order, everything odd as %XX."""
    named = sorted((_quoted(name), _quoted(value)) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in named)


def _quoted(text: str) -> str:
    return quote(text, safe="~-_.")


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")

"""Requests signed as AWS asks for it, by botocore's own signer, with credentials of its chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError

from providers.s3.refusals import RefusedError

UNSIGNED = "UNSIGNED-PAYLOAD"


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


class _Signer(S3SigV4Auth):
    """Signs a digest of the body that was made before, in a thread where the body is large."""

    def payload(self, request: AWSRequest) -> str:
        digest: str = request.context["digest"]
        return digest


class Signing:
    """Adds to a request's headers what proves that it is ours."""

    def __init__(self, credentials: Credentials, region: str) -> None:
        self._credentials = credentials
        self.region = region

    async def sign(
        self, method: str, url: str, headers: Mapping[str, str], digest: str
    ) -> dict[str, str]:
        """Return the headers to send; `digest` is the body's SHA-256, or `UNSIGNED`."""
        request = AWSRequest(method=method, url=url, headers=dict(headers))
        request.context["digest"] = digest
        try:
            frozen = await self._credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise RefusedError(401, "ExpiredToken", str(error), {}) from error
        _Signer(frozen, "s3", self.region).add_auth(request)
        return dict(request.headers.items())

"""Our signature is the one that botocore makes."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import quote

import anyio
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from providers.s3.signing import Signing, Target, query_of

_NOW = datetime(2026, 11, 26, 23, 59, 58, tzinfo=UTC)
_HOST = "s3.example.com:9000"


class _Role:
    """Credentials with a token, as roles have them."""

    async def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return ReadOnlyCredentials("AKIAROLE", "secret/of+role", "token==")


class _Reference(S3SigV4Auth):
    def payload(self, request: AWSRequest) -> str:  # noqa: ARG002 - its caller gives it
        return "0" * 64


@pytest.mark.parametrize(
    "key", ["plain.exr", "with space +%20.exr", "Žluťoučký/🎬.exr", "a'(b)*~!"]
)
@pytest.mark.parametrize("query", [{}, {"uploads": ""}, {"uploadId": "a/b+c=", "partNumber": "1"}])
def test_the_signature_is_botocores(key: str, query: dict[str, str]) -> None:
    path = "/bucket/" + quote(key, safe="/~-_.")
    headers = {"Content-MD5": "bWQ1==", "x-amz-meta-mtime": "1.5", "If-Match": '"e  tag"'}
    target = Target("PUT", _HOST, path, query_of(query))

    async def ours() -> dict[str, str]:
        return await Signing(_Role(), "eu-central-1").sign(target, headers, "0" * 64, _NOW)

    url = f"https://{_HOST}{path}" + (f"?{target.query}" if query else "")
    request = AWSRequest("PUT", url, headers=dict(headers))
    credentials = ReadOnlyCredentials("AKIAROLE", "secret/of+role", "token==")
    with patch("botocore.auth.get_current_datetime", return_value=_NOW.replace(tzinfo=None)):
        _Reference(credentials, "s3", "eu-central-1").add_auth(request)

    assert anyio.run(ours)["Authorization"] == request.headers["Authorization"]

"""A site's buckets: where they are, who we are there, and whether they let us in."""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError

from providers.base import Setup, SiteError
from providers.s3 import requests
from providers.s3.errors import Speaker
from providers.s3.options import S3Options
from providers.s3.places import Places, Root
from providers.s3.refusals import RefusedError
from providers.s3.signing import Credentials, FixedCredentials, Signing
from providers.s3.wire import Wire

_ANYWHERE = "us-east-1"


@dataclass(slots=True)
class Bucket:
    """A bucket that let us in. `is_ordered`: it lists keys in the order of their bytes."""

    name: str
    wire: Wire
    speaker: Speaker
    is_ordered: bool = True


@dataclass(frozen=True, slots=True)
class Connector:
    """Opens the buckets of one site."""

    setup: Setup
    options: S3Options
    connections: AsyncExitStack

    async def buckets(self, places: Places) -> dict[str, Bucket]:
        """Return all buckets of a site by name, each looked into once."""
        session = self._session()
        credentials = await self._credentials(session)
        roots = [places.root(name) for name in self.setup.roots]
        first = {root.bucket: root for root in reversed(roots)}
        return {
            name: await self._bucket(session, credentials, root) for name, root in first.items()
        }

    async def _bucket(self, session: AioSession, credentials: Credentials, root: Root) -> Bucket:
        region = self.options.region or session.get_config_variable("region") or _ANYWHERE
        bucket = await self._opened(session, Signing(credentials, region), root.bucket)
        try:
            return await self._looked_into(bucket, root)
        except SiteError as error:
            refused = error.__cause__
            if self.options.region is not None or not isinstance(refused, RefusedError):
                raise
            if refused.region in (None, region):
                raise
            signing = Signing(credentials, str(refused.region))
        return await self._looked_into(await self._opened(session, signing, root.bucket), root)

    async def _looked_into(self, bucket: Bucket, root: Root) -> Bucket:
        with bucket.speaker.explained(root.bucket, "looking"):
            bucket.is_ordered = await requests.is_ordered(bucket.wire, root.prefix)
        return bucket

    async def _opened(self, session: AioSession, signing: Signing, name: str) -> Bucket:
        address = await self._address(session, name, signing.region)
        wire = await self.connections.enter_async_context(
            Wire.opened(address, signing, self._tls(address))
        )
        return Bucket(name, wire, Speaker(self.setup.site, name, address, signing.region))

    def _session(self) -> AioSession:
        return AioSession(profile=self.options.profile)

    async def _credentials(self, session: AioSession) -> Credentials:
        if self.options.access_key is not None and self.options.secret_key is not None:
            return FixedCredentials(
                self.options.access_key, self.options.secret_key.get_secret_value()
            )
        try:
            found: Credentials | None = await session.get_credentials()
        except BotoCoreError as error:
            raise self._unusable(error) from error
        if found is None:
            raise SiteError(
                "login",
                f"site {self.setup.site!r} has no credentials: set access_key and secret_key_file, "
                "or a profile of ~/.aws",
            )
        return found

    async def _address(self, session: AioSession, bucket: str, region: str) -> str:
        """Return where a bucket is; of AWS botocore knows the rules."""
        if self.options.endpoint is not None:
            return _below(self.options.endpoint, bucket, path_style=self.options.path_style)
        style = "path" if self.options.path_style else "virtual"
        config = AioConfig(signature_version="s3v4", s3={"addressing_style": style})
        try:
            async with session.create_client(
                "s3",
                region_name=region,
                config=config,
                aws_access_key_id="unused",
                aws_secret_access_key="unused",  # noqa: S106 - only the address is asked for
            ) as client:
                url: str = await client.generate_presigned_url(
                    "head_bucket", Params={"Bucket": bucket}
                )
        except (BotoCoreError, ValueError) as error:
            raise self._unusable(error) from error
        return url.partition("?")[0].rstrip("/")

    def _tls(self, address: str) -> ssl.SSLContext | None:
        if self.options.ca_file is None or not address.startswith("https:"):
            return None
        try:
            return ssl.create_default_context(cafile=self.options.ca_file)
        except OSError as error:
            raise SiteError(
                "settings",
                f"site {self.setup.site!r}: ca_file {self.options.ca_file} cannot be used "
                f"({error.strerror or error}); correct it",
            ) from error

    def _unusable(self, error: Exception) -> SiteError:
        return SiteError(
            "settings", f"site {self.setup.site!r}: its settings of AWS cannot be used: {error}"
        )


def _below(endpoint: str, bucket: str, *, path_style: bool | None) -> str:
    """Return a bucket's address: below the server's, unless the setting is off."""
    if path_style is not False:
        return f"{endpoint}/{bucket}"
    scheme, _, host = endpoint.partition("://")
    return f"{scheme}://{bucket}.{host}"

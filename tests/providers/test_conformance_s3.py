"""The suite over three servers: moto, rclone and, where it is there, SeaweedFS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import anyio
import pytest

from providers.base import Provider
from providers.conformance.cancelling import ACTS
from providers.conformance.names import ODD
from providers.conformance.services import CopyConformance
from providers.conformance.suite import ProviderConformance
from tests.servers.s3 import BUCKET, S3Server, moto, rclone, seaweedfs


def with_buckets(server: S3Server) -> S3Server:
    for name in (BUCKET, "neighbours-projects"):
        anyio.run(server.make_bucket, name)
    return server


@pytest.fixture(scope="module")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with moto(tmp_path_factory.mktemp("moto")) as server:
        yield with_buckets(server)


@pytest.fixture(scope="module")
def rclone_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with rclone(tmp_path_factory.mktemp("rclone")) as server:
        yield with_buckets(server)


@pytest.fixture(scope="module")
def weed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with seaweedfs(tmp_path_factory.mktemp("weed")) as server:
        yield with_buckets(server)


@pytest.fixture
def folder() -> str:
    return uuid4().hex


@pytest.fixture
async def provider(server: S3Server, folder: str) -> AsyncIterator[Provider]:
    roots = {"work": f"/{folder}/work", "bare": f"/{folder}/bare"}
    async with server.provider(roots) as entered:
        yield entered


@pytest.fixture
async def other(server: S3Server, folder: str) -> AsyncIterator[Provider]:
    async with server.provider({"work": f"/{folder}/work"}) as entered:
        yield entered


@pytest.fixture
async def neighbour(server: S3Server, folder: str) -> AsyncIterator[Provider]:
    roots = {"work": f"s3://neighbours-projects/{folder}/work"}
    async with server.provider(roots, bucket=None) as entered:
        yield entered


class TestMoto(ProviderConformance, CopyConformance):
    @pytest.fixture
    def server(self, moto_server: S3Server) -> S3Server:
        return moto_server

    # Its router takes no line feed in a key.
    @pytest.mark.parametrize("name", [name for name in ODD if "\n" not in name])
    async def test_an_odd_name_is_kept_as_it_is(self, provider: Provider, name: str) -> None:
        await super().test_an_odd_name_is_kept_as_it_is(provider, name)


class TestRclone(ProviderConformance):
    @pytest.fixture
    def server(self, rclone_server: S3Server) -> S3Server:
        return rclone_server

    async def test_a_file_where_a_folder_stands_costs_nobody_a_file(
        self,
        provider: Provider,  # noqa: ARG002 - as the suite has it
    ) -> None:
        pytest.skip("rclone's server lists a name that it has just refused for being a folder's")

    # It takes away what stands at the key of a request that was cut off.
    @pytest.mark.parametrize("call", [call for call in ACTS if call != "publish"])
    async def test_after_a_cancelled_call_files_are_whole_and_it_serves_on(
        self, provider: Provider, other: Provider, call: str
    ) -> None:
        await super().test_after_a_cancelled_call_files_are_whole_and_it_serves_on(
            provider, other, call
        )


class TestSeaweedFs(ProviderConformance):
    @pytest.fixture
    def server(self, weed_server: S3Server) -> S3Server:
        return weed_server

    # To it, a backslash is a slash.
    @pytest.mark.parametrize("name", [name for name in ODD if "\\" not in name])
    async def test_an_odd_name_is_kept_as_it_is(self, provider: Provider, name: str) -> None:
        await super().test_an_odd_name_is_kept_as_it_is(provider, name)

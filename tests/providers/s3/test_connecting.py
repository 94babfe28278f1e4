"""How a site is reached: keys, the usual chain of AWS, addresses, regions."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiobotocore.session import AioSession

from providers.base import Setup, SiteError
from providers.s3.connecting import Connector
from providers.s3.options import S3Options
from tests.servers.faulty import Fault, Faulty, refusal
from tests.servers.s3 import ACCESS_KEY, SECRET_KEY, S3Server


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with a folder `.aws` of its own, and nothing in the environment."""
    folder = tmp_path / ".aws"
    folder.mkdir()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return folder


async def test_a_profile_lets_one_in(strict_server: S3Server, aws: Path) -> None:
    keys = f"aws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    (aws / "credentials").write_text(f"[studio]\n{keys}")
    site = strict_server.provider({"work": "/"}, access_key=None, secret_key=None, profile="studio")

    async with site:
        assert await site.marker("work") is None


async def test_the_environment_lets_one_in(
    strict_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    site = strict_server.provider({"work": "/"}, access_key=None, secret_key=None)

    async with site:
        assert await site.marker("work") is None


async def test_without_any_credentials_it_is_said_where_to_put_them(server: S3Server) -> None:
    site = server.provider({"work": "/"}, access_key=None, secret_key=None)

    with pytest.raises(
        SiteError, match="set access_key and secret_key_file, or a profile"
    ) as raised:
        async with site:
            pass

    assert raised.value.kind == "login"


async def test_a_profile_that_is_not_there_is_named(server: S3Server) -> None:
    site = server.provider({"work": "/"}, access_key=None, secret_key=None, profile="nobody")

    with pytest.raises(SiteError, match="nobody") as raised:
        async with site:
            pass

    assert raised.value.kind == "settings"


@pytest.mark.parametrize(
    ("options", "address"),
    [
        ({"region": "eu-central-1"}, "https://studio.s3.eu-central-1.amazonaws.com"),
        ({"region": "cn-north-1"}, "https://studio.s3.cn-north-1.amazonaws.com.cn"),
        (
            {"region": "eu-central-1", "path_style": True},
            "https://s3.eu-central-1.amazonaws.com/studio",
        ),
        ({"endpoint": "https://minio.example.com:9000"}, "https://minio.example.com:9000/studio"),
        (
            {"endpoint": "https://s3.wasabisys.com", "path_style": False},
            "https://studio.s3.wasabisys.com",
        ),
    ],
)
async def test_a_bucket_has_the_address_that_its_service_gives_it(
    options: dict[str, str], address: str
) -> None:
    settings = S3Options.model_validate({"bucket": "studio", **options})
    async with AsyncExitStack() as connections:
        connector = Connector(Setup("vendor", {"work": "/"}, settings), settings, connections)

        found = await connector._address(AioSession(), "studio", settings.region or "us-east-1")

    assert found == address


async def test_a_bucket_in_another_region_is_found_there(server: S3Server, proxy: Faulty) -> None:
    moved = refusal(301, "PermanentRedirect", x_amz_bucket_region="eu-west-3")
    proxy.faults.append(Fault(lambda call: call.is_("GET"), answers=moved))

    async with server.provider({"work": "/"}, endpoint=proxy.endpoint) as site:
        await site.marker("work")

    assert "/eu-west-3/s3/" in proxy.calls[-1].headers["Authorization"]


async def test_a_region_that_was_set_wrongly_is_told_with_the_right_one(
    server: S3Server, proxy: Faulty
) -> None:
    moved = refusal(301, "PermanentRedirect", x_amz_bucket_region="eu-west-3")
    proxy.faults.append(Fault(lambda call: call.is_("GET"), answers=moved))

    with pytest.raises(SiteError, match='set region = "eu-west-3"'):
        async with server.provider({"work": "/"}, endpoint=proxy.endpoint, region="us-east-2"):
            pass


async def test_a_ca_file_that_cannot_be_used_is_named(server: S3Server, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    changes = {"endpoint": "https://127.0.0.1:1", "ca_file": tmp_path / "ca.pem"}

    with pytest.raises(SiteError, match=r"ca\.pem cannot be used"):
        async with server.provider({"work": "/"}, **changes):
            pass


async def test_one_site_may_have_roots_in_several_buckets(server: S3Server, folder: str) -> None:
    await server.make_bucket("another-bucket")
    roots = {"work": f"/{folder}", "back": f"s3://another-bucket/{folder}"}

    async with server.provider(roots) as site:
        one, two = await site.make_marker("work"), await site.make_marker("back")

    async with server.client() as client:
        found = await client.get_object(Bucket="another-bucket", Key=f"{folder}/.sitesync-root")
        assert (await found["Body"].read()).decode().strip() == two.id
    assert one.id != two.id

"""A server that keeps its connections and answers nothing holds no transfer for ever."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest

from reactor.border.errors import Terms
from tests.path.studio import PATIENCE, Studio, some_bytes
from tests.servers.proxy import proxied
from tests.servers.sftp import SftpServer, sshd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


async def test_a_silent_server_rests_with_a_reason_and_is_served_when_it_answers_again(
    studio: Studio, server: SftpServer
) -> None:
    studio.terms = Terms("sftp")
    content = some_bytes(3_000_000)
    async with proxied(server.port) as proxy:
        roots = {"work": str(studio.path("vendor"))}
        changes = {"port": proxy.port, "host_key": server.host_key.read_text().strip()}
        studio.providers["vendor"] = server.provider(roots, keepalive=600, **changes)
        async with studio.running() as reactor:
            first = await studio.publish_file("a.exr", some_bytes())
            await studio.until(first, "vendor")
            (vendor,) = [site for site in reactor.sites if site.name == "vendor"]

            object.__setattr__(studio.terms, "timeout", 1.0)  # a login may take its time
            proxy.stall()
            second = await studio.publish_file("b.exr", content)
            with anyio.fail_after(PATIENCE):
                while (suspension := vendor.suspension) is None:
                    await anyio.sleep(0.02)
            proxy.flow()
            entry = await studio.until(second, "vendor")

    assert suspension.kind == "unreachable"
    assert "site 'vendor' has not answered for 1 seconds" in suspension.reason
    assert "tries" not in entry
    assert studio.path("vendor", "b.exr").read_bytes() == content

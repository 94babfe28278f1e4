"""What becomes of uploads at their end: ids, sessions that are gone, storage that runs out."""

from __future__ import annotations

import pytest

from providers.base import Facts, Provider, RevokedError, SiteError
from providers.conformance.moves import at, content_at, listed, payload, publish, put, stage
from tests.providers.gdrive.sites import Studio
from tests.servers.drive import Fault

_LARGE = 5 * 1024 * 1024  # goes in a session, not in one request


@pytest.mark.parametrize("size", [100, _LARGE])
async def test_a_file_that_is_replaced_keeps_its_id(
    studio: Studio, site: Provider, size: int
) -> None:
    before = await put(site, "Show/a.exr", payload(size))
    content = payload(size)

    after = await put(site, "Show/a.exr", content)

    assert after.id == before.id is not None
    assert after.checksum != before.checksum
    assert await content_at(site, "Show/a.exr") == content
    stored = [file.id for file in studio.drive.files(studio.id) if file.name == "a.exr"]
    assert stored == [after.id]


async def test_a_session_that_is_gone_at_the_end_publishes_nothing(
    studio: Studio, site: Provider
) -> None:
    handle = await stage(site, "Show/a.abc", payload(_LARGE))
    studio.drive.faults(Fault("upload.*", "dead-session", 404))

    with pytest.raises(RevokedError):
        await publish(site, handle)

    assert await site.facts(at("Show/a.abc")) is None
    studio.drive.faults()
    content = payload(_LARGE)
    await put(site, "Show/a.abc", content)
    assert await content_at(site, "Show/a.abc") == content


async def test_a_session_that_is_gone_in_the_middle_takes_no_more(
    studio: Studio, site: Provider
) -> None:
    studio.drive.faults(Fault("upload.chunk", "dead-session", 410))

    with pytest.raises(RevokedError, match="Google knows nothing of this upload any more"):
        await stage(site, "Show/a.abc", payload(3 * _LARGE))


async def test_storage_that_runs_out_in_a_sequence_stops_the_site(
    studio: Studio, tmp_path_factory: pytest.TempPathFactory
) -> None:
    drive = studio.drive
    email = drive.service_account("small", storage=250_000)
    key_file = drive.key_file(tmp_path_factory.mktemp("key") / "key.json", email)
    drive.folder_in("root", "Own", email=email)
    contents = [payload(60_000) for _ in range(8)]

    async with studio.provider({"work": "/My Drive/Own"}, key_file=key_file) as site:
        await site.make_marker("work")
        handles = [
            (await stage(site, f"x.{number}.exr", content), None)
            for number, content in enumerate(contents)
        ]
        outcomes = await site.publish(handles)
        there = await listed(site)

    published = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Facts)]
    refused = [outcome for outcome in outcomes if not isinstance(outcome, Facts)]
    assert len(published) == 4  # 240,000 bytes, and the marker
    assert list(there) == [f"x.{number}.exr" for number in published]
    assert {type(error) for error in refused} == {SiteError}
    assert {getattr(error, "kind", None) for error in refused} == {"full"}
    assert "the storage at Google is used up; empty the trash" in str(refused[0])

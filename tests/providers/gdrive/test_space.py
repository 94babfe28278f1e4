"""How much more a Drive takes, as the account's own storage tells it."""

from __future__ import annotations

from typing import cast
from uuid import uuid4

import pytest

from providers.base import Location, Provider
from providers.gdrive.storage import space_told
from providers.space import Space, SpaceProvider
from tests.providers.gdrive.sites import Studio
from tests.servers.drive import DriveEmulator

GB = 10**9


async def space(site: Provider, root: str = "work") -> Space | None:
    assert site.features.space
    return await cast("SpaceProvider", site).space(root)


async def test_of_a_folder_in_my_drive_it_is_what_is_left_of_the_accounts_storage(
    drive: DriveEmulator, studio: Studio
) -> None:
    email = drive.service_account(f"own-{uuid4().hex[:8]}", storage=2 * GB)
    key = drive.key_file(studio.key_file.with_name(f"{email}.json"), email)
    shared = drive.folder_in("root", f"shared-{uuid4().hex[:8]}")
    (name,) = [file.name for file in drive.files() if file.id == shared]
    drive.share(shared, email)
    own = Studio(drive, email, key, studio.name, studio.id)

    async with own.provider({"work": f"/My Drive/{name}"}) as site:
        await site.make_marker("work")
        before = await space(site)
        handle = await site.stage(Location("work", "a.exr"), "c1", 1000)
        async with site.write(handle) as sink:
            await sink.write(bytes(1000))
            await sink.flush()
        [published] = await site.publish([(handle, None)])
        after = await space(site)

    assert before is not None
    assert after is not None
    assert (before.total, after.total) == (2 * GB, 2 * GB)
    assert before.free - after.free == 1000, published


async def test_a_shared_drive_has_no_limit_of_the_accounts(site: Provider) -> None:
    assert await space(site) is None


@pytest.mark.parametrize(
    ("quota", "told"),
    [
        ({"limit": "100", "usage": "30"}, Space(70, 100)),
        ({"limit": "100", "usage": "130"}, Space(0, 100)),
        ({"limit": "0", "usage": "0"}, Space(0, 0)),
        ({"usage": "30"}, None),
        (None, None),
    ],
)
def test_what_google_tells_of_a_storage(quota: object, told: Space | None) -> None:
    assert space_told({"storageQuota": quota}) == told

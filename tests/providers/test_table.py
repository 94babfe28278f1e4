from __future__ import annotations

from providers.table import PROVIDERS


def test_every_kind_of_site_is_found_under_its_own_name() -> None:
    assert {name: kind.name for name, kind in PROVIDERS.items()} == {
        "local_drive": "local_drive",
        "memory": "memory",
        "rclone": "rclone",
        "sftp": "sftp",
    }

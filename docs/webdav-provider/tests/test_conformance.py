"""The suite that every provider passes, on each server that is here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from webdav_servers import PASSWORD, SERVERS, USER, serving, why_not


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SERVERS)
def test_the_installed_suite_passes(name: str, tmp_path: Path) -> None:
    if why := why_not(name):
        pytest.skip(why)  # each server is written by others: it says which package brings it
    with serving(name, tmp_path) as server:
        (tmp_path / "password").write_text(PASSWORD)
        (tmp_path / "site.toml").write_text(
            f'provider = "webdav"\nurl = "{server.url}"\nuser = "{USER}"\n'
            f'password_file = "{tmp_path / "password"}"\nroot = "/tried"\n'
        )
        command = [
            *(sys.executable, "-m", "pytest", "--pyargs", "providers.conformance", "-q"),
            *("-p", "no:cacheprovider", "--provider=webdav", "--provider-settings=site.toml"),
            *("--provider-unreachable=url=http://127.0.0.1:9", "--provider-refused=password=wrong"),
        ]
        told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stdout
    assert PASSWORD not in told.stdout + told.stderr

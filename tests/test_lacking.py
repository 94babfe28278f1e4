"""Who runs the tests on a bare machine is told in one line what it lacks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.lacking import say_lacking

SSHD = "Skipped: no sshd here; on Debian: apt-get install openssh-server"
PROFTPD = "Skipped: no ProFTPD here; on Debian: apt-get install proftpd-mod-crypto"


def test_each_package_is_named_once() -> None:
    assert say_lacking([SSHD, PROFTPD, SSHD, "Skipped: only on Windows"]) == (
        "3 tests were skipped; to run all: apt-get install openssh-server proftpd-mod-crypto"
    )


def test_nothing_is_said_where_no_package_is_lacking() -> None:
    assert say_lacking(["Skipped: only on Windows"]) is None


def test_it_is_the_last_line_before_the_count(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_terminal_summary\n")
    file = tmp_path / "test_one.py"
    file.write_text(f"import pytest\n\ndef test_one():\n    pytest.skip({SSHD!r})\n")
    tree = Path(__file__).parents[1]

    command = [sys.executable, "-m", "pytest", "-ra", "--rootdir", str(tmp_path), str(file)]
    told = subprocess.run(
        [*command, "-c", "/dev/null", "-p", "no:cacheprovider"],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    *_, lacking, count = told.stdout.splitlines()
    assert lacking == "1 test was skipped; to run all: apt-get install openssh-server"
    assert "1 skipped" in count

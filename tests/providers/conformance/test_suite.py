"""The suite notices what it is there for, and runs from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pydantic import SecretStr

from providers.conformance.site import TriedSite
from providers.memory import Memory
from providers.table import PROVIDERS
from tests.providers.conformance.liars import NOTICED

# Each runs pytest again, over dozens of tests: on a slow machine that takes its time.
pytestmark = pytest.mark.timeout(300)

_LIARS = Path(__file__).with_name("liars.py")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """Run, for each provider, the test that has to notice what it does; and for an honest one all of them."""
    report = tmp_path_factory.mktemp("suite") / "report.xml"
    nodes = [f"{_LIARS}::Test{kind.__name__}::{test}" for kind, test in NOTICED.items()]
    nodes += [f"{_LIARS}::TestHonest::{test}" for test in dict.fromkeys(NOTICED.values())]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", f"--junitxml={report}"]
    # As it is where somebody's CI runs the suite: there pytest works out whole differences.
    env = os.environ | {"CI": "true"}
    told = subprocess.run([*command, *nodes], env=env, capture_output=True, text=True, check=False)
    assert told.returncode == pytest.ExitCode.TESTS_FAILED, told.stdout + told.stderr
    cases = ET.parse(report).iter("testcase")
    return {
        (case.attrib["classname"].rpartition(".Test")[2], case.attrib["name"]): next(
            (child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed"
        )
        for case in cases
    }


@pytest.mark.parametrize("kind", NOTICED, ids=lambda kind: kind.__name__)
def test_a_broken_promise_is_noticed(
    outcomes: dict[tuple[str, str], str], kind: type[Memory]
) -> None:
    assert outcomes[kind.__name__, NOTICED[kind]] == "failure"


def test_an_honest_provider_passes_where_others_fail(
    outcomes: dict[tuple[str, str], str],
) -> None:
    honest = {test: told for (kind, test), told in outcomes.items() if kind == "Honest"}

    assert honest == dict.fromkeys(NOTICED.values(), "passed")


def _run(*options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the suite as somebody does who has sitesync installed, and nothing of its tree."""
    command = [sys.executable, "-m", "pytest", "--pyargs", "providers.conformance", "-q"]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_suite_runs_from_anywhere_on_a_site_that_a_file_describes(tmp_path: Path) -> None:
    root = tmp_path / "disk"
    root.mkdir()
    (tmp_path / "site.toml").write_text(f'provider = "local_drive"\nroot = "{root}"\n')

    told = _run(
        *("--provider=local_drive", "--provider-settings", "site.toml"),
        *("--provider-folder", str(root), "-k", "link or pause or marker"),
        folder=tmp_path,
    )

    assert told.returncode == 0, told.stdout
    assert " passed" in told.stdout
    assert list(root.iterdir()) == []


def test_settings_may_be_given_one_by_one_and_what_was_published_is_removed(
    tmp_path: Path,
) -> None:
    root = tmp_path / "disk"

    told = _run(
        *("--provider=local_drive", "--provider-settings", f"root={root}"),
        *("--provider-settings", "transfers=2", "-k", "odd_name or bare"),
        folder=tmp_path,
    )

    assert told.returncode == 0, told.stdout
    left = {path.name for path in root.rglob("*") if path.is_file()}
    assert left == {".sitesync-root"}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((), "name the provider to try: --provider=NAME"),
        (("--provider=memry",), "there is no provider 'memry'; this environment has: local_drive,"),
        (("--provider=memory",), '--provider-settings need root = "…"'),
        (
            ("--provider=sftp", "--provider-settings", "root=/x"),
            "settings of provider 'sftp': host: Field required; user: Field required",
        ),
        (
            ("--provider=memory", "--provider-settings", "nowhere.toml"),
            "nowhere.toml: No such file or directory",
        ),
    ],
)
def test_what_cannot_be_tried_is_told(tmp_path: Path, options: tuple[str, ...], why: str) -> None:
    told = _run(*options, "-k", "marker", folder=tmp_path)

    assert told.returncode == pytest.ExitCode.USAGE_ERROR
    assert why in told.stdout


def test_a_secret_may_lie_in_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_PASSPHRASE", "hush")
    (tmp_path / "secret").write_text("hush\n")
    kind = PROVIDERS["sftp"]
    keys = {"host": "h", "user": "u", "root": "/x", "key_passphrase_env": "THE_PASSPHRASE"}
    one = TriedSite(kind, {**keys, "key_file": "id"})
    two = TriedSite(
        kind, {"host": "h", "user": "u", "root": "/x", "password_file": str(tmp_path / "secret")}
    )

    assert SecretStr("hush") == getattr(one.setup("a").options, "key_passphrase", None)
    assert SecretStr("hush") == getattr(two.setup("a").options, "password", None)
    assert one.setup("a").roots["work"] == "/x/a/work"

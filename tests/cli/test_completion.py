"""Tab completion: the program, asked as shells ask it, completes names out of the settings alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from reactor.cli.commands import COMMANDS
from reactor.cli.completion import outlined
from reactor.cli.program import cli

_SETTINGS = """
[mongo]
uri = "mongodb://127.0.0.1:9/"

[sites.vendor]
provider = "sftp"
host = "sftp.example.com"

[sites."two words"]
provider = "memory"

[defaults]
active_site = "studio"

[projects.Bunny]
enabled = true

[projects.Bear.sites.px]
provider = "memory"
"""
_SITES = {"local", "px", "studio", "vendor"}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sitesync.toml").write_text(_SETTINGS)


def _asked(shell: str, words: list[str], incomplete: str) -> subprocess.CompletedProcess[str]:
    """Call the program as the script does that click gives to a shell."""
    asked = {
        "_SITESYNC_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": " ".join(["sitesync", *words, incomplete]),
        "COMP_CWORD": incomplete if shell == "fish" else str(len(words) + 1),
    }
    return subprocess.run(
        [sys.executable, "-m", "reactor"],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def _completed(*words: str, incomplete: str = "") -> set[str]:
    told = _asked("bash", [*words], incomplete)
    assert told.stderr == ""
    return {line.removeprefix("plain,") for line in told.stdout.splitlines() if line}


@pytest.mark.parametrize(
    "words",
    [
        ("status", "-p"),
        ("queue", "--project"),
        ("validate", "--site", "vendor", "--project"),
        ("wait", "-r", "65f0", "-p"),
        ("site", "add", "vendor", "-p"),
        ("pause", "-s", "vendor", "-p"),
    ],
)
def test_a_project_is_completed(words: tuple[str, ...]) -> None:
    assert _completed(*words) == {"Bear", "Bunny"}


@pytest.mark.parametrize(
    "words",
    [
        ("site", "init"),
        ("site", "add"),
        ("site", "reset"),
        ("site", "remove", "-p", "Bunny"),
        ("why", "65f0"),
        ("prioritise", "65f0"),
        ("pause", "-s"),
        ("validate", "--site"),
        ("wait", "-s"),
    ],
)
def test_a_site_is_completed_that_of_a_project_too(words: tuple[str, ...]) -> None:
    assert _completed(*words) == _SITES


@pytest.mark.parametrize("words", [("run", "--active-site"), ("syncserver", "--active_site")])
def test_the_site_to_serve_as_is_never_called_local(words: tuple[str, ...]) -> None:
    assert _completed(*words) == _SITES - {"local"}


def test_only_what_goes_on_so_is_told_and_nothing_twice() -> None:
    assert _completed("site", "reset", incomplete="v") == {"vendor"}
    assert _completed("status", "-p", "Bunny", "-p") == {"Bear"}
    assert _completed("site", "init", "px", "studio") == {"local", "vendor"}


def test_commands_and_options_are_told_but_no_hidden_one() -> None:
    assert _completed("site") == {"init", "list", "add", "reset", "remove"}
    assert {"run", "why"} <= _completed()
    assert "syncserver" not in _completed()
    assert {"--project", "--json"} <= _completed("status", incomplete="--")


def test_zsh_and_fish_are_told_what_a_command_is_for() -> None:
    zsh = _asked("zsh", [], "ret").stdout.splitlines()
    fish = _asked("fish", ["pause", "-p"], "Bu").stdout.splitlines()

    assert zsh == ["plain", "retry", "Try again at once what has failed."]
    assert "Bunny" in "".join(fish)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_itself_completes_by_the_script_that_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folders = (str(Path(sys.executable).parent), os.environ["PATH"])
    monkeypatch.setenv("PATH", os.pathsep.join(folders))
    typed = (
        'eval "$(_SITESYNC_COMPLETE=bash_source sitesync)"; '
        "COMP_WORDS=(sitesync site reset v); COMP_CWORD=3; "
        '_sitesync_completion sitesync; echo "${COMPREPLY[@]}"'
    )

    told = subprocess.run(
        ["bash", "-c", typed], capture_output=True, text=True, timeout=60, check=True
    )

    assert (told.stdout, told.stderr) == ("vendor\n", "")


def test_the_settings_are_those_that_the_command_would_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.toml"
    other.write_text("[projects.Cat]\n")
    (tmp_path / "config" / "sitesync").mkdir(parents=True)
    (tmp_path / "config" / "sitesync" / "machine.toml").write_text('local_id = "ws7"\n')
    monkeypatch.setenv("SITESYNC__PROJECTS__DOG__ENABLED", "true")

    assert _completed("--config", str(other), "status", "-p") == {"Cat", "dog"}
    assert _completed("site", "add", incomplete="w") == {"ws7"}


@pytest.mark.parametrize(
    "text", [None, "[sites.vendor\n", "sites = 3\nprojects = [1]\n\udcff", "x = 1\nx = 2\n"]
)
def test_settings_that_cannot_be_read_complete_nothing_and_say_nothing(
    text: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "sitesync.toml"
    file.unlink()
    if text is not None:
        file.write_bytes(text.encode(errors="surrogateescape"))

    assert _completed("status", "-p") == set()
    assert _completed("why", "65f0") == set()
    assert _completed("--config", "gone.toml", "why", "65f0") == set()


def test_nothing_is_written_not_even_a_site_id(tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))

    assert _completed("site", "reset")
    assert sorted(tmp_path.rglob("*")) == before


def test_no_key_waits_for_what_commands_need() -> None:
    code = (
        "import sys; from reactor.cli.completion import outlined; outlined();"
        "print({'pymongo', 'pydantic', 'pydantic_core', 'anyio', 'rich', 'structlog',"
        " 'asyncio'} & sys.modules.keys() or '')"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_what_its_outline_says(name: str) -> None:
    assert _seen(_found(cli, name)) == _seen(_found(outlined(), name))


def _found(group: click.Group, name: str) -> click.Command:
    found: click.Command = group
    for part in name.split():
        assert isinstance(found, click.Group)
        there = found.get_command(click.Context(found), part)
        assert there is not None
        found = there
    return found


def _seen(command: click.Command) -> dict[str, Any]:
    takes = [parameter.to_info_dict() for parameter in command.params]
    return {
        "name": command.name,
        "hidden": command.hidden,
        "short": command.get_short_help_str(200),
        "takes": takes,
    }

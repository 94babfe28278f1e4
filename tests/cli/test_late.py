"""Every command is found under its name, and imported only when it is called."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from reactor.cli.program import cli


@pytest.mark.parametrize("name", cli.late)
def test_a_command_has_its_name(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)

    assert command is not None
    assert command.name == name


def test_what_is_no_command_is_refused() -> None:
    assert cli.get_command(click.Context(cli), "validte") is None


def test_a_command_does_not_import_the_others() -> None:
    code = (
        "import sys; from reactor.cli.program import cli; import click;"
        "cli.get_command(click.Context(cli), 'queue');"
        "sys.exit('reactor.cli.demo' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""The program `sitesync`: all commands, put together."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import click

from reactor.cli.demo import demo
from reactor.cli.doctor import doctor
from reactor.cli.queue import queue
from reactor.cli.run import run, syncserver
from reactor.cli.shell import Shell
from reactor.cli.site import site
from reactor.cli.status import status


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The settings file (else SITESYNC_CONFIG, ./sitesync.toml, the user's folder).",
)
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.version_option(version("sitesync-reactor"), prog_name="sitesync")
@click.pass_context
def cli(context: click.Context, config: Path | None, verbose: bool) -> None:  # noqa: FBT001 - a flag
    r"""
    Keep a studio's published files where they are wanted.

    \b
    Begin with:  sitesync demo            the main job, on real files, in a minute
                 sitesync doctor          is everything in place?
                 sitesync site init …     once for each site
                 sitesync run             serve

    Tab completion: eval "$(_SITESYNC_COMPLETE=bash_source sitesync)" (or zsh_source).
    """
    context.obj = Shell(config, verbose)


for command in (demo, run, syncserver, site, status, queue, doctor):
    cli.add_command(command)


def main() -> None:
    """Run the program."""
    cli(prog_name="sitesync")


if __name__ == "__main__":
    main()

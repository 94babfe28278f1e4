"""All commands, put together, and how the program ends."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from time import monotonic

import click

from reactor.border.output import UnwritableError, guarded_output
from reactor.cli.commands import PROGRAM, late, takes
from reactor.cli.late import LateGroup
from reactor.cli.shell import DONE, FAILED, INTERRUPTED, Shell, fail

_PARTING_SECONDS = 1.0


@click.group(
    cls=LateGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@takes(PROGRAM)
@click.pass_context
def cli(context: click.Context, config: Path | None, verbose: bool) -> None:  # noqa: FBT001 - a flag
    """
    Keep a studio's published files where they are wanted.

    \b
    Begin with:  sitesync demo            the main job, on real files, in a minute
                 sitesync doctor          is everything in place?
                 sitesync site init …     once for each site
                 sitesync run             serve

    Tab completion: eval "$(_SITESYNC_COMPLETE=bash_source sitesync)" (or zsh_source,
    fish_source). It knows commands, options, and the names of sites and projects.
    """  # noqa: D301 - click looks for this very character
    context.obj = Shell(config, verbose)


cli.late = late()


def call() -> None:
    """Call the command, and end; a thread that does not let go (a disk that hangs) is left behind."""
    with guarded_output():
        try:
            sys.exit(_code())
        except SystemExit as end:
            if _is_let_go():
                raise
            with suppress(OSError, UnwritableError):
                sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else DONE)


def _code() -> int:
    """Return the exit code; a fault of ours is told here, where what is printed shows no secret."""
    try:
        ended = cli(prog_name="sitesync", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:  # by Ctrl-C; `standalone_mode` would answer with another code
        return INTERRUPTED
    except UnwritableError as error:
        fail(str(error))
    except Exception:  # noqa: BLE001 - the interpreter would print it past the guard
        traceback.print_exc()
        return FAILED
    return ended if isinstance(ended, int) else DONE


def _is_let_go() -> bool:
    """Return whether no thread would keep this process from ending."""
    until = monotonic() + _PARTING_SECONDS
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.current_thread():
            thread.join(max(0.0, until - monotonic()))
            if thread.is_alive():
                return False
    return True

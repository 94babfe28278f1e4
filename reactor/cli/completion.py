"""
What completes a word that somebody types into a shell.

Click does so from the commands' outlines; the commands themselves, which take a second to
import, are left alone.
"""

from __future__ import annotations

from collections.abc import Callable

import click

from reactor.cli.commands import COMMANDS, PROGRAM, Outline, late, takes


def complete() -> None:
    """Answer the shell that asks by `_SITESYNC_COMPLETE`, and end."""
    outlined()(prog_name="sitesync")


def outlined() -> click.Group:
    """Return the program with all that it takes, and nothing that it does."""
    return _group("", Outline("", "", PROGRAM))


def _group(name: str, outline: Outline) -> click.Group:
    group = click.group(_own(name), help=outline.short)(takes(outline.takes)(_empty()))
    for below in late(name):
        group.add_command(_command(f"{name} {below}".strip()))
    return group


def _command(name: str) -> click.Command:
    outline = COMMANDS[name]
    if late(name):
        return _group(name, outline)
    taking = takes(outline.takes)(_empty())
    return click.command(_own(name), help=outline.short, hidden=outline.hidden)(taking)


def _own(name: str) -> str:
    return name.rpartition(" ")[2]


def _empty() -> Callable[[], None]:
    """Return a function that is no other command's: what a command takes is kept in it."""
    return lambda: None

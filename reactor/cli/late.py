"""A group whose commands are imported when they are called: each costs only what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

import click


class LateGroup(click.Group):
    """Has its commands in `late`: each name with `module:attribute`, in the order they are shown in."""

    late: Mapping[str, str] = MappingProxyType({})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """Return the names of all commands."""
        return list(self.late)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as click calls it
        """Return a command, or None where there is none of this name."""
        if cmd_name not in self.late:
            return None
        module, _, attribute = self.late[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

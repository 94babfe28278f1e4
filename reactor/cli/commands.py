"""
All commands: where each is, a line about it, and what it takes.

It is apart from what they do, so that completing a word imports none of that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from reactor.cli.parameters import (
    OWN_SITE,
    PROJECT,
    SITE,
    Decorator,
    Duration,
    dry_run_option,
    json_option,
    needed_site_option,
    project_option,
    representation_argument,
    representation_option,
    site_argument,
    site_option,
)

_FILES_OF_A_SITE = (
    site_argument,
    representation_option,
    click.option(
        "-p", "--project", metavar="PROJECT", type=PROJECT, help="The project that is meant."
    ),
    click.option("--all", "everything", is_flag=True, help="All representations of the --project."),
)


@dataclass(frozen=True, slots=True)
class Outline:
    """
    A command as it is seen from outside.

    `at` is `module:attribute`, `short` the sentence that its help begins with.
    """

    at: str
    short: str
    takes: tuple[Decorator, ...] = ()
    hidden: bool = False


PROGRAM = (
    click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The settings file (else SITESYNC_CONFIG, ./sitesync.toml, the user's folder).",
    ),
    click.option("-v", "--verbose", is_flag=True, help="Log more."),
    click.version_option(package_name="sitesync-reactor", prog_name="sitesync"),
)

# In the order in which help shows them; those of a group stand below its name.
COMMANDS: Mapping[str, Outline] = {
    "demo": Outline(
        "reactor.cli.demo:demo",
        "See the main job done, on real files and servers of its own.",
        (
            click.option(
                "--folder",
                type=click.Path(file_okay=False, path_type=Path),
                help="Where everything of the demo lies (else sitesync-demo in your data folder).",
            ),
            click.option(
                "--cache-size",
                metavar="SIZE",
                default="512MiB",
                show_default=True,
                help="How large the large file is; three sites keep it.",
            ),
            click.option(
                "--gdrive",
                is_flag=True,
                help="With a Google Drive, played by an emulator, as one more site"
                " (needs the source tree).",
            ),
        ),
    ),
    "run": Outline(
        "reactor.cli.run:run",
        "Serve: watch the database, and bring published files to where they are wanted.",
        (
            click.option(
                "--active-site",
                metavar="NAME",
                type=OWN_SITE,
                help="Serve as this site, not as this machine's.",
            ),
            click.option(
                "--embedded",
                is_flag=True,
                help="Use an embedded MongoDB, whatever the settings say.",
            ),
            click.option(
                "--until-idle", is_flag=True, help="End when there is nothing left to do now."
            ),
            click.option(
                "--relay", is_flag=True, help="Also bring files from one remote site to another."
            ),
        ),
    ),
    "syncserver": Outline(
        "reactor.cli.run:syncserver",
        "Serve as a site: the predecessor's spelling of `run --active-site NAME`.",
        (
            click.option(
                "--active_site",
                required=True,
                metavar="NAME",
                type=OWN_SITE,
                help="The site to serve as.",
            ),
        ),
        hidden=True,
    ),
    "reconcile": Outline(
        "reactor.cli.reconcile:reconcile",
        "Look at every document once, and bring what is wanted, as this machine's own site.",
        (project_option, site_option, dry_run_option, json_option),
    ),
    "site": Outline(
        "reactor.cli.site:site",
        "Set sites up, and say which files they are to have.",
    ),
    "site init": Outline(
        "reactor.cli.site.init:init",
        "Make the markers of sites' roots, so that they are served.",
        (
            click.argument("names", metavar="SITE…", type=SITE, nargs=-1),
            click.option("--all", "everything", is_flag=True, help="All sites of the settings."),
        ),
    ),
    "site list": Outline(
        "reactor.cli.site.listing:list_sites",
        "List the sites that the settings know, with their providers, and what other packages"
        " bring.",
        (json_option,),
    ),
    "site add": Outline(
        "reactor.cli.site.add:add",
        "Let a site have files: mark them as wanted there.",
        (*_FILES_OF_A_SITE, json_option),
    ),
    "site reset": Outline(
        "reactor.cli.site.reset:reset",
        "Let reactors prove a site's bytes again, or send them again.",
        (*_FILES_OF_A_SITE, json_option),
    ),
    "site remove": Outline(
        "reactor.cli.site.remove:remove",
        "Let a site no longer have files: remove their entries, and those of its alternatives.",
        (
            *_FILES_OF_A_SITE,
            click.option("--delete-files", is_flag=True, help="Delete the bytes at SITE, too."),
            click.option("--yes", is_flag=True, help="Do not ask before a whole project."),
            json_option,
        ),
    ),
    "validate": Outline(
        "reactor.cli.validate:validate",
        "Hold a site against the documents, both ways: its folders are listed, and compared.",
        (
            needed_site_option("The site to look at."),
            project_option,
            click.option("--checksum", is_flag=True, help="Read the bytes, too: this takes long."),
            dry_run_option,
            click.option(
                "--confirm-removals",
                is_flag=True,
                help="Reset files that are gone or changed, however many they are.",
            ),
            json_option,
        ),
    ),
    "status": Outline(
        "reactor.cli.status:status",
        "Show at a glance what is wanted, running, paused and failed, and who works on it.",
        (project_option, json_option),
    ),
    "queue": Outline(
        "reactor.cli.queue:queue",
        "Show wanted files in the order they will be served.",
        (
            project_option,
            site_option,
            click.option(
                "--limit",
                type=click.IntRange(1, 100_000),
                default=50,
                show_default=True,
                help="Show so many files.",
            ),
            json_option,
        ),
    ),
    "doctor": Outline(
        "reactor.cli.doctor:doctor",
        "Check that everything is in place, and say what to do where it is not.",
        (
            json_option,
            click.option(
                "--end-claim",
                "claim",
                metavar="ID",
                help="End one claim that nobody else can end.",
            ),
            click.option("--yes", is_flag=True, help="Do not ask before a claim is ended."),
        ),
    ),
    "why": Outline(
        "reactor.cli.why:why",
        "Tell why a representation is, or is not, at a site, and what to do next.",
        (representation_argument, site_argument, project_option, json_option),
    ),
    "pause": Outline(
        "reactor.cli.pausing:pause",
        "Stop transfers until they are resumed.",
        (project_option, site_option, representation_option),
    ),
    "resume": Outline(
        "reactor.cli.pausing:resume",
        "End a pause.",
        (project_option, site_option, representation_option),
    ),
    "prioritise": Outline(
        "reactor.cli.prioritise:prioritise",
        "Let files go before others, or after them.",
        (
            project_option,
            representation_argument,
            site_argument,
            click.argument("priority", metavar="N", type=click.IntRange(0, 1000)),
        ),
    ),
    "retry": Outline(
        "reactor.cli.retry:retry",
        "Try again at once what has failed.",
        (project_option, site_option, representation_option),
    ),
    "wait": Outline(
        "reactor.cli.wait:wait",
        "Wait until a site has all files of a representation.",
        (
            click.option(
                "-r",
                "--representation",
                "representations",
                metavar="REPRESENTATION",
                multiple=True,
                required=True,
                help="Its _id, or the path of one of its files; may be repeated.",
            ),
            needed_site_option("Where it is to be."),
            project_option,
            click.option(
                "--timeout",
                metavar="T",
                type=Duration(),
                help="Give up after so long: 90, 90s, 5m, 2h (else never).",
            ),
            json_option,
        ),
    ),
}


def command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a function the command of a name, with what that takes."""
    outline = COMMANDS[name]

    def made(function: Callable[..., Any]) -> click.Command:
        taking = takes(outline.takes)(function)
        return click.command(name.rpartition(" ")[2], hidden=outline.hidden)(taking)

    return made


def takes(parameters: Sequence[Decorator]) -> Decorator:
    """Give a function some parameters, in their order."""

    def taking(function: Callable[..., Any]) -> Callable[..., Any]:
        for parameter in reversed(parameters):
            function = parameter(function)
        return function

    return taking


def late(group: str = "") -> dict[str, str]:
    """Return where the commands of a group are, by their names in it."""
    parts = {name: name.rpartition(" ") for name in COMMANDS}
    return {own: COMMANDS[name].at for name, (above, _, own) in parts.items() if above == group}

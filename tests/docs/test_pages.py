"""What all pages promise: settings that load, commands that exist, links that lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from config.load import load
from config.sources import Sources
from providers.table import PROVIDERS
from reactor.cli.program import cli
from tests.docs.pages import HERE, PAGES, Block, block, blocks, commands, links

_OPTIONS = {name: kind.options for name, kind in PROVIDERS.items()}
_OF_A_PACKAGE = "writing-a-provider.md"  # tried where that package is installed
_SETTINGS = [one for one in blocks() if one.language == "toml" and one.page.name != _OF_A_PACKAGE]


def parse(words: list[str]) -> None:
    """Read a command line as the program does, without carrying it out; a bare name is enough."""
    context, command = cli.make_context("sitesync", words), click.Command("none")
    while isinstance(group := context.command, click.Group):
        rest = [*context._protected_args, *context.args]
        name, found, rest = group.resolve_command(context, rest)
        command = found or command
        context = command.make_context(name, rest, parent=context, resilient_parsing=not rest)


@pytest.mark.parametrize("call", commands())
def test_every_command_exists_with_its_options(call: str) -> None:
    try:
        parse(shlex.split(call)[1:])
    except click.UsageError as error:
        pytest.fail(f"{call}: {error.format_message()}")


@pytest.mark.parametrize("one", _SETTINGS, ids=lambda one: f"{one.page.stem}-{one.name}")
def test_every_block_of_settings_loads(one: Block, tmp_path: Path) -> None:
    for name in ("mongo-uri", "s3-secret", "vendor-password"):
        (tmp_path / name).write_text("mongodb://127.0.0.1")
    studio, machine = tmp_path / "sitesync.toml", tmp_path / "machine.toml"
    studio.write_text(_studio_settings(one).replace("/etc/sitesync", str(tmp_path)))
    if "[mongo]" not in one.text:
        machine.write_text(one.text)

    settings = load(Sources(studio, machine, {"SITESYNC_SITE_ID": "anna", "HOME": "/"}), _OPTIONS)

    assert not [site.problem for site in settings.sites.values() if site.problem]


def _studio_settings(one: Block) -> str:
    """Return the whole settings that a block is about: its own, its page's, or the first ones."""
    if "[mongo]" in one.text:
        return one.text
    own = [b.text for b in _SETTINGS if b.page == one.page and "[mongo]" in b.text]
    return (own or [block("start: settings")])[0]


def test_every_block_is_tried_by_some_test() -> None:
    names = [one.name for one in blocks() if one.name]
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    used = set(re.findall(r'"([a-z]+: [^"]+)"', tests))

    assert len(names) == len(set(names))
    assert set(names) <= used


def test_only_what_needs_the_right_to_administer_is_not_tried() -> None:
    untried = [one for one in blocks() if one.page.parent.name == "docs" and not one.name]

    assert [line for one in untried for line in one.text.splitlines() if line[:5] != "sudo "] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


def test_every_page_is_linked_from_the_index_and_the_index_from_the_readme() -> None:
    pages = {page.name for page in (HERE / "docs").glob("*.md")} - {"README.md"}

    assert pages <= set(links(HERE / "docs" / "README.md"))
    assert "docs/README.md" in links(HERE / "README.md")

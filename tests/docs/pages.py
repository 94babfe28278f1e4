"""The how-tos as tests read them: blocks by name, commands, tables and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parents[2]
PAGES = [*sorted((HERE / "docs").glob("*.md")), HERE / "README.md"]

_FENCE = re.compile(r"(?:^<!-- ([^\n]+) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"`(sitesync [^`]+)`")
_CALL = re.compile(r"(?:^|if |bin/)(sitesync .*)$")
_END = re.compile(r" *(?:;|&&|#).*$")


class Block(NamedTuple):
    """A fenced block of a page; `name` is that of the comment above it, if there is one."""

    page: Path
    name: str
    language: str
    text: str


def blocks() -> list[Block]:
    """Return all blocks of all pages."""
    return [
        Block(page, match[1] or "", match[2], match[3])
        for page in PAGES
        for match in _FENCE.finditer(page.read_text(encoding="utf-8"))
    ]


def block(name: str) -> str:
    """Return the text of the one block of a name."""
    (text,) = [one.text for one in blocks() if one.name == name]
    return text


def commands() -> list[str]:
    """Return every call of the program that a page shows."""
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    calls = {call for text in texts for call in _calls(text)}
    return sorted(call for call in calls if "…" not in call and "COMMAND" not in call)


def _calls(text: str) -> Iterator[str]:
    for match in _FENCE.finditer(text):
        if match[2] in ("sh", "ini"):
            for line in match[3].splitlines():
                if call := _CALL.search(line):
                    yield _END.sub("", call[1])
    prose = re.sub(r"\s*\n\s*", " ", _FENCE.sub("", text))
    yield from (match[1] for match in _QUOTED.finditer(prose))


def rows(page: str) -> list[list[str]]:
    """Return the cells of all tables of a page, without heads and rules."""
    lines = (HERE / "docs" / page).read_text(encoding="utf-8").splitlines()
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"
    ]
    return [row for row in cells if not set("".join(row)) <= set("-")]


def links(page: Path) -> list[str]:
    """Return the files that a page links to."""
    found = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    return [link for link in found if "://" not in link]

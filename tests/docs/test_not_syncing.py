"""docs/not-syncing.md: every cause is found by `why`, and the page tells all that it can say."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, get_args

import pytest
from bson import ObjectId

from reactor import story
from reactor.story.finding import Code
from tests.docs.office import EXAMPLE_ID, Office, until
from tests.docs.pages import block, rows

NAME = "Bunny/shots/sh010/comp_v003.1001.exr"
_PAGE = "not-syncing.md"
_TOLD = {cells[0].strip("`"): cells[1] for cells in rows(_PAGE) if cells[0].startswith("`")}


def why(office: Office, *, code: int = 1) -> str:
    """Ask by the `_id` and by the path, as the page shows both, and return the answer."""
    by_id, by_path = (office.call(line, code=code) for line in block("why: ask").splitlines())
    assert by_path.splitlines()[0] == by_id.splitlines()[0]
    return by_id


def change(office: Office, published: ObjectId, change: dict[str, Any]) -> None:
    office.documents.update_one({"_id": published}, change)


def test_what_nobody_asked_for_is_answered_as_the_page_shows(disks: Office) -> None:
    disks.publish(NAME)

    answer = why(disks)

    assert set(disks.here(block("why: answer")).splitlines()) <= set(answer.splitlines())


def test_without_an_entry_site_add_asks_for_it(disks: Office) -> None:
    published = disks.publish(NAME)
    assert _TOLD["no_entry"].removesuffix(" …") in why(disks)

    disks.call(f"sitesync site add vendor --representation {EXAMPLE_ID}")
    disks.call("sitesync reconcile")

    assert disks.is_available(published, "vendor")
    assert _TOLD["available"].removesuffix(" …") in why(disks, code=0)


@pytest.mark.parametrize("by_hand", [False, True])
def test_one_that_was_removed_there_is_sent_again_after_a_reset(
    disks: Office, *, by_hand: bool
) -> None:
    published = disks.publish(NAME, "vendor")
    disks.call("sitesync reconcile")
    (disks.machine.root("vendor") / NAME).unlink()
    assert _TOLD["gone"] in why(disks)

    if by_hand:
        change(disks, published, {"$unset": {"files.0.sites.1.created_dt": ""}})
    else:
        disks.call(f"sitesync site reset vendor --representation {EXAMPLE_ID}")
    disks.call("sitesync reconcile")

    assert disks.is_available(published, "vendor")
    assert (disks.machine.root("vendor") / NAME).is_file()


@pytest.mark.parametrize("by_hand", [False, True])
def test_one_that_has_failed_is_tried_again_once_its_tries_are_deleted(
    disks: Office, *, by_hand: bool
) -> None:
    published = disks.publish(NAME, "vendor")
    failed = {"files.0.sites.1.tries": 3, "files.0.sites.1.error": "no space left"}
    change(disks, published, {"$set": failed})
    assert _TOLD["failed"] in why(disks)
    assert "no space left" in why(disks)

    with disks.serving("sitesync run"):
        until(lambda: "serving" in disks.log.read_text())
        if by_hand:
            change(disks, published, {"$unset": {"files.0.sites.1.tries": ""}})
        else:
            disks.call("sitesync retry")
        disks.until_available(published, "vendor")


def test_the_page_tells_every_code_that_there_is_and_no_other() -> None:
    assert sorted(_TOLD) == sorted(get_args(Code))


def test_the_page_has_those_that_stop_a_file_apart_from_the_others() -> None:
    stopping = {cells[0] for cells in rows(_PAGE)[: rows(_PAGE).index(["code", "`why` says", ""])]}

    assert {f"`{code}`" for code in _reasons()} == stopping - {"code"}


@pytest.mark.parametrize(("code", "said"), sorted(_TOLD.items()))
def test_the_page_quotes_what_why_says(code: str, said: str) -> None:
    texts = _texts()

    for part in said.split("…"):
        assert any(part.strip() in text for text in texts), part


def _trees() -> list[ast.Module]:
    files = Path(story.__file__).parent.glob("*.py")
    return [ast.parse(file.read_text(encoding="utf-8")) for file in files]


def _reasons() -> set[str]:
    """The codes with which `reason` is called, or that are chosen by a variable."""
    calls = [n for tree in _trees() for n in ast.walk(tree) if isinstance(n, ast.Call)]
    named = [n for n in calls if isinstance(n.func, ast.Name) and n.func.id in ("reason", "say")]
    literal = {str(n.args[0].value) for n in named if isinstance(n.args[0], ast.Constant)}
    return literal | {"no_marker", "unreachable"}


def _texts() -> list[str]:
    """All texts of the story, with nothing where names are filled in."""
    found: list[str] = []
    for tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = [v.value if isinstance(v, ast.Constant) else "" for v in node.values]
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant):
                found.append(str(node.value))
    return found

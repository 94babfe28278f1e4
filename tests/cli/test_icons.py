"""Icons on terminals: drawn only where the terminal can, and never into a pipe."""

from __future__ import annotations

import base64
import re

import pytest

from providers.icons import icon_of
from providers.table import PROVIDERS
from reactor.cli.icons import data_uri, drawing

_ICON = icon_of(PROVIDERS["sftp"])


@pytest.mark.parametrize(
    ("environ", "begins"),
    [
        ({"TERM": "xterm-kitty"}, "\x1b_G"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "\x1b_G"),
        ({"TERM": "xterm-ghostty"}, "\x1b_G"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "\x1b_G"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "230804"}, "\x1b_G"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "\x1b]1337;File="),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "\x1b]1337;File="),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "\x1b]1337;File="),
    ],
)
def test_a_terminal_that_shows_pictures_is_sent_one_in_its_own_way(
    environ: dict[str, str], begins: str
) -> None:
    draw = drawing(environ)

    assert draw is not None
    assert _ICON is not None
    assert draw(_ICON).startswith("\x1b7" + begins)
    assert draw(_ICON).endswith("\x1b8\x1b[2C")
    sent = re.search(r"[;:]([A-Za-z0-9+/=]{100,})", draw(_ICON))
    assert sent is not None
    assert base64.b64decode(sent[1]) == _ICON


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"TERM": "xterm-256color"},
        {"TERM": "dumb", "KITTY_WINDOW_ID": "1"},
        {"TERM": "screen-256color", "LC_TERMINAL": "iTerm2"},
        {"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"},
        {"TERM": "xterm-kitty", "TMUX": "/tmp/tmux-0/default,1,0"},
        {"TERM_PROGRAM": "vscode", "TERM": "xterm-256color"},
    ],
)
def test_other_terminals_are_sent_none(environ: dict[str, str]) -> None:
    assert drawing(environ) is None


def test_a_large_picture_goes_to_kitty_in_pieces() -> None:
    picture = bytes(10_000)
    draw = drawing({"TERM": "xterm-kitty"})

    assert draw is not None
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", draw(picture))
    assert [how[-3:] for how, _ in pieces] == ["m=1"] * 3 + ["m=0"]
    assert all(len(text) <= 4096 for _, text in pieces)
    assert base64.b64decode("".join(text for _, text in pieces)) == picture


def test_other_programs_get_an_icon_as_data() -> None:
    uri = data_uri(_ICON)

    assert uri is not None
    assert base64.b64decode(uri.removeprefix("data:image/png;base64,")) == _ICON
    assert data_uri(None) is None

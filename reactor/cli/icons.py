"""Small pictures on terminals that can show them: beside text, two columns wide, one row high."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

Draw = Callable[[bytes], str]

WIDTH = 2
_IN_PLACE = "\x1b7{}\x1b8\x1b[2C"  # terminals differ in where a picture leaves the cursor
_ITERM = ("iTerm.app", "WezTerm")
_KITTY = ("ghostty",)


def drawing(environ: Mapping[str, str]) -> Draw | None:
    """Return what draws a PNG on this terminal, by the protocol that it knows; None if it cannot."""
    term, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "")
    if "TMUX" in environ or "STY" in environ or term.startswith(("screen", "tmux", "dumb")):
        return None  # these pass no pictures on
    if "KITTY_WINDOW_ID" in environ or term in ("xterm-kitty", "xterm-ghostty"):
        return _kitty
    if program in _KITTY or "KONSOLE_VERSION" in environ:
        return _kitty
    if program in _ITERM or environ.get("LC_TERMINAL") == "iTerm2":
        return _iterm
    return None


def data_uri(picture: bytes | None) -> str | None:
    """Return a PNG as text that any other program can show."""
    return None if picture is None else f"data:image/png;base64,{_text(picture)}"


def _kitty(picture: bytes) -> str:
    """Draw by kitty's graphics protocol: data comes in pieces of 4096 bytes at most."""
    text = _text(picture)
    pieces = [text[at : at + 4096] for at in range(0, len(text), 4096)]
    head = f"a=T,f=100,q=2,c={WIDTH},r=1,"
    drawn = ""
    for number, piece in enumerate(pieces, 1):
        drawn += f"\x1b_G{head}m={int(number < len(pieces))};{piece}\x1b\\"
        head = ""
    return _IN_PLACE.format(drawn)


def _iterm(picture: bytes) -> str:
    """Draw by iTerm2's protocol for pictures in lines."""
    how = f"inline=1;size={len(picture)};width={WIDTH};height=1;preserveAspectRatio=1"
    return _IN_PLACE.format(f"\x1b]1337;File={how}:{_text(picture)}\x07")


def _text(picture: bytes) -> str:
    return base64.b64encode(picture).decode("ascii")

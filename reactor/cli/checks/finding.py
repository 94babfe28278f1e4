"""What a check found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the checklist; `todo` is empty where nothing is to be done."""

    level: Level
    about: str
    text: str
    todo: str = ""


def ok(about: str, text: str) -> Finding:
    """Return that something is as it should be."""
    return Finding("ok", about, text)


def warning(about: str, text: str, todo: str = "") -> Finding:
    """Return that something works, but not as well or as surely as it could."""
    return Finding("warning", about, text, todo)


def problem(about: str, text: str, todo: str = "") -> Finding:
    """Return that something does not work; what to do may stand in the text already."""
    return Finding("problem", about, text, todo)

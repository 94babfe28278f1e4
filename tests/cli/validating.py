"""`sitesync validate` as the tests call it, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.cli.machine import Machine

AT_ONCE: Mapping[str, Any] = {"vanish_grace": 0}  # what is gone is believed at once


def validate(machine: Machine, *more: str, site: str = "vendor") -> Any:
    return machine.answer("validate", "--site", site, *more)


def whats(answer: Any) -> list[tuple[str, str]]:
    return [(one["what"], one["path"].rpartition("}/")[2]) for one in answer["differences"]]


def counts(answer: Any) -> dict[str, int]:
    return {what: count for what, count in answer["counts"].items() if count}

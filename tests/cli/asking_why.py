"""What `why` answers, in the parts that tests look at."""

from __future__ import annotations

from typing import Any

from tests.cli.machine import Machine

Document = dict[str, Any]


def story(machine: Machine, document: object, site: str = "vendor") -> Document:
    """Return the only story of a representation's files."""
    (told,) = machine.answer("why", str(document), site)["stories"]
    found: Document = told
    return found


def finding(machine: Machine, document: object, site: str = "vendor") -> Document:
    """Return the deciding reason."""
    found: Document = story(machine, document, site)["findings"][0]
    return found


def lines(machine: Machine, document: object, site: str = "vendor") -> list[str]:
    """Return what people read."""
    return machine.call("why", str(document), site).stdout.splitlines()

"""
`make test-gdrive CREDENTIALS=key.json FOLDER=ID`: hold the emulator against the real service.

Works in a new folder below FOLDER (an id or an address), which ends in the trash. Prints what
it found for each question; ends with 1 where the service does something else than the emulator.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.account.gdrive.questions import QUESTIONS, Finding
from tests.account.gdrive.service import GOOGLE, Service, account


def main() -> int:
    """Ask everything, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.account.gdrive", description=__doc__)
    parser.add_argument("--credentials", type=Path, required=True, help="a service account's key")
    parser.add_argument("--folder", required=True, help="a folder that the account may write to")
    parser.add_argument("--service", default=GOOGLE, help="where the service is")
    given = parser.parse_args()
    asking = account(Service(given.service), given.credentials, given.folder)
    differs = False
    try:
        for question in QUESTIONS:
            finding = Finding(question, question.ask(asking))
            differs |= not finding.agrees
            _tell(finding)
    finally:
        asking.clear()
    return int(differs)


def _tell(finding: Finding) -> None:
    mark = "  " if finding.agrees else "≠ "
    sys.stdout.write(f"{mark}{finding.question.subject}: {finding.found}\n")
    if not finding.agrees:
        sys.stdout.write(f"    the emulator: {finding.question.assumed}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

"""
`make test-gdrive CREDENTIALS=key.json FOLDER=ID`: hold the emulator against the real service.

Works in a new folder below FOLDER (an id or an address), which ends in the trash. Prints what
it found for each question; ends with 1 where the service does something else than the emulator.
"""

from __future__ import annotations

import sys

from tests.account.gdrive.questions import QUESTIONS, Finding
from tests.account.gdrive.service import account, arguments


def main() -> int:
    """Ask everything, and return the exit code."""
    asking = account(arguments("python -m tests.account.gdrive", __doc__).parse_args())
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

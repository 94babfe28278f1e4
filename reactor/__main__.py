"""The program `sitesync`: Ctrl-C ends it without a word, also while it is being imported."""

from __future__ import annotations

import os
import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the program."""
    try:
        if os.environ.get("_SITESYNC_COMPLETE"):
            from reactor.cli.completion import complete  # noqa: PLC0415 - somebody waits for it

            complete()
        else:
            from reactor.cli.program import call  # noqa: PLC0415 - seconds on a busy machine

            call()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()

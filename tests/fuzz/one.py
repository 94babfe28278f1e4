"""One target under the fuzzer, which never returns: `python -m tests.fuzz.one NAME CORPUS …`."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from tests.fuzz.targets import fuzzed

_PACKAGES = ["reactor", "providers", "handlers", "config"]
_LONGEST = 4096

atheris: Any = import_module("atheris")  # it has no types


def main(name: str, corpus: str, seconds: str, failures: str) -> None:
    """Fuzz one target for some seconds; the process ends with another code than 0 if it fails."""
    with atheris.instrument_imports(include=_PACKAGES):
        run = fuzzed(name)
    options = {
        "max_total_time": seconds,
        "max_len": str(_LONGEST),
        "len_control": "0",
        "artifact_prefix": f"{failures}/",
    }
    atheris.Setup([name, corpus, *(f"-{key}={value}" for key, value in options.items())], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])

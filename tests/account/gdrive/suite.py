"""
`make test-gdrive`: the suite that every provider passes, on a real account.

Works in a new folder below FOLDER (an id or an address), which ends in the trash. What else is
given goes to pytest: `make test-gdrive … ARGS="-k marker"` runs a part of it.
"""

from __future__ import annotations

import subprocess
import sys

from tests.account.gdrive.service import account, arguments

_FOLDERS = "https://drive.google.com/drive/folders"


def main() -> int:
    """Run the suite, and return pytest's exit code."""
    given, pytests = arguments("python -m tests.account.gdrive.suite", __doc__).parse_known_args()
    trying = account(given, "tries")
    settings = {
        "key_file": given.credentials,
        "endpoint": given.service,
        "root": f"{_FOLDERS}/{trying.folder}",
    }
    command = [sys.executable, "-m", "pytest", "--pyargs", "providers.conformance"]
    command += ["--provider=gdrive"]
    command += [f"--provider-settings={key}={value}" for key, value in settings.items()]
    try:
        return subprocess.run([*command, *pytests], check=False).returncode
    finally:
        trying.clear()


if __name__ == "__main__":
    sys.exit(main())

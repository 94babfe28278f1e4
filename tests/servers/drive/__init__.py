"""
Google Drive v3 as clients see it, on a loopback socket: for tests, benchmarks and the demo.

Clients that others wrote against the real service judge it (`tests/emulators/drive`).
"""

from tests.servers.drive.accounts import OWNER
from tests.servers.drive.faults import Fault
from tests.servers.drive.running import GOOGLE_TOKENS, DriveEmulator, StoredFile, drive_emulator

__all__ = ["GOOGLE_TOKENS", "OWNER", "DriveEmulator", "Fault", "StoredFile", "drive_emulator"]

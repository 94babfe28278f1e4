"""Who may see and do what: owners, members of shared drives, and those it is shared with."""

from __future__ import annotations

from tests.servers.drive.accounts import Account
from tests.servers.drive.errors import drive_not_found, forbidden, not_found
from tests.servers.drive.files import File, Files
from tests.servers.drive.storage import Storage

ROLES = ("reader", "commenter", "writer", "fileOrganizer", "organizer", "owner")

_NONE = -1
_WRITER = ROLES.index("writer")
# Folders that were shared with an account, and all folders in them.
SHARED_FOLDERS = """
WITH RECURSIVE down(id) AS (
    SELECT file FROM permissions WHERE email = ?
    UNION SELECT f.id FROM files AS f JOIN down ON f.parent = down.id
    WHERE f.mime = 'application/vnd.google-apps.folder')
SELECT id FROM down
"""


class Access:
    """Roles, as they follow from owners and permissions on a file and the folders above it."""

    def __init__(self, storage: Storage, files: Files) -> None:
        self._storage = storage
        self._files = files

    def role(self, account: Account, file: File, known: dict[str, int] | None = None) -> str | None:
        """
        Return the best role that an account has on a file, or None if it may not see it.

        `known` keeps what was found of folders, for callers that ask for many files at once.
        """
        if file.drive is None and file.owner == account.email:
            return "owner"
        best = self._rank(account, file, {} if known is None else known)
        return ROLES[best] if best != _NONE else None

    def may(self, account: Account, file: File, role: str) -> bool:
        """Return whether an account has a role on a file, or a better one."""
        had = self.role(account, file)
        return had is not None and ROLES.index(had) >= ROLES.index(role)

    def visible(self, account: Account, file_id: str, *, all_drives: bool) -> File:
        """
        Return a file by its id or `root`, if the account may know of it.

        Shared drives are invisible to clients that do not say that they support them.
        """
        file = self._files.find(account.root if file_id == "root" else file_id)
        if file is None or self.role(account, file) is None:
            raise not_found(file_id)
        if file.drive is not None and not all_drives:
            raise not_found(file_id)
        return file

    def need(self, account: Account, file: File, role: str) -> None:
        """Refuse an account that has not this role, or a better one."""
        if not self.may(account, file, role):
            message = "The user does not have sufficient permissions for this file."
            raise forbidden("insufficientFilePermissions", message)

    def _rank(self, account: Account, file: File, known: dict[str, int]) -> int:
        query = "SELECT role FROM permissions WHERE file = ? AND email = ?"
        row = self._storage.row(query, file.id, account.email)
        best = _NONE if row is None else ROLES.index(row["role"])
        if file.owner == account.email:  # owning a folder lets one write what others put there
            best = max(best, _WRITER)
        if file.parent is None:
            return best
        if file.parent not in known:
            parent = self._files.find(file.parent)
            known[file.parent] = _NONE if parent is None else self._rank(account, parent, known)
        return max(best, known[file.parent])

    def drives(self, account: Account) -> list[str]:
        """Return the ids of the shared drives that an account is a member of."""
        rows = self._storage.rows(
            "SELECT d.id FROM drives AS d JOIN permissions AS p ON p.file = d.id"
            " WHERE p.email = ? ORDER BY d.name, d.id",
            account.email,
        )
        return [row["id"] for row in rows]

    def drive(self, account: Account, drive_id: str) -> str:
        """Return a shared drive's id, if the account is a member."""
        if drive_id not in self.drives(account):
            raise drive_not_found(drive_id)
        return drive_id

"""Files, changes, drives and accounts as the API shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.servers.drive.access import ROLES, Access
from tests.servers.drive.accounts import Account, Accounts
from tests.servers.drive.files import File, Files
from tests.servers.drive.storage import Row

Resource = dict[str, Any]
LARGEST = 5 * 1024**4


def told_time(ms: int) -> str:
    """Return a time as Drive writes it: RFC 3339 in UTC, three digits of a second."""
    seconds, rest = divmod(ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


class Resources:
    """Writes answers for an account: what it may not know is left out."""

    def __init__(self, accounts: Accounts, files: Files, access: Access) -> None:
        self._accounts = accounts
        self._files = files
        self._access = access

    def files(self, files: list[File], account: Account) -> list[Resource]:
        """Return many files."""
        known: dict[str, int] = {}
        return [self.file(file, account, known) for file in files]

    def file(self, file: File, account: Account, known: dict[str, int] | None = None) -> Resource:
        """Return a file with all its fields; `known` is for asking about many."""
        known = {} if known is None else known
        role = self._access.role(account, file, known) or "reader"
        told: Resource = {
            "kind": "drive#file",
            "id": file.id,
            "name": file.name,
            "mimeType": file.mime,
            "createdTime": told_time(file.created),
            "modifiedTime": told_time(file.modified),
            "trashed": file.trashed,
            "explicitlyTrashed": file.explicitly_trashed,
            "starred": False,
            "version": str(file.version),
            "spaces": ["drive"],
            "ownedByMe": file.drive is None and file.owner == account.email,
            "capabilities": _capabilities(role),
            "quotaBytesUsed": str(file.size or 0),
            "webViewLink": f"https://drive.google.com/file/d/{file.id}/view?usp=drivesdk",
            "isAppAuthorized": True,
            **file.details,
        }
        for which, values in file.properties.items():
            told |= {which: values} if values else {}
        if file.parent is not None and self._sees(account, file.parent, known):
            told["parents"] = [file.parent]
        told |= self._belongs(file, account)
        if file.blob is not None:
            told |= _content(file)
        return told

    def user(self, account: Account, *, me: bool = True) -> Resource:
        """Return an account."""
        return {
            "kind": "drive#user",
            "displayName": account.name,
            "me": me,
            "permissionId": account.permission_id,
            "emailAddress": account.email,
        }

    def about(self, account: Account) -> Resource:
        """Return who asks, and how much of the storage is used."""
        used, in_trash = self._files.used(account.email)
        return {
            "kind": "drive#about",
            "user": self.user(account),
            "storageQuota": {
                "limit": str(account.storage),
                "usage": str(used),
                "usageInDrive": str(used),
                "usageInDriveTrash": str(in_trash),
            },
            "maxUploadSize": str(LARGEST),
            "appInstalled": False,
            "canCreateDrives": not account.is_service,
            "importFormats": {},
            "exportFormats": {},
        }

    def drive(self, row: Row) -> Resource:
        """Return a shared drive."""
        return {
            "kind": "drive#drive",
            "id": row["id"],
            "name": row["name"],
            "createdTime": told_time(row["created"]),
            "hidden": False,
        }

    def _sees(self, account: Account, file_id: str, known: dict[str, int]) -> bool:
        if known.get(file_id, -1) >= 0:
            return True
        file = self._files.find(file_id)
        return file is not None and self._access.role(account, file, known) is not None

    def _belongs(self, file: File, account: Account) -> Resource:
        if file.drive is not None:
            return {"driveId": file.drive, "teamDriveId": file.drive}
        assert file.owner is not None
        owner = self._accounts.account(file.owner)
        mine = file.owner == account.email
        return {"owners": [self.user(owner, me=mine)], "shared": not mine}


def _content(file: File) -> Resource:
    told = {
        "size": str(file.size),
        "md5Checksum": file.md5,
        "sha1Checksum": file.sha1,
        "sha256Checksum": file.sha256,
        "headRevisionId": file.revision,
        "originalFilename": file.name,
        "fileExtension": file.name.rpartition(".")[2] if "." in file.name else "",
        "webContentLink": f"https://drive.google.com/uc?id={file.id}&export=download",
    }
    return {key: value for key, value in told.items() if value is not None}


def _capabilities(role: str) -> Resource:
    rank = ROLES.index(role)
    writes, organizes = rank >= ROLES.index("writer"), rank >= ROLES.index("fileOrganizer")
    return {
        "canEdit": writes,
        "canAddChildren": writes,
        "canRename": writes,
        "canDownload": True,
        "canCopy": True,
        "canTrash": organizes or role == "writer",
        "canDelete": rank >= ROLES.index("organizer"),
        "canListChildren": True,
    }

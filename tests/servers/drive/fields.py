"""
Partial answers: the language of `fields`, and what is left of an answer.

A name that the resource does not have is refused, as the service does; one that it has but
that is unset here is left out.
"""

from __future__ import annotations

import re
from typing import Any

from tests.servers.drive.errors import DriveError

Selection = dict[str, Any]

FILE_FIELDS = frozenset(
    [
        "appProperties",
        "capabilities",
        "clientEncryptionDetails",
        "contentHints",
        "contentRestrictions",
        "copyRequiresWriterPermission",
        "createdTime",
        "description",
        "downloadRestrictions",
        "driveId",
        "explicitlyTrashed",
        "exportLinks",
        "fileExtension",
        "folderColorRgb",
        "fullFileExtension",
        "hasAugmentedPermissions",
        "hasThumbnail",
        "headRevisionId",
        "iconLink",
        "id",
        "imageMediaMetadata",
        "inheritedPermissionsDisabled",
        "isAppAuthorized",
        "kind",
        "labelInfo",
        "lastModifyingUser",
        "linkShareMetadata",
        "md5Checksum",
        "mimeType",
        "modifiedByMe",
        "modifiedByMeTime",
        "modifiedTime",
        "name",
        "originalFilename",
        "ownedByMe",
        "owners",
        "parents",
        "permissionIds",
        "permissions",
        "properties",
        "quotaBytesUsed",
        "resourceKey",
        "sha1Checksum",
        "sha256Checksum",
        "shared",
        "sharedWithMeTime",
        "sharingUser",
        "shortcutDetails",
        "size",
        "spaces",
        "starred",
        "teamDriveId",
        "thumbnailLink",
        "thumbnailVersion",
        "trashed",
        "trashedTime",
        "trashingUser",
        "version",
        "videoMediaMetadata",
        "viewedByMe",
        "viewedByMeTime",
        "viewersCanCopyContent",
        "webContentLink",
        "webViewLink",
        "writersCanShare",
    ]
)
_KNOWN = {
    "file": FILE_FIELDS,
    "files": frozenset({"files", "incompleteSearch", "kind", "nextPageToken"}),
    "change": frozenset(
        {"changeType", "drive", "driveId", "file", "fileId", "kind", "removed", "time", "type"}
        | {"teamDrive", "teamDriveId"}
    ),
    "changes": frozenset({"changes", "kind", "newStartPageToken", "nextPageToken"}),
    "about": frozenset(
        {"appInstalled", "canCreateDrives", "canCreateTeamDrives", "driveThemes", "exportFormats"}
        | {"folderColorPalette", "importFormats", "kind", "maxImportSizes", "maxUploadSize"}
        | {"storageQuota", "teamDriveThemes", "user"}
    ),
    "drive": frozenset(
        {"backgroundImageFile", "backgroundImageLink", "capabilities", "colorRgb", "createdTime"}
        | {"hidden", "id", "kind", "name", "orgUnitId", "restrictions", "themeId"}
    ),
    "drives": frozenset({"drives", "kind", "nextPageToken"}),
}
_WITHIN = {
    ("files", "files"): "file",
    ("changes", "changes"): "change",
    ("change", "file"): "file",
    ("drives", "drives"): "drive",
    ("change", "drive"): "drive",
}
_TOKEN = re.compile(r"\s*([A-Za-z0-9]+|[*,/()])\s*")


def parse_fields(text: str, resource: str) -> Selection:
    """Return what `fields` selects of a resource, as names within names; empty is all."""
    tokens: list[str] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise _refused(text)
        tokens.append(match.group(1))
        place = match.end()
    selection = _many(tokens, resource)
    if tokens:
        raise _refused(text)
    return selection


def selected(value: Any, selection: Selection) -> Any:
    """Return what is selected of an answer."""
    if not selection or "*" in selection:
        return value
    if isinstance(value, list):
        return [selected(each, selection) for each in value]  # pyright: ignore[reportUnknownVariableType]  # JSON
    if not isinstance(value, dict):
        return value
    return {key: selected(value[key], within) for key, within in selection.items() if key in value}


def _many(tokens: list[str], resource: str | None) -> Selection:
    selection: Selection = {}
    while True:
        name, within = _one(tokens, resource)
        selection.setdefault(name, {}).update(within)
        if not tokens or tokens[0] != ",":
            return selection
        tokens.pop(0)


def _one(tokens: list[str], resource: str | None) -> tuple[str, Selection]:
    if not tokens or tokens[0] in ",/()":
        raise _refused(" ".join(tokens))
    name = tokens.pop(0)
    if resource in _KNOWN and name != "*" and name not in _KNOWN[resource]:
        raise _refused(name)
    inner = _WITHIN.get((resource or "", name))
    if tokens and tokens[0] == "/":
        tokens.pop(0)
        below, within = _one(tokens, inner)
        return name, {below: within}
    if tokens and tokens[0] == "(":
        tokens.pop(0)
        selection = _many(tokens, inner)
        if not tokens or tokens.pop(0) != ")":
            raise _refused(name)
        return name, selection
    return name, {}


def _refused(name: str) -> DriveError:
    message = f"Invalid field selection {name}"
    return DriveError(400, "invalidParameter", message, parameter="fields")

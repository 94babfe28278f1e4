"""
Which names a provider accepts below a root, and which are its own. Pure: no I/O.

No path that comes from a database may leave its root, hit a marker, or pass for staged bytes.
"""

from __future__ import annotations

import os
import re

from providers.base import (
    MARKER_NAME,
    STAGED_PREFIX,
    STAGED_SUFFIX,
    Location,
    PermanentFileError,
)

_DRIVE = re.compile(r"^[A-Za-z]:([/\\]|$)")
_RESERVED = re.compile(
    r"^(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])(\.|$)", re.IGNORECASE
)
_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"|?*\\]')

NAMELESS = "its name is not Unicode, so no document can hold it; rename it"

_CLAIM = re.compile(r"[A-Za-z0-9_-]+")


def components(where: Location) -> tuple[str, ...]:
    """Return the names that lead from the root to a file, or refuse a path that is no such thing."""
    parts = tuple(where.path.split("/"))
    if flaw := _path_flaw(where.path, parts):
        raise PermanentFileError(f"{str(where)!r} is refused: {flaw}; correct the path")
    return parts


def staged_name(claim: str) -> str:
    """Return the name that staged bytes of a claim have, in the folder of their target."""
    if not _CLAIM.fullmatch(claim):
        raise ValueError(f"{claim!r} cannot be a claim id: letters and digits only")
    return f"{STAGED_PREFIX}{claim}{STAGED_SUFFIX}"


def claim_of(name: str) -> str | None:
    """Return the claim for which bytes are staged under a name, or None for other names."""
    claim = name.removeprefix(STAGED_PREFIX).removesuffix(STAGED_SUFFIX)
    return claim if _CLAIM.fullmatch(claim) and staged_name(claim) == name else None


def is_ours(name: str) -> bool:
    """Return whether a name is a marker's or that of staged bytes, on any kind of disk."""
    if not name.startswith("."):
        return False
    name = name.casefold()
    return name == MARKER_NAME or (name.startswith(STAGED_PREFIX) and name.endswith(STAGED_SUFFIX))


def is_unicode(text: str) -> bool:
    """Return whether a name can stand in a document: not all that a disk holds can."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def shown(name: str) -> str:
    """Return a name that is not Unicode in characters that are, for people to find it by."""
    return os.fsencode(name).decode(errors="backslashreplace")


def windows_flaw(name: str) -> str | None:
    """Return why Windows cannot hold a file or folder of this name, or None if it can."""
    if _FORBIDDEN.search(name):
        return f'{name!r} has one of < > : " | ? * \\ or a control character, which Windows forbids'
    if _RESERVED.match(name):
        return f"{name!r} is a device's name on Windows"
    if name[-1:] in {".", " "}:
        return f"{name!r} ends with a dot or a space, which Windows drops"
    return None


def _path_flaw(path: str, parts: tuple[str, ...]) -> str | None:
    flaw = None
    if "\0" in path:
        flaw = "it holds a NUL character"
    elif not is_unicode(path):
        flaw = "it is not valid Unicode"
    elif path.startswith("/") or _DRIVE.match(path):
        flaw = "it is absolute, and would leave its root"
    elif ".." in parts:
        flaw = "'..' would leave its root"
    elif "" in parts or "." in parts:
        flaw = "it has an empty or '.' component"
    elif any(map(is_ours, parts)):
        flaw = "this name belongs to SiteSync itself"
    return flaw

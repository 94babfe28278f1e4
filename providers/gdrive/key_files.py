"""A service account's key file, read once, with a clear word where it cannot serve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from providers.base import SiteError

SCOPE = "https://www.googleapis.com/auth/drive"
_NEEDED = ("client_email", "private_key", "token_uri")
_ADVICE = "make a JSON key for a service account in the Google Cloud console"
_KINDS = {
    "authorized_user": "a person's own login",
    "external_account": "a login of another cloud",
    "impersonated_service_account": "a login through another account",
}


def load_key(site: str, file: Path) -> dict[str, Any]:
    """Return the key in a file, as aiogoogle takes it. Blocks."""
    try:
        key = json.loads(_read(site, file))
    except ValueError:
        raise _refused(site, f"{file} is no JSON; {_ADVICE}") from None
    if not isinstance(key, dict):
        raise _refused(site, f"{file} is no key; {_ADVICE}")
    found = cast("dict[str, Any]", key)
    if flaw := _flaw(found):
        raise _refused(site, f"{file} {flaw}; {_ADVICE}")
    return {**found, "scopes": [SCOPE]}


def _read(site: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _refused(
            site, f"there is no key file {file}; correct key_file, or mount the disk that it is on"
        ) from None
    except PermissionError:
        raise _refused(site, f"key file {file} may not be read by this user; permit it") from None
    except OSError as error:
        raise _refused(site, f"key file {file} cannot be read: {error.strerror}") from None


def _flaw(key: dict[str, Any]) -> str | None:
    if "installed" in key or "web" in key:
        return "names a program (an OAuth client), not an account"
    kind = key.get("type")
    if kind != "service_account":
        known = _KINDS.get(kind) if isinstance(kind, str) else None
        return f"is {known or 'a key of another kind'}, not a service account's key"
    missing = [name for name in _NEEDED if not isinstance(key.get(name), str)]
    return f"lacks {' and '.join(missing)}" if missing else None


def _refused(site: str, message: str) -> SiteError:
    return SiteError("settings", f"site {site!r}: {message}")

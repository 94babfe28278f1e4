"""The one place where Google's word becomes an error that an artist can act on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from providers.base import (
    FileError,
    Handle,
    Location,
    MissingFileError,
    PermanentFileError,
    ProviderError,
    SiteError,
)
from providers.gdrive.refusals import RefusedError

_NO_MORE_FILES = "has as many files as Google allows; delete some, or use another shared drive"
_DENIED = (
    "{email} may not do this to {name}; in Drive, make that address Editor (in a shared drive: "
    "Content manager) of its folder, then retry"
)
# What stops the whole site, by Google's reason for a 403.
_OF_SITE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "accessNotConfigured": (
            "settings",
            "the Google Drive API is not enabled in the project of {email}; enable it in the "
            "Google Cloud console (APIs & Services), then wait a few minutes",
        ),
        "dailyLimitExceeded": (
            "quota",
            "the project of {email} has used up its calls for today; raise that quota in the "
            "Google Cloud console, or wait until tomorrow",
        ),
        "quotaExceeded": (
            "quota",
            "{email} has used up its quota at Google; raise it in the Google Cloud console, or "
            "wait until tomorrow",
        ),
        "downloadQuotaExceeded": (
            "quota",
            "Google lets nothing more be downloaded today; it goes on tomorrow",
        ),
        "teamDriveFileLimitExceeded": ("full", "its shared drive " + _NO_MORE_FILES),
        "activeItemCreationLimitExceeded": ("full", "{email} " + _NO_MORE_FILES),
        "domainPolicy": (
            "login",
            "the domain's administrator does not let {email} use Drive; ask them to",
        ),
    }
)
# What only somebody who changes something can mend, of one file.
_OF_FILE: Mapping[str, str] = MappingProxyType(
    {
        "uploadTooLarge": "{name} is larger than Google Drive takes (5 TiB)",
        "numChildrenInNonRootLimitExceeded": "the folder of {name} " + _NO_MORE_FILES,
        "teamDriveHierarchyTooDeep": "{name} lies deeper than Google allows folders to be",
        "myDriveHierarchyDepthLimitExceeded": "{name} lies deeper than Google allows folders to be",
        "cannotDownloadAbusiveFile": "Google takes {name} for malware and hands it to its owner "
        "only; look at it in Drive",
        "fileNotDownloadable": "{name} is a Google document, which has no bytes of its own; export "
        "it in Drive",
        "insufficientFilePermissions": _DENIED,
        "insufficientParentPermissions": _DENIED,
        "insufficientPermissions": _DENIED,
        "forbidden": _DENIED,
        "cannotAddParent": _DENIED,
    }
)


@dataclass(frozen=True, slots=True)
class Words:
    """Says what went wrong at one site; `email` is the account that works there."""

    site: str
    email: str

    def of(self, error: RefusedError, where: Location | Handle | str) -> ProviderError:
        """Return the error for a request about a file (or a place, as people call it)."""
        if found := self._of_site(error):
            return found
        name = str(where.where if isinstance(where, Handle) else where)
        if error.is_missing:
            return self.missing(name)
        reason = "uploadTooLarge" if error.status == 413 else error.reason
        if text := _OF_FILE.get(reason):
            text = text.format(name=f"{name} at site {self.site!r}", email=self.email)
            return PermanentFileError(text)
        return FileError(f"site {self.site!r} refused {name}: {error.message or error}")

    def of_site(self, error: RefusedError) -> ProviderError:
        """Return the error for a request that is about no file."""
        return self._of_site(error) or SiteError(
            "unreachable", f"site {self.site!r}: Google answered {error}; it is tried again"
        )

    def missing(self, where: Location | Handle | str) -> MissingFileError:
        """Return the error for a file that is not there."""
        name = str(where.where if isinstance(where, Handle) else where)
        return MissingFileError(f"{name} is not at site {self.site!r}")

    def may_not_write(self, place: str) -> SiteError:
        """Return the error for a folder that may be read only."""
        return SiteError(
            "read-only",
            f"site {self.site!r}: {self.email} may only look at {place}; in Drive, share it with "
            "that address as Editor (in a shared drive: as Content manager)",
        )

    def not_shared(self, path: str, folder: str) -> SiteError:
        """Return the error for a root that the account does not see."""
        return SiteError(
            "settings",
            f"site {self.site!r}: no folder {path!r} is shared; in Drive, share the folder "
            f"{folder!r} with {self.email} as Editor (in a shared drive: add that address as "
            "Content manager), or correct root",
        )

    def login(self, why: str) -> SiteError:
        """Return the error for an account that is not let in."""
        return SiteError("login", f"site {self.site!r}: {why}")

    def unreachable(self, error: RefusedError) -> SiteError:
        """Return the error for a service that does not answer, or only with its own trouble."""
        why = error.message or f"error {error.status}"
        return SiteError(
            "unreachable",
            f"site {self.site!r}: Google Drive does not answer ({why}); it is tried again",
            error.wait,
        )

    def _of_site(self, error: RefusedError) -> SiteError | None:
        if error.status == 401:
            return self.login(f"Google does not let {self.email} in; is its key revoked?")
        if error.is_rate:
            return SiteError(
                "rate",
                f"site {self.site!r}: Google allows {self.email} no more calls just now; it goes "
                "on by itself (a lower calls_per_second avoids this)",
                error.wait,
            )
        if error.is_passing:
            return self.unreachable(error)
        if error.status == 403 and error.reason == "storageQuotaExceeded":
            return SiteError("full", f"site {self.site!r}: {self._no_storage(error)}")
        if error.status == 403 and error.reason in _OF_SITE:
            kind, text = _OF_SITE[error.reason]
            return SiteError(kind, f"site {self.site!r}: {text.format(email=self.email)}")
        return None

    def _no_storage(self, error: RefusedError) -> str:
        if "Service Accounts" in error.message:
            return (
                f"Google gives {self.email} no storage of its own: it can make no files in My "
                "Drive; use a folder in a shared drive, with that address as Content manager"
            )
        return "the storage at Google is used up; empty the trash, delete files, or buy more"

"""
What goes wrong at a site, as one family: whose failure it is, and whether trying again helps.

Authors import these from `providers.base`.
"""

from __future__ import annotations

from typing import ClassVar


class ProviderError(Exception):
    """Something went wrong at a site. The text tells an artist what to do next."""


SITE_ERRORS = frozenset(
    {"unreachable", "login", "quota", "full", "read-only", "marker", "rate", "settings", "provider"}
)


class SiteError(ProviderError):
    """
    The site as a whole cannot serve: no file is to blame and no file's `tries` grows.

    `kind` is one of `SITE_ERRORS`; `provider` means that the provider itself is broken.
    `site` is filled in above the border, where a transfer knows which of its ends failed.
    """

    site: str | None = None

    def __init__(self, kind: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after = retry_after


class FileError(ProviderError):
    """This one file cannot be served; others may. Trying again later may help."""

    permanent: ClassVar[bool] = False


class PermanentFileError(FileError):
    """This file cannot be served until somebody changes something (a name, a link, a right)."""

    permanent: ClassVar[bool] = True


class MissingFileError(FileError):
    """There is no such file."""


class ChangedFileError(FileError):
    """A file changed while it was read, or is not the one it was said to be."""


class RevokedError(ProviderError):
    """
    The staged bytes are gone or were never ours: somebody else holds the claim now.

    Where handles have a token, a service may also have dropped an upload by itself.
    """

"""The one place where a server's word becomes an error that an artist can act on."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from providers.base import (
    ChangedFileError,
    FileError,
    Handle,
    Location,
    MissingFileError,
    PermanentFileError,
    ProviderError,
    RevokedError,
    SiteError,
)
from providers.s3.refusals import NoAnswerError, RefusedError
from providers.s3.wire import is_busy

Doing = Literal["reading", "writing", "looking"]

_UNKNOWN_KEY = frozenset(
    {"InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"}
)
_OLD_TOKEN = frozenset({"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "RequestExpired"})
_ACCOUNT = frozenset({"AccountProblem", "AllAccessDisabled", "NotSignedUp", "InvalidPayer"})
_FULL = frozenset(
    {"XMinioStorageFull", "StorageFull", "InsufficientCapacity", "InsufficientStorage"}
)
_QUOTA = frozenset(
    {
        "QuotaExceeded",
        "XMinioAdminBucketQuotaExceeded",
        "StorageCapExceeded",
        "StorageQuotaExceeded",
        "BucketQuotaExceeded",
    }
)
_NAME = frozenset({"KeyTooLongError", "InvalidURI", "XMinioInvalidObjectName", "InvalidObjectName"})
_CHANGED = frozenset({"PreconditionFailed", "InvalidRange"})
_LOGIN_AGAIN = "its credentials have expired; renew them (with single sign-on: aws sso login)"
_DAMAGED = frozenset(
    {"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "ContentSHA256Mismatch"}
)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says what goes wrong at one bucket of a site."""

    site: str
    bucket: str
    address: str
    region: str

    @contextmanager
    def explained(self, where: Location | Handle | str, doing: Doing) -> Generator[None]:
        """Translate what the server refuses, or leaves unanswered, within the block."""
        try:
            yield
        except RefusedError as error:
            raise self.translated(error, where, doing) from error
        except NoAnswerError as error:
            raise self.unreachable(str(error)) from error

    def translated(
        self, error: RefusedError, where: Location | Handle | str, doing: Doing
    ) -> ProviderError:
        """Return the provider's error for what was refused about a file."""
        name = str(where.where if isinstance(where, Handle) else where)
        if told := self._about_site(error) or self._about_rights(error, name, doing):
            return told
        return self._about_file(error, where, name)

    def unreachable(self, why: str) -> SiteError:
        """Return the error for a server that does not answer."""
        return SiteError(
            "unreachable", f"site {self.site!r} cannot be reached at {self.address}: {why}"
        )

    def missing(self, where: Location | str) -> MissingFileError:
        """Return the error for a file that is not there."""
        return MissingFileError(f"{where} is not at site {self.site!r}")

    def damaged(self, handle: Handle) -> FileError:
        """Return the error for bytes that arrived as others than they were sent."""
        return FileError(
            f"{handle.where} was damaged on its way to site {self.site!r}; it is sent again"
        )

    def _about_site(self, error: RefusedError) -> SiteError | None:
        if is_busy(error):
            text = f"site {self.site!r} asks for fewer requests; it is tried again later"
            return SiteError("rate", text, error.retry_after)
        found = self._about_room(error) or self._about_settings(error)
        if found is not None:
            kind, text = found
            return SiteError(kind, f"site {self.site!r}: {text}")
        if error.status >= 500:
            return self.unreachable(f"it answers with an error of its own ({error})")
        return None

    def _about_room(self, error: RefusedError) -> tuple[str, str] | None:
        if error.code in _QUOTA:
            return "quota", "the quota is used up; free some room there"
        if error.code in _FULL or error.status == 507:
            return "full", "it has no room left; free some there"
        return None

    def _about_settings(self, error: RefusedError) -> tuple[str, str] | None:
        code = error.code
        known = {
            "NoSuchBucket": ("settings", self._no_bucket()),
            "InvalidBucketName": ("settings", f"{self.bucket!r} is no bucket's name; correct it"),
            "SignatureDoesNotMatch": ("login", "its secret_key does not belong to its access_key"),
            "RequestTimeTooSkewed": ("settings", "this machine's clock is wrong; set it right"),
            "PermanentRedirect": ("settings", self._region(error)),
            "AuthorizationHeaderMalformed": ("settings", self._region(error)),
            **dict.fromkeys(_UNKNOWN_KEY, ("login", "its access_key is not known; correct it")),
            **dict.fromkeys(_OLD_TOKEN, ("login", _LOGIN_AGAIN)),
            **dict.fromkeys(
                _ACCOUNT, ("login", f"its account is closed or suspended ({code}); ask its owner")
            ),
        }
        if code.startswith("KMS."):
            text = f"the key that encrypts bucket {self.bucket!r} cannot be used ({code}); mend it"
            return "settings", text
        if error.status == 501:
            return "settings", f"its server lacks a request that is needed ({error})"
        return known.get(code)

    def _no_bucket(self) -> str:
        return f"there is no bucket {self.bucket!r} at {self.address}; make it, or correct bucket"

    def _region(self, error: RefusedError) -> str:
        if error.region and error.region != self.region:
            return f'its bucket is in another region: set region = "{error.region}"'
        return f"region {self.region!r} is not the one of its bucket; correct region"

    def _about_rights(self, error: RefusedError, name: str, doing: Doing) -> ProviderError | None:
        if error.status not in (401, 403) or error.code == "InvalidObjectState":
            return None
        if doing == "reading":
            return PermanentFileError(
                f"site {self.site!r} does not let {name} be read ({error.code}); give its key the "
                "right s3:GetObject there, then retry"
            )
        if doing == "writing":
            return SiteError(
                "read-only",
                f"site {self.site!r} lets nothing be written in bucket {self.bucket!r}; give its "
                "key the rights s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload",
            )
        return SiteError(
            "login",
            f"site {self.site!r} does not let its key see bucket {self.bucket!r}; give it the rights "
            "s3:ListBucket and s3:GetObject",
        )

    def _about_file(
        self, error: RefusedError, where: Location | Handle | str, name: str
    ) -> ProviderError:
        if isinstance(where, Handle) and error.code == "NoSuchUpload":
            return revoked(where)
        if isinstance(where, Handle) and error.code in _DAMAGED:
            return self.damaged(where)
        if error.status == 404:
            return self.missing(name)
        if error.code in _CHANGED:
            return ChangedFileError(
                f"{name} changed at site {self.site!r} while it was read; it is read again once it "
                "is at rest"
            )
        if text := self._about_for_good(error, name):
            return PermanentFileError(text)
        return FileError(f"site {self.site!r} failed on {name}: {error}")

    def _about_for_good(self, error: RefusedError, name: str) -> str | None:
        if error.code == "EntityTooLarge":
            return f"{name} is larger than site {self.site!r} takes; split the file"
        if error.code == "InvalidObjectState":
            return f"{name} is archived at site {self.site!r}; restore it there, then retry"
        named = error.code == "InvalidArgument" and "name" in error.message.lower()
        if named or error.code in _NAME:
            return f"site {self.site!r} takes no name like {name}; rename the file"
        return None


def revoked(handle: Handle) -> RevokedError:
    """Return the error for staged bytes that are not there any more."""
    return RevokedError(f"what claim {handle.claim} staged for {handle.where} is gone")

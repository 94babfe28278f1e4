"""What Google answers when it refuses, in its exact JSON shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_STATUS_NAMES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}


class DriveError(Exception):
    """An error of the Drive API: a status, and a reason that clients decide by."""

    def __init__(self, status: int, reason: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.domain: str = more.get("domain", "global")
        self.parameter: str | None = more.get("parameter")
        self.headers: Mapping[str, str] = more.get("headers", {})
        self.details: list[dict[str, Any]] | None = more.get("details")

    def body(self) -> dict[str, Any]:
        """Return the answer's JSON."""
        entry: dict[str, Any] = {
            "message": self.message,
            "domain": self.domain,
            "reason": self.reason,
        }
        if self.parameter is not None:
            kind = "header" if self.parameter == "Authorization" else "parameter"
            entry |= {"location": self.parameter, "locationType": kind}
        error: dict[str, Any] = {"code": self.status, "message": self.message, "errors": [entry]}
        if self.details is not None or self.status == 401:
            error["status"] = _STATUS_NAMES[self.status]
        if self.details is not None:
            error["details"] = self.details
        return {"error": error}


class OAuthError(Exception):
    """A refusal of the token endpoint, which has a shape of its own."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description

    def body(self) -> dict[str, Any]:
        """Return the answer's JSON."""
        return {"error": self.error, "error_description": self.description}


def not_found(file_id: str) -> DriveError:
    """Tell that there is no such file, or that the account may not know of it."""
    return DriveError(404, "notFound", f"File not found: {file_id}.", parameter="fileId")


def drive_not_found(drive_id: str) -> DriveError:
    """Tell that there is no such shared drive, or that the account is no member."""
    message = f"Shared drive not found: {drive_id}"
    return DriveError(404, "notFound", message, parameter="driveId")


def forbidden(reason: str, message: str, parameter: str | None = None) -> DriveError:
    """Refuse something that the account may see but not do."""
    return DriveError(403, reason, message, parameter=parameter)


def invalid(parameter: str, message: str = "Invalid Value", reason: str = "invalid") -> DriveError:
    """Refuse a parameter."""
    return DriveError(400, reason, message, parameter=parameter)


def bad_upload(message: str) -> DriveError:
    """Refuse the bytes or the ranges of an upload."""
    return DriveError(400, "badRequest", message)


def unauthenticated() -> DriveError:
    """Refuse a request without a token that is valid now."""
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential. See "
        "https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
    headers = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'}
    return DriveError(401, "authError", message, parameter="Authorization", headers=headers)


def no_storage() -> DriveError:
    """Tell a service account that it owns no storage."""
    message = (
        "Service Accounts do not have storage quota. Leverage shared drives "
        "(https://developers.google.com/workspace/drive/api/guides/about-shareddrives), or use "
        "OAuth delegation (http://support.google.com/a/answer/7281227) instead."
    )
    return DriveError(403, "storageQuotaExceeded", message, domain="usageLimits")


def storage_full() -> DriveError:
    """Tell that an owner's storage is used up."""
    message = "The user's Drive storage quota has been exceeded."
    return DriveError(403, "storageQuotaExceeded", message, domain="usageLimits")


def rate_limited(status: int = 403) -> DriveError:
    """Tell that the calls of this minute are used up."""
    reason = "rateLimitExceeded" if status == 429 else "userRateLimitExceeded"
    message = (
        "User Rate Limit Exceeded. Rate of requests for user exceed configured project quota, "
        "you may consider re-evaluating expected per-user traffic to the API and adjust project "
        "quota limits accordingly."
    )
    return DriveError(status, reason, message, domain="usageLimits")


def api_disabled(project: str) -> DriveError:
    """Tell that nobody has switched the Drive API on in the key's project."""
    url = f"https://console.developers.google.com/apis/api/drive.googleapis.com/overview?project={project}"
    message = (
        f"Google Drive API has not been used in project {project} before or it is disabled. Enable "
        f"it by visiting {url} then retry. If you enabled this API recently, wait a few minutes "
        "for the action to propagate to our systems and retry."
    )
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "SERVICE_DISABLED",
        "domain": "googleapis.com",
        "metadata": {"service": "drive.googleapis.com", "consumer": f"projects/{project}"},
    }
    more = {"domain": "usageLimits", "details": [info]}
    return DriveError(403, "accessNotConfigured", message, **more)

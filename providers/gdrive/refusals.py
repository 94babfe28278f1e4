"""What Google answers when it refuses, read once; `providers.gdrive.errors` says it to people."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, cast

_RATE = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded"})
_NO_ANSWER = 0


class RefusedError(Exception):
    """
    A request that was not answered as it should be.

    `status` is 0 where no answer came, and `reason` Google's word for why; `wait` is what its
    Retry-After asks for, in seconds. It never leaves this package.
    """

    def __init__(
        self, status: int, reason: str = "", message: str = "", wait: float | None = None
    ) -> None:
        super().__init__(f"{status} {reason} {message}".strip())
        self.status = status
        self.reason = reason
        self.message = message
        self.wait = wait

    @property
    def is_rate(self) -> bool:
        """Whether there were too many calls."""
        return self.status == 429 or (self.status == 403 and self.reason in _RATE)

    @property
    def is_passing(self) -> bool:
        """Whether the same request may be answered later."""
        return self.is_rate or self.status in (_NO_ANSWER, 408) or self.status >= 500

    @property
    def is_missing(self) -> bool:
        """Whether there is no such thing, as far as this account may know."""
        return self.status == 404


def unanswered(error: Exception) -> RefusedError:
    """Return what is said where no answer came."""
    return RefusedError(_NO_ANSWER, message=str(error) or type(error).__name__)


def refused(status: int, headers: Mapping[str, str], body: object, now: float) -> RefusedError:
    """Return what an answer says that is no success; `now` is the time since the epoch."""
    wait = _wait(headers.get("Retry-After"), now)
    error = _field(body, "error")
    if not isinstance(error, dict):  # not Google's own JSON: a proxy, or a load balancer
        return RefusedError(status, wait=wait)
    told = cast("dict[str, Any]", error)
    entries: list[dict[str, Any]] = told.get("errors") or [{}]
    details: list[dict[str, Any]] = told.get("details") or []
    reason = str(entries[0].get("reason") or told.get("status") or "")
    if any(each.get("reason") == "SERVICE_DISABLED" for each in details):
        reason = "accessNotConfigured"
    return RefusedError(status, reason, str(told.get("message") or ""), wait)


def _field(body: object, name: str) -> object:
    return cast("dict[str, object]", body).get(name) if isinstance(body, dict) else None


def _wait(header: str | None, now: float) -> float | None:
    """Return the seconds that a Retry-After asks for: it may be a number, or a date."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except ValueError:
        return None

"""What Google answers when it refuses, read once; `providers.gdrive.errors` says it to people."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import cast

_RATE = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded"})
_NO_ANSWER = 0
_LONGEST_WAIT = 24 * 3600.0
_LONGEST_MESSAGE = 500


class RefusedError(Exception):
    """
    A request that was not answered as it should be.

    `status` is 0 where no answer came, and `reason` Google's word for why; `wait` is what its
    Retry-After asks for, in seconds. It never leaves this package.
    """

    def __init__(
        self, status: int, reason: str = "", message: str = "", wait: float | None = None
    ) -> None:
        reason, message = _one_line(reason), _one_line(message)
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


def _one_line(text: str) -> str:
    """Return what somebody else's words may be in a message: short, and steering no terminal."""
    return "".join(char if char.isprintable() else " " for char in text[:_LONGEST_MESSAGE])


def unanswered(error: Exception) -> RefusedError:
    """Return what is said where no answer came."""
    return RefusedError(_NO_ANSWER, message=str(error) or type(error).__name__)


def refused(status: int, headers: Mapping[str, str], body: object, now: float) -> RefusedError:
    """Return what an answer says that is no success; `now` is the time since the epoch."""
    wait = _wait(headers.get("Retry-After"), now)
    error = _field(body, "error")
    if not isinstance(error, dict):  # not Google's own JSON: a proxy, or a load balancer
        return RefusedError(status, wait=wait)
    told = cast("dict[str, object]", error)
    entries, details = _entries(told, "errors"), _entries(told, "details")
    reason = _text(_field(entries[0], "reason") if entries else None)
    if any(_field(each, "reason") == "SERVICE_DISABLED" for each in details):
        reason = "accessNotConfigured"
    message = _text(_field(told, "message"))
    return RefusedError(status, reason or _text(_field(told, "status")), message, wait)


def _field(body: object, name: str) -> object:
    return cast("dict[str, object]", body).get(name) if isinstance(body, dict) else None


def _entries(body: object, name: str) -> list[object]:
    found = _field(body, name)
    return cast("list[object]", found) if isinstance(found, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _wait(header: str | None, now: float) -> float | None:
    """Return the seconds that a Retry-After asks for: it may be a number, or a date."""
    if not header:
        return None
    try:
        return min(max(0.0, float(header)), _LONGEST_WAIT)
    except ValueError:
        pass
    try:
        wait = parsedate_to_datetime(header).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, wait), _LONGEST_WAIT)

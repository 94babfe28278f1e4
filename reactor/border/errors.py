"""What a provider raises, as what callers know: its own family, or what stands for a fault of it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import cast

import anyio
import structlog

from providers.base import SITE_ERRORS, FileError, ProviderError, SiteError
from reactor.border.secrets import SECRETS

log = structlog.stdlib.get_logger()

_STRIKES = 3  # unexpected failures in a row, of whatever files, that make one of the site
_MOST = 200  # characters of what somebody else's error says
_OUT_OF_REACH = (ConnectionError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Terms:
    """
    How a provider is used: its kind, seconds without progress until it counts as silent.

    One that is `apart` is another package's and gets a thread of its own.
    """

    provider: str = "built-in"
    timeout: float = 120.0
    apart: bool = False


@dataclass(slots=True)
class Blame:
    """Says for one site what became of a call."""

    site: str
    terms: Terms
    _strikes: int = 0

    def served(self) -> None:
        """Take note that a file was published, or read to its end."""
        self._strikes = 0

    def told(self, error: BaseException, what: str, *, of_site: bool) -> BaseException:
        """
        Return what is to be raised for an error, which may be that error itself.

        What the provider did not translate is a failure of the site where `of_site`, else of
        the file that the call was about; but if nothing else happens any more, of the site, too:
        files cost no tries then, and are served once the provider is mended.
        """
        error = leaf(error)
        match error:
            case ProviderError():
                return self._own(error)
            case KeyboardInterrupt() if not self.terms.apart:
                return error
            case asyncio.CancelledError() if is_cancelled():
                return error
            case _:
                return self._foreign(error, what, of_site=of_site)

    def silent(self, what: str) -> SiteError:
        """Return the error for a call that has not come to an end in time."""
        return self._site_error(
            "unreachable",
            f"site {self.site!r} has not answered for {self.terms.timeout:g} seconds ({what}); "
            f"it is tried again. If it is only slow, set a longer timeout under [sites.{self.site}]",
        )

    def stuck(self, what: str) -> SiteError:
        """Return the error for a call that does not even end when it is broken off."""
        return self._site_error(
            "unreachable",
            f"site {self.site!r} does not answer, and a call to it cannot be broken off ({what}); "
            "look at its disk, its mount or its server: it goes on once that call ends",
        )

    def broken(self, what: str, why: str) -> SiteError:
        """Return the error for a provider that does not keep to the interface."""
        return self._site_error(
            "provider",
            f"site {self.site!r}: its provider {self.terms.provider!r} is broken: {what} {why}; "
            "install another version of it",
        )

    def _own(self, error: ProviderError) -> ProviderError:
        text = str(error)
        if (hidden := SECRETS.hidden(text)) != text:
            error.args = (hidden,)
        if isinstance(error, SiteError):
            error.site = error.site or self.site
            if error.kind not in SITE_ERRORS:
                error.kind = "provider"
        return error

    def _foreign(self, error: BaseException, what: str, *, of_site: bool) -> ProviderError:
        said = SECRETS.hidden(": ".join((type(error).__name__, *str(error).splitlines()[:1])))
        log.error(
            "provider failed",
            site=self.site,
            provider=self.terms.provider,
            call=what,
            why=said[:_MOST],
            exc_info=error,
        )
        text = (
            f"site {self.site!r}: its provider {self.terms.provider!r} failed unexpectedly "
            f"({what}: {said[:_MOST]}); the log has the details"
        )
        if isinstance(error, _OUT_OF_REACH):
            return self._site_error("unreachable", text)
        self._strikes += 1
        if of_site or self._strikes >= _STRIKES:
            return self._site_error("provider", text)
        return FileError(text)

    def _site_error(self, kind: str, text: str) -> SiteError:
        error = SiteError(kind, text)
        error.site = self.site
        return error


def leaf(error: BaseException) -> BaseException:
    """Return the error that a group stands for: the first that is no cancellation."""
    while isinstance(error, BaseExceptionGroup):
        found = cast("tuple[BaseException, ...]", error.exceptions)
        error = next((e for e in found if not isinstance(e, asyncio.CancelledError)), found[0])
    return error


def is_cancelled() -> bool:
    """Return whether this task was asked to end, and not only told so by what it has called."""
    if anyio.current_effective_deadline() == -math.inf:
        return True
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

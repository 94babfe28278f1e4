"""The one place where HTTP's words become errors that an artist can act on."""

from __future__ import annotations

from http import HTTPStatus

import aiohttp

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

Where = Location | Handle

# What an answer means for the whole site, by its kind; whatever file it was asked for.
_SITE = {
    300: ("settings", "says that it has moved: correct `url` (https instead of http?)"),
    401: ("login", "does not let us in: correct `user` and `password` of the site"),
    407: ("unreachable", "is behind a proxy that asks for a login"),
    429: ("rate", "asks for patience; it goes on by itself"),
    502: ("unreachable", "is behind a gateway that does not reach it"),
    503: ("unreachable", "is out of service for now"),
    504: ("unreachable", "is behind a gateway that does not reach it in time"),
    507: ("full", "has no room left: free some there, or raise the account's quota"),
}
_PERMANENT = {
    400: "does not take the name {name}: rename the file",
    403: "does not permit this for {name}: give the site's account the right",
    413: "takes no file as large as {name}",
    414: "does not take a name as long as {name}: shorten it",
}
_FOR_NOW = {
    412: "has another {name} by now; it is looked at again",
    423: "says that {name} is locked by somebody; it is tried again",
}


class Errors:
    """Says for one site what became of a request."""

    def __init__(self, site: str, url: str) -> None:
        self._site = site
        self._url = url

    def of_site(self, kind: str, message: str, retry_after: float | None = None) -> SiteError:
        """Return an error of the site as a whole."""
        text = f"site {self._site!r}: the server at {self._url} {message}"
        return SiteError(kind, text, retry_after)

    def of_file(self, where: Where, message: str) -> PermanentFileError:
        """Return the error for a file that cannot be served as it is."""
        text = message.format(name=_named(where))
        return PermanentFileError(f"the server of site {self._site!r} {text}")

    def unmarked(self, root: str) -> SiteError:
        """Return the error for a root without a marker."""
        text = f"has no marker in root {root!r}; is it the right folder? A new site is set up by: "
        return self.of_site("marker", f"{text}sitesync site init {self._site}")

    def missing(self, where: Where) -> MissingFileError:
        """Return the error for a file that is not there."""
        return MissingFileError(f"{_named(where)} is not at site {self._site!r}")

    def in_the_way(self, where: Where) -> FileError:
        """Return the error for a file that stands where a folder is needed, or the other way."""
        return FileError(
            f"the server of site {self._site!r} has a file where {_named(where)} needs a folder, "
            "or a folder in its place: move it away"
        )

    def changed(self, where: Where) -> ChangedFileError:
        """Return the error for a file that is not any more what it was when it was opened."""
        return ChangedFileError(
            f"{_named(where)} at site {self._site!r} changed while it was read; "
            "it is read again once it is at rest"
        )

    def refused(self, response: aiohttp.ClientResponse, where: Where) -> ProviderError:
        """Return what an answer means that is none of those that were hoped for."""
        status = 300 if response.status // 100 == 3 else response.status
        if status in _SITE:
            kind, message = _SITE[status]
            return self.of_site(kind, message, _seconds(response.headers.get("Retry-After")))
        if status in (404, 410):
            return self.missing(where)
        if status in (405, 409):
            return self.in_the_way(where)
        if status in _PERMANENT:
            return self.of_file(where, _PERMANENT[status])
        said = (
            f"fails on {{name}} ({_phrase(status)}); it is tried again. If this repeats, look there"
        )
        text = _FOR_NOW.get(status, said).format(name=_named(where))
        return FileError(f"the server of site {self._site!r} {text}")

    def transport(self, error: Exception) -> SiteError:
        """Return what it means that there was no answer."""
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            text = "has a certificate that is not trusted: set `ca_file`, or correct `url`"
            return self.of_site("settings", text)
        if isinstance(error, aiohttp.ClientSSLError):
            return self.of_site("settings", "does not speak TLS as it should: correct `url`")
        if isinstance(error, TimeoutError):
            return self.of_site("unreachable", "does not answer; is it overloaded?")
        if isinstance(error, aiohttp.ClientConnectorError):
            why = error.os_error.strerror or type(error.os_error).__name__
            return self.of_site("unreachable", f"cannot be reached ({why}); is it running?")
        return self.of_site("unreachable", "broke the connection off; it is tried again")


def revoked(handle: Handle) -> RevokedError:
    """Return the error for staged bytes that are not there any more, or were never whole."""
    return RevokedError(f"what claim {handle.claim} staged for {handle.where} is gone")


def location(where: Where) -> Location:
    """Return the place that something staged, or published, is for."""
    return where.where if isinstance(where, Handle) else where


def _named(where: Where) -> str:
    """Return a place in one line, whatever its name holds."""
    text = str(location(where))
    return text if text.isprintable() else repr(text)[1:-1]


def _phrase(status: int) -> str:
    """Return a status with the words for it, which are not the server's."""
    known = {one.value: one.phrase for one in HTTPStatus}
    return f"{status} {known.get(status, '')}".strip()


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdecimal() else None

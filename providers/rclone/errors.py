"""The one place where rclone's word becomes an error that an artist can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

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
from providers.rclone.options import RcloneOptions
from providers.rclone.redaction import Redaction
from providers.rclone.requests import RcError
from providers.rclone.words import Meaning, meaning_of, seconds_to_wait

Where = Location | Handle

_CONFIGURATION = frozenset(
    {Meaning.NO_REMOTE, Meaning.LOCKED, Meaning.UNREADABLE, Meaning.NO_BACKEND}
)
# What each means for a site, and for a file; {said} is rclone's own word, {name} the file.
_SITE = {
    Meaning.NO_BACKEND: ("settings", "this rclone does not know its remote's type: {said}"),
    Meaning.RATE: ("rate", "its service asks for patience; it goes on by itself"),
    Meaning.QUOTA: ("quota", "its storage is used up; free some room there, or buy more"),
    Meaning.FULL: ("full", "it has no room left; free some there"),
    Meaning.READ_ONLY: ("read-only", "it can only be read; make it writable"),
    Meaning.LOGIN: (
        "login",
        "its login has expired or is wrong: run `rclone config reconnect {remote}:`, or correct it "
        "with `rclone config`",
    ),
    Meaning.CERTIFICATE: ("settings", "its server's certificate is not trusted: {said}"),
    Meaning.UNREACHABLE: ("unreachable", "it cannot be reached: {said}"),
}
_NO_FOLDER = (
    "rclone takes {remote} for a file: correct `remote` if it is one, or the login if it is none: "
    "some services hide their folders from strangers"
)
_FILE = {
    Meaning.NAME: "takes no name like {name} (too long, or a character that it refuses)",
    Meaning.IN_THE_WAY: "has a folder or a file in the way of {name}; move it away, then retry",
    Meaning.TOO_LARGE: "takes no file as large as {name}: {said}",
    Meaning.EMPTY: "takes no empty file, which {name} is",
    Meaning.FORBIDDEN: "does not permit this for {name}; give its account the right: {said}",
}


class BusyFileError(FileError):
    """Somebody else has a file, or its folder, for a moment."""


class Translator:
    """Says for one site what became of a request."""

    def __init__(self, site: str, options: RcloneOptions) -> None:
        self._site = site
        self._options = options
        self._redaction = Redaction()
        self._remotes: tuple[str, ...] = ()

    def know(self, remotes: Iterable[str], secrets: Iterable[str]) -> None:
        """Take note of what the configuration holds: names to propose, values to hide."""
        self._remotes = tuple(remotes)
        password = self._options.config_password
        own = [password.get_secret_value()] if password else []
        self._redaction = Redaction([*secrets, *own])

    def missing(self, where: Where) -> MissingFileError:
        """Return the error for a file that is not there."""
        return MissingFileError(f"{location(where)} is not at site {self._site!r}")

    def changed(self, where: Where) -> ChangedFileError:
        """Return the error for a file that is not any more what it was when it was opened."""
        return ChangedFileError(
            f"{location(where)} at site {self._site!r} changed while it was read; "
            "it is read again once it is at rest"
        )

    def lost(self, last_words: str) -> SiteError:
        """Return the error for an rclone that ended while it was asked."""
        meaning = meaning_of(last_words)
        if meaning in _CONFIGURATION:
            return self._of_site(meaning, last_words)
        return self._site_error("unreachable", "rclone has ended; it is started again")

    def of_site(self, error: RcError) -> SiteError:
        """Return the error for what rclone said of a remote as a whole."""
        meaning = meaning_of(error.text)
        if meaning in _SITE or meaning in _CONFIGURATION:
            return self._of_site(meaning, error.text)
        if meaning is Meaning.IN_THE_WAY:
            return self._site_error("settings", _NO_FOLDER.format(remote=self._options.remote))
        return self._site_error("settings", f"rclone cannot use its remote: {self._said(error)}")

    def translated(self, error: RcError, where: Where) -> ProviderError:
        """Return the provider's error for what rclone said of a file."""
        meaning = meaning_of(error.text, _names(where))
        if meaning in _SITE or meaning in _CONFIGURATION:
            return self._of_site(meaning, error.text)
        if error.is_missing or meaning is Meaning.MISSING:
            return self.missing(where)
        name, said = location(where), self._said(error)
        if meaning in _FILE:
            message = _FILE[meaning].format(name=name, said=said)
            return PermanentFileError(f"site {self._site!r} {message}")
        if meaning is Meaning.BUSY:
            text = f"has {name}, or its folder, locked for somebody else; it is tried again"
            return BusyFileError(f"site {self._site!r} {text}")
        return FileError(f"site {self._site!r} failed on {name}: {said}")

    def _of_site(self, meaning: Meaning, text: str) -> SiteError:
        file = self._options.config_file or "rclone's configuration"
        if meaning is Meaning.NO_REMOTE:
            return self._site_error("settings", f"{file} {self._no_remote()}")
        if meaning is Meaning.LOCKED:
            return self._site_error("settings", self._locked(str(file)))
        if meaning is Meaning.UNREADABLE:
            hint = "look at it with `rclone config`"
            return self._site_error("settings", f"{file} cannot be read; {hint}")
        kind, message = _SITE[meaning]
        said = self._redaction.hidden(text)
        message = message.format(said=said, remote=self._options.name)
        after = seconds_to_wait(text) if meaning is Meaning.RATE else None
        return self._site_error(kind, message, after)

    def _no_remote(self) -> str:
        name = self._options.name
        near = difflib.get_close_matches(name, self._remotes, 1)
        hint = f"; did you mean {near[0]!r}?" if near else "; make it with `rclone config`."
        known = ", ".join(sorted(self._remotes)) or "no remote at all"
        return f"has no remote {name!r}{hint} It has: {known}"

    def _locked(self, file: str) -> str:
        if self._options.config_password is None:
            return f"{file} is encrypted; set config_password_file to a file with its password"
        return f"config_password does not open {file}; correct it"

    def _said(self, error: RcError) -> str:
        return self._redaction.hidden(error.text)

    def _site_error(self, kind: str, message: str, after: float | None = None) -> SiteError:
        return SiteError(kind, f"site {self._site!r}: {message}", after)


def revoked(where: Where) -> RevokedError:
    """Return the error for staged bytes that are not there any more."""
    claim = f"claim {where.claim}" if isinstance(where, Handle) else "somebody"
    return RevokedError(f"what {claim} staged for {location(where)} is gone")


def location(where: Where) -> Location:
    """Return the place that something staged, or published, is for."""
    return where.where if isinstance(where, Handle) else where


def _names(where: Where) -> list[str]:
    """Return what of a text may be a file's name: no word in it says what went wrong."""
    path = location(where).path
    return [path, path.rpartition("/")[0]] if "/" in path else [path]

"""
What a server answers to PROPFIND, read as it comes. Pure: no I/O.

A folder of a hundred thousand frames is an answer of fifty megabytes: it is never held whole.
Nothing in it can make us read other files or expand anything: a document type is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.parsers import expat

ASKED = (
    b'<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop>'
    b"<resourcetype/><getcontentlength/><getetag/><getlastmodified/></prop></propfind>"
)
"""What is asked of each file; a `displayname` could hold characters that XML cannot."""

_TEXTS = frozenset({"DAV: href", "DAV: getcontentlength", "DAV: getetag", "DAV: getlastmodified"})


class MalformedError(Exception):
    """An answer that is no multistatus."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder; `version` differs where two states of a file do, as far as is told."""

    href: str
    is_folder: bool
    size: int | None
    version: str


class Multistatus:
    """An answer under way."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._complete: list[Entry] = []
        self._texts: dict[str, str] = {}
        self._is_folder = False
        self._within = ""

    def feed(self, data: bytes, *, last: bool = False) -> list[Entry]:
        """Take the next bytes in, and return the entries that are complete with them."""
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError as error:
            raise MalformedError(expat.ErrorString(error.code)) from None
        complete, self._complete = self._complete, []
        return complete

    def _start(self, name: str, _: dict[str, str]) -> None:
        if name == "DAV: response":
            self._texts, self._is_folder = {}, False
        elif name == "DAV: collection":
            self._is_folder = True
        self._within = name if name in _TEXTS else ""

    def _text(self, text: str) -> None:
        if self._within:
            self._texts[self._within] = self._texts.get(self._within, "") + text

    def _end(self, name: str) -> None:
        self._within = ""
        if name == "DAV: response":
            self._complete.append(self._entry())

    def _entry(self) -> Entry:
        texts = {name.removeprefix("DAV: "): text.strip() for name, text in self._texts.items()}
        length = texts.get("getcontentlength", "")
        return Entry(
            href=texts.get("href", ""),
            is_folder=self._is_folder,
            size=int(length) if length.isdecimal() and not self._is_folder else None,
            version=texts.get("getetag", "") or texts.get("getlastmodified", ""),
        )

    def _refuse(self, *_: object) -> None:
        raise MalformedError("it has a document type")

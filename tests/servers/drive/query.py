"""
The language of `q`, compiled to SQL.

Its traps are the service's: `name =` does not look at case, `contains` finds beginnings of
words only, and `and` and `or` are taken from left to right, neither binding closer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.servers.drive.errors import invalid

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<sign><=|>=|!=|=|<|>|\(|\)|\{|\})|(?P<word>[A-Za-z]+))",
    re.DOTALL,
)
_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_TIMES = {"modifiedTime": "f.modified", "createdTime": "f.created"}
_FLAGS = {"trashed": "f.trashed", "starred": "COALESCE(f.details ->> '$.starred', 0)"}


@dataclass
class Query:
    """A condition in SQL, its values, and the folders that the query as a whole asks for."""

    condition: str = "1"
    values: list[Any] = field(default_factory=list[Any])
    folders: list[str] = field(default_factory=list[str])


def parse_time(text: str, parameter: str) -> int:
    """Return milliseconds since the epoch of an RFC 3339 date; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(parameter) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


class _Parser:
    def __init__(self, text: str, email: str, root: str) -> None:
        self._tokens = _tokens(text)
        self._email = email
        self._root = root
        self.values: list[Any] = []
        self.folders: list[str] = []
        self.certain = True  # nothing so far was negated or one of several

    def parse(self) -> str:
        condition = self._terms()
        if self._tokens:
            raise invalid("q")
        return condition

    def _terms(self) -> str:
        condition = self._term()
        while self._peek() in ("and", "or"):
            joint = self._next()
            self.certain &= joint == "and"
            condition = f"({condition} {joint.upper()} {self._term()})"
        return condition

    def _term(self) -> str:
        token = self._next()
        if token == "not":
            self.certain = False
            return f"NOT {self._term()}"
        if token == "(":
            condition = self._terms()
            self._expect(")")
            return f"({condition})"
        if token.startswith("'"):
            self._expect("in")
            return self._member(_unquoted(token), self._next())
        return self._comparison(token)

    def _member(self, value: str, collection: str) -> str:
        if collection == "parents":
            folder = self._root if value == "root" else value
            self.folders.append(folder)
            return self._with("f.parent = ?", folder)
        if collection in ("owners", "writers"):
            return self._with("f.owner = ?", self._email if value == "me" else value)
        raise invalid("q")

    def _comparison(self, name: str) -> str:
        if name == "sharedWithMe":
            if self._peek() == "=":
                self._next()
                self._expect("true")
            shared = "f.id IN (SELECT file FROM permissions WHERE email = ?)"
            return self._with(f"({shared} AND f.drive IS NULL)", self._email)
        if name in _FLAGS:
            return self._flag(_FLAGS[name])
        if name in _TIMES:
            sign = self._comparison_sign()
            return self._with(f"{_TIMES[name]} {sign} ?", parse_time(self._text(), "q"))
        if name in ("name", "mimeType"):
            return self._string("f.folded" if name == "name" else "f.mime")
        if name in ("properties", "appProperties"):
            return self._property(name)
        raise invalid("q")

    def _flag(self, column: str) -> str:
        sign, value = self._comparison_sign(), self._next()
        if sign not in ("=", "!=") or value not in ("true", "false"):
            raise invalid("q")
        return self._with(f"{column} {sign} ?", int(value == "true"))

    def _string(self, column: str) -> str:
        sign = self._next()
        value = self._text()
        value = value.casefold() if column == "f.folded" else value
        if sign == "contains":
            return self._with(f"has_word({column}, ?)", value)
        if sign not in ("=", "!="):
            raise invalid("q")
        return self._with(f"{column} {sign} ?", value)

    def _property(self, which: str) -> str:
        for token in ("has", "{", "key", "="):
            self._expect(token)
        key = self._text()
        for token in ("and", "value", "="):
            self._expect(token)
        value = self._text()
        self._expect("}")
        path = "$." + which + '."' + key.replace('"', '\\"') + '"'
        self.values += [path, value]
        return "f.properties ->> ? = ?"

    def _with(self, condition: str, value: Any) -> str:
        self.values.append(value)
        return condition

    def _comparison_sign(self) -> str:
        sign = self._next()
        if sign not in _COMPARISONS:
            raise invalid("q")
        return sign

    def _text(self) -> str:
        token = self._next()
        if not token.startswith("'"):
            raise invalid("q")
        return _unquoted(token)

    def _peek(self) -> str | None:
        return self._tokens[0] if self._tokens else None

    def _next(self) -> str:
        if not self._tokens:
            raise invalid("q")
        return self._tokens.pop(0)

    def _expect(self, token: str) -> None:
        if self._next() != token:
            raise invalid("q")


def compile_query(text: str, email: str, root: str) -> Query:
    """Return what a query asks for, in SQL on `files AS f`."""
    if not text.strip():
        return Query()
    parser = _Parser(text, email, root)
    condition = parser.parse()
    return Query(condition, parser.values, parser.folders if parser.certain else [])


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise invalid("q")
        tokens.append(match.group().lstrip())
        place = match.end()
    return tokens


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL)

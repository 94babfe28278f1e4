"""
The emulator's memory: one SQLite file and a folder of contents.

What was acknowledged survives `kill -9` of the emulator: each transaction is with the kernel
before its answer is sent. (Not the loss of power: nothing is synced, so that it stays fast.)
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = sqlite3.Row

_SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS accounts (
    email TEXT PRIMARY KEY, name TEXT, project TEXT, public_key TEXT, key_id TEXT, state TEXT,
    storage INTEGER, root TEXT, permission_id TEXT);
CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY, email TEXT, scope TEXT, expires REAL);
CREATE TABLE IF NOT EXISTS ids (id TEXT PRIMARY KEY, email TEXT);
CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY, name TEXT, folded TEXT, mime TEXT, parent TEXT, drive TEXT, owner TEXT,
    created INTEGER, modified INTEGER, changed REAL, size INTEGER, blob TEXT, md5 TEXT, sha1 TEXT,
    sha256 TEXT, trashed INTEGER, explicitly_trashed INTEGER, version INTEGER, revision TEXT,
    properties TEXT, details TEXT);
CREATE INDEX IF NOT EXISTS children ON files (parent, folded);
CREATE INDEX IF NOT EXISTS owned ON files (owner);
CREATE INDEX IF NOT EXISTS in_drive ON files (drive);
CREATE TABLE IF NOT EXISTS permissions (
    file TEXT, email TEXT, role TEXT, given INTEGER, PRIMARY KEY (file, email));
CREATE INDEX IF NOT EXISTS permitted ON permissions (email);
CREATE TABLE IF NOT EXISTS drives (id TEXT PRIMARY KEY, name TEXT, created INTEGER);
CREATE TABLE IF NOT EXISTS changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT, file TEXT, drive TEXT, audience TEXT,
    time INTEGER);
CREATE UNIQUE INDEX IF NOT EXISTS last_changes ON changes (file, IFNULL(drive, ''));
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, email TEXT, file TEXT, metadata TEXT, parameters TEXT, mime TEXT,
    declared INTEGER, blob TEXT, received INTEGER, state TEXT, result TEXT, created REAL);
"""


class Storage:
    """The database, and where contents lie."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.contents = folder / "contents"
        self.contents.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(folder / "drive.sqlite", isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.executescript(_SCHEMA)
        self._connection.create_function("has_word", 2, _has_word, deterministic=True)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Make what the block writes one: all of it, or nothing if it raises."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def write(self, statement: str, *values: Any) -> int:
        """Carry out a statement, and return how many rows it changed."""
        return self._connection.execute(statement, values).rowcount

    def insert(self, table: str, row: Mapping[str, Any], *, replace: bool = False) -> None:
        """Insert a row, or put it in the place of the one with its key."""
        verb = "REPLACE" if replace else "INSERT"
        places = ", ".join("?" * len(row))
        self._connection.execute(
            f"{verb} INTO {table} ({', '.join(row)}) VALUES ({places})",
            tuple(row.values()),
        )

    def rows(self, statement: str, *values: Any) -> Iterator[Row]:
        """Return the rows of a query."""
        return iter(self._connection.execute(statement, values).fetchall())

    def row(self, statement: str, *values: Any) -> Row | None:
        """Return the first row of a query, or None."""
        found: Row | None = self._connection.execute(statement, values).fetchone()
        return found


def new_id(length: int = 33) -> str:
    """Return an id as Drive makes them: opaque, of letters, digits, `-` and `_`."""
    return ("1" + secrets.token_urlsafe(length))[:length]


def now_ms() -> int:
    """Return the time in milliseconds since the epoch: Drive keeps no finer one."""
    return time.time_ns() // 1_000_000


def _has_word(text: str, wanted: str) -> bool:
    """`name contains 'x'` asks for words that begin with x, not for any x within."""
    return text.startswith(wanted) or f" {wanted}" in text.replace("_", " ").replace(".", " ")

"""
The parts of SFTP version 3 packets as values. No I/O.

Lengths come from the other side: every one is checked before it is believed.
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import NamedTuple

_NUMBER = struct.Struct(">I")
_LONG = struct.Struct(">Q")


class Kind(IntEnum):
    """What a packet is."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    SETSTAT = 9
    FSETSTAT = 10
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    REALPATH = 16
    STAT = 17
    RENAME = 18
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200
    EXTENDED_REPLY = 201


class Code(IntEnum):
    """Why a request was not served; those above 8 are of later versions, yet sent by some."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    NO_CONNECTION = 6
    CONNECTION_LOST = 7
    OP_UNSUPPORTED = 8
    NO_SUCH_PATH = 10
    FILE_ALREADY_EXISTS = 11
    WRITE_PROTECT = 12
    NO_SPACE = 14
    QUOTA_EXCEEDED = 15


class Mode(IntFlag):
    """How a file is opened."""

    READ = 1
    WRITE = 2
    CREATE = 8
    EXCLUSIVE = 32


class _Has(IntFlag):
    """Which attributes a packet carries."""

    SIZE = 0x1
    OWNER = 0x2
    PERMISSIONS = 0x4
    TIMES = 0x8
    EXTENDED = 0x8000_0000


class ProtocolError(Exception):
    """The other side sent what is not SFTP."""


class StatusError(Exception):
    """The server's own word on why it did not serve a request."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason or 'no reason given'} (code {code})")
        self.code = code
        self.reason = reason


class Attributes(NamedTuple):
    """What a server tells of a file; None is what it leaves out. Times are whole seconds."""

    size: int | None = None
    permissions: int | None = None
    mtime: int | None = None

    @property
    def is_link(self) -> bool:
        """Whether this is a symbolic link."""
        return self.permissions is not None and stat.S_ISLNK(self.permissions)

    @property
    def is_folder(self) -> bool:
        """Whether this is a folder."""
        return self.permissions is not None and stat.S_ISDIR(self.permissions)

    @property
    def is_file(self) -> bool:
        """Whether this is a plain file; a server that does not tell types is believed."""
        return self.permissions is None or (
            stat.S_ISREG(self.permissions) or stat.S_IFMT(self.permissions) == 0
        )


class DiskSpace(NamedTuple):
    """What a server tells of the disk below a path: bytes free for us, of all that it has."""

    free: int
    total: int
    read_only: bool


@dataclass(slots=True)
class Cursor:
    """Reads one packet from front to back; raises `ProtocolError` where it is too short."""

    data: bytes | memoryview
    at: int = 0

    def byte(self) -> int:
        """Return the next byte."""
        return self.take(1)[0]

    def number(self) -> int:
        """Return the next 32-bit number."""
        value: int = _NUMBER.unpack(self.take(4))[0]
        return value

    def long(self) -> int:
        """Return the next 64-bit number."""
        value: int = _LONG.unpack(self.take(8))[0]
        return value

    def string(self) -> bytes:
        """Return the next string, which carries its own length."""
        return self.take(self.number())

    def take(self, count: int) -> bytes:
        """Return the next so many bytes."""
        end = self.at + count
        if end > len(self.data):
            raise ProtocolError("the server sent an SFTP packet that is too short")
        found = bytes(self.data[self.at : end])
        self.at = end
        return found

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(len(self.data) - self.at)

    def attributes(self) -> Attributes:
        """Return the next attributes; owners and access times are skipped."""
        has = self.number()
        size = self.long() if has & _Has.SIZE else None
        if has & _Has.OWNER:
            self.take(8)
        permissions = self.number() if has & _Has.PERMISSIONS else None
        mtime = (self.number(), self.number())[1] if has & _Has.TIMES else None
        for _ in range(self.number() if has & _Has.EXTENDED else 0):
            self.string()
            self.string()
        return Attributes(size, permissions, mtime)


def number(value: int) -> bytes:
    """Return a 32-bit number as it is sent."""
    return _NUMBER.pack(value)


def long(value: int) -> bytes:
    """Return a 64-bit number as it is sent."""
    return _LONG.pack(value)


def string(value: bytes) -> bytes:
    """Return a string as it is sent."""
    return _NUMBER.pack(len(value)) + value


def no_attributes() -> bytes:
    """Return attributes that leave everything to the server."""
    return number(0)


def size_attribute(size: int) -> bytes:
    """Return attributes that cut or extend a file."""
    return number(_Has.SIZE) + long(size)


def time_attributes(seconds: int) -> bytes:
    """Return attributes that set access and modification time alike."""
    return number(_Has.TIMES) + number(seconds) + number(seconds)

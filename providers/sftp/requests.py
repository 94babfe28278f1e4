"""
Every SFTP request that is made here, as a value that also knows how to read its answer.

Requests are values so that several can be sent before the first is answered: a server
serves those that concern one file in the order in which they came.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from providers.sftp.packets import (
    Attributes,
    Code,
    Cursor,
    DiskSpace,
    Kind,
    Mode,
    ProtocolError,
    StatusError,
    long,
    no_attributes,
    number,
    size_attribute,
    string,
    time_attributes,
)

T_co = TypeVar("T_co", covariant=True)

POSIX_RENAME = "posix-rename@openssh.com"
FSYNC = "fsync@openssh.com"
STATVFS = "statvfs@openssh.com"
LIMITS = "limits@openssh.com"
COPY_DATA = "copy-data"
CHECK_FILE = b"check-file"

_READ_ONLY = 0x1
_LONGEST_HANDLE = 256  # what the protocol allows: it goes out again with every block
_LONGEST_REASON = 200


class Answer(NamedTuple):
    """A packet that came back, its number taken off."""

    kind: int
    body: bytes | memoryview


class Entry(NamedTuple):
    """One name in a folder."""

    name: bytes
    attributes: Attributes


class Limits(NamedTuple):
    """The largest read and write that a server takes."""

    read: int
    write: int


class Part(NamedTuple):
    """Some bytes of an open file."""

    handle: bytes
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Request(Generic[T_co]):
    """A request and how its answer is read; `weight` counts bytes on their way out."""

    kind: Kind
    body: bytes
    read: Callable[[Answer], T_co]
    weight: int = 0


def open_file(path: bytes, mode: Mode) -> Request[bytes]:
    """Open a file; the answer is its handle."""
    return Request(Kind.OPEN, string(path) + number(mode) + no_attributes(), _handle)


def close(handle: bytes) -> Request[None]:
    """Close a file or folder. Answered after all that was asked of it before."""
    return Request(Kind.CLOSE, string(handle), _nothing)


def read(handle: bytes, offset: int, length: int) -> Request[bytes]:
    """Read; the answer may be shorter than asked for, and is empty at the end of the file."""

    def at_most(answer: Answer) -> bytes:
        data = _data(answer)
        if len(data) > length:
            raise ProtocolError(f"the server sent {len(data)} bytes where {length} were asked for")
        return data

    return Request(Kind.READ, string(handle) + long(offset) + number(length), at_most)


def write(handle: bytes, offset: int, block: bytes | memoryview) -> Request[None]:
    """Write a block at its offset."""
    head = string(handle) + long(offset) + number(len(block))
    return Request(Kind.WRITE, b"".join((head, block)), _nothing, len(block))


def lstat(path: bytes) -> Request[Attributes]:
    """Tell of a name, a link itself included."""
    return Request(Kind.LSTAT, string(path), _attributes)


def stat(path: bytes) -> Request[Attributes]:
    """Tell of what a name leads to."""
    return Request(Kind.STAT, string(path), _attributes)


def fstat(handle: bytes) -> Request[Attributes]:
    """Tell of an open file."""
    return Request(Kind.FSTAT, string(handle), _attributes)


def truncate(handle: bytes, size: int) -> Request[None]:
    """Cut an open file."""
    return Request(Kind.FSETSTAT, string(handle) + size_attribute(size), _nothing)


def set_time(path: bytes, seconds: int) -> Request[None]:
    """Set the time of last modification."""
    return Request(Kind.SETSTAT, string(path) + time_attributes(seconds), _nothing)


def open_folder(path: bytes) -> Request[bytes]:
    """Open a folder for listing; the answer is its handle."""
    return Request(Kind.OPENDIR, string(path), _handle)


def next_entries(handle: bytes) -> Request[list[Entry]]:
    """List some more of an open folder; empty when there is no more."""
    return Request(Kind.READDIR, string(handle), _entries)


def make_folder(path: bytes) -> Request[None]:
    """Make a folder; its parent must be there."""
    return Request(Kind.MKDIR, string(path) + no_attributes(), _nothing)


def remove(path: bytes) -> Request[None]:
    """Remove a file or a link."""
    return Request(Kind.REMOVE, string(path), _nothing)


def real_path(path: bytes) -> Request[bytes]:
    """Return the absolute path, links followed where the server does that."""
    return Request(Kind.REALPATH, string(path), _first_name)


def rename(old: bytes, new: bytes) -> Request[None]:
    """Rename; whether an existing name is replaced differs from server to server."""
    return Request(Kind.RENAME, string(old) + string(new), _nothing)


def posix_rename(old: bytes, new: bytes) -> Request[None]:
    """Rename in one step, replacing what bears the new name."""
    return _extended(POSIX_RENAME, string(old) + string(new), _nothing)


def fsync(handle: bytes) -> Request[None]:
    """Answered when an open file is on disk."""
    return _extended(FSYNC, string(handle), _nothing)


def copy_data(part: Part, to: bytes) -> Request[None]:
    """Let the server copy a part of one open file to the same offset of another."""
    source = string(part.handle) + long(part.offset) + long(part.length)
    return _extended(COPY_DATA, source + string(to) + long(part.offset), _nothing)


def space(path: bytes) -> Request[DiskSpace]:
    """Tell how much room is left."""
    return _extended(STATVFS, string(path), _space)


def limits() -> Request[Limits]:
    """Ask for the largest read and write; zero leaves it open."""
    return _extended(LIMITS, b"", _limits)


def check_file(path: bytes, algorithm: str) -> Request[tuple[str, str]]:
    """Let the server hash a whole file; the answer is the algorithm it used, and hex digits."""
    body = string(path) + string(algorithm.encode()) + long(0) + long(0) + number(0)
    return _extended("check-file-name", body, _digest)


def _extended(name: str, body: bytes, read: Callable[[Answer], T_co]) -> Request[T_co]:
    return Request(Kind.EXTENDED, string(name.encode()) + body, read)


def _expect(answer: Answer, kind: Kind) -> Cursor:
    """Return the body of an answer of a kind; a status instead is an error."""
    cursor = Cursor(answer.body)
    if answer.kind == kind:
        return cursor
    if answer.kind != Kind.STATUS:
        raise ProtocolError(f"the server answered with an SFTP packet of kind {answer.kind}")
    raise _status(cursor)


def _status(cursor: Cursor) -> StatusError:
    code = cursor.number()
    # Some servers leave the text out, and some send it in an encoding of their own.
    reason = cursor.string().decode(errors="replace") if cursor.at < len(cursor.data) else ""
    return StatusError(code, _one_line(reason))


def _one_line(text: str) -> str:
    """Return what somebody else's words may be in a message: short, and steering no terminal."""
    return "".join(char if char.isprintable() else " " for char in text[:_LONGEST_REASON])


def _nothing(answer: Answer) -> None:
    error = _status(_expect(answer, Kind.STATUS))
    if error.code != Code.OK:
        raise error


def _handle(answer: Answer) -> bytes:
    handle = _expect(answer, Kind.HANDLE).string()
    if len(handle) > _LONGEST_HANDLE:
        raise ProtocolError(f"the server names an open file with {len(handle)} bytes")
    return handle


def _attributes(answer: Answer) -> Attributes:
    return _expect(answer, Kind.ATTRS).attributes()


def _data(answer: Answer) -> bytes:
    try:
        return _expect(answer, Kind.DATA).string()
    except StatusError as error:
        if error.code == Code.EOF:
            return b""
        raise


def _entries(answer: Answer) -> list[Entry]:
    try:
        cursor = _expect(answer, Kind.NAME)
    except StatusError as error:
        if error.code == Code.EOF:
            return []
        raise
    return [_entry(cursor) for _ in range(cursor.number())]


def _entry(cursor: Cursor) -> Entry:
    name = cursor.string()
    cursor.string()  # the line that `ls -l` would print
    return Entry(name, cursor.attributes())


def _first_name(answer: Answer) -> bytes:
    cursor = _expect(answer, Kind.NAME)
    if cursor.number() < 1:
        raise ProtocolError("the server answered with no name")
    return cursor.string()


def _space(answer: Answer) -> DiskSpace:
    cursor = _expect(answer, Kind.EXTENDED_REPLY)
    _, block, total, _, free, _, _, _, _, flags, _ = [cursor.long() for _ in range(11)]
    return DiskSpace(free * block, total * block, bool(flags & _READ_ONLY))


def _limits(answer: Answer) -> Limits:
    cursor = _expect(answer, Kind.EXTENDED_REPLY)
    _packet, read_size, write_size = cursor.long(), cursor.long(), cursor.long()
    return Limits(read_size, write_size)


def _digest(answer: Answer) -> tuple[str, str]:
    cursor = _expect(answer, Kind.EXTENDED_REPLY)
    name = cursor.string()
    if name == CHECK_FILE:  # the draft has it, mod_sftp has not
        name = cursor.string()
    return name.decode("ascii", "replace"), cursor.rest().hex()

"""An SSH server whose SFTP says whatever a test wants: real sockets and packets, no good manners."""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import asyncssh

from providers.base import Setup
from providers.sftp import SftpOptions
from providers.sftp.packets import Cursor, Kind, long, number, string
from providers.sftp.provider import SftpProvider

Say = Callable[["Session", int, Cursor], bytes | None]
"""What is answered to a request, without its length and number; None is no answer."""

FOLDER, FILE = 0o040755, 0o100644


def attributes(permissions: int, size: int = 0) -> bytes:
    """Return the attributes of a file or folder."""
    return number(0xD) + long(size) + number(permissions) + number(1) + number(1)


def status(code: int, reason: str = "") -> bytes:
    """Return the body of an answer that is only a code."""
    return bytes((Kind.STATUS,)) + number(code) + string(reason.encode()) + string(b"")


def names(*entries: tuple[bytes, bytes]) -> bytes:
    """Return the body of an answer that lists names with attributes, without its kind."""
    listed = b"".join(string(name) + string(b"") + told for name, told in entries)
    return number(len(entries)) + listed


@dataclass
class Behaviour:
    """What a server does; all that is not said is answered as an honest server would."""

    says: Mapping[Kind, Say] = field(default_factory=dict[Kind, Say])
    extensions: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    size: int = 9
    banner: str = ""
    output: bytes = b""


class Session(asyncssh.SSHServerSession[bytes]):
    """One channel: SFTP, or a command that prints what the test wants."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._received = bytearray()
        self._is_command = False
        self._handles = count()
        self.seen: set[bytes] = set()
        self.chan: asyncssh.SSHServerChannel[bytes]

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self.chan = chan

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "sftp"

    def exec_requested(self, command: str) -> bool:  # noqa: ARG002 -- all of them are answered alike
        self._is_command = True
        return bool(self._behaviour.output)

    def session_started(self) -> None:
        if self._is_command:
            self.resume_writing()

    def resume_writing(self) -> None:
        """Print on for as long as somebody listens."""
        if self._is_command:
            self.chan.write(self._behaviour.output)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:  # noqa: ARG002 -- asyncssh's signature
        self._received += data
        while len(self._received) >= 4:
            (length,) = struct.unpack_from(">I", self._received)
            if len(self._received) < length + 4:
                return
            packet = bytes(self._received[4 : length + 4])
            del self._received[: length + 4]
            self._take(packet)

    def send(self, packet: bytes) -> None:
        """Send a packet with its true length."""
        self.chan.write(string(packet))

    def reply(self, number_: int, answer: bytes) -> None:
        """Send the answer to a request."""
        self.send(answer[:1] + number(number_) + answer[1:])

    def _take(self, packet: bytes) -> None:
        kind, body = Kind(packet[0]), Cursor(packet[1:])
        asked = body.number()
        say = self._behaviour.says.get(kind)
        if kind == Kind.INIT and say is None:
            offered = [
                string(k.encode()) + string(v) for k, v in self._behaviour.extensions.items()
            ]
            self.send(bytes((Kind.VERSION,)) + number(3) + b"".join(offered))
            return
        answer = say(self, asked, body) if say else self._honest(kind, body)
        if answer is not None:
            self.reply(asked, answer)

    def _honest(self, kind: Kind, body: Cursor) -> bytes:
        if kind in {Kind.OPEN, Kind.OPENDIR}:
            return bytes((Kind.HANDLE,)) + string(b"%d" % next(self._handles))
        if kind == Kind.REALPATH:
            path = body.string()
            return bytes((Kind.NAME,)) + names((b"/" if path == b"." else path, number(0)))
        if kind in {Kind.LSTAT, Kind.STAT, Kind.FSTAT}:
            named = body.string()
            is_file = kind == Kind.FSTAT or b"." in named
            told = attributes(FILE if is_file else FOLDER, self._behaviour.size)
            return bytes((Kind.ATTRS,)) + told
        if kind == Kind.READ:
            _, offset, length = body.string(), body.long(), body.number()
            left = max(0, min(length, self._behaviour.size - offset))
            return bytes((Kind.DATA,)) + string(b"x" * left) if left else status(1)
        if kind == Kind.READDIR:
            return status(1)
        return status(8 if kind == Kind.EXTENDED else 0)


class _Server(asyncssh.SSHServer):
    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._connection: asyncssh.SSHServerConnection

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 -- everybody gets in
        if self._behaviour.banner:
            self._connection.send_auth_banner(self._behaviour.banner)
        return False

    def session_requested(self) -> Session:
        return Session(self._behaviour)


@asynccontextmanager
async def hostile(behaviour: Behaviour) -> AsyncGenerator[SftpProvider]:
    """Run a server on a port of 127.0.0.1, and make a provider for it that is not entered yet."""
    key = asyncssh.generate_private_key("ssh-ed25519")  # pyright: ignore[reportUnknownVariableType]  # its **kwargs have no types
    server = await asyncssh.create_server(
        lambda: _Server(behaviour), "127.0.0.1", 0, server_host_keys=[key], encoding=None
    )
    async with server:
        pin = key.export_public_key().decode().strip()
        yield provider_at(server.get_port(), host_key=pin)


def provider_at(port: int, **settings: Any) -> SftpProvider:
    """Return a provider for whatever listens on a port."""
    told = {"host": "127.0.0.1", "port": port, "user": "studio", "password": "hush", **settings}
    return SftpProvider(Setup("vendor", {"work": "/root"}, SftpOptions.model_validate(told)))

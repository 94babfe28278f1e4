"""
The TCP connection below asyncssh: what comes is handed on in small pieces.

asyncssh cuts each packet off the front of all that has come, and copies the rest of it two
times a packet; of 256 KiB that came at once, that is 2 MiB. In pieces of a packet's size, a
large file comes with a quarter less processor time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncssh

_ROOM = 256 * 1024
_PIECE = 32 * 1024  # as large as the packets of OpenSSH's server


class Wire(asyncio.BufferedProtocol):
    """Stands between a TCP connection and the SSH connection over it."""

    def __init__(self, ssh: asyncssh.SSHClientConnection) -> None:
        self.ssh = ssh
        self._room = memoryview(bytearray(_ROOM))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let asyncssh write to the connection by itself."""
        self.ssh.connection_made(transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Return where the next bytes shall be put."""
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Hand on what has come; packets may begin and end anywhere in it."""
        for start in range(0, nbytes, _PIECE):
            self.ssh.data_received(bytes(self._room[start : min(start + _PIECE, nbytes)]))

    def eof_received(self) -> None:
        """Tell that the server sends no more."""
        self.ssh.eof_received()

    def pause_writing(self) -> None:
        """Tell that the server does not keep up."""
        self.ssh.pause_writing()

    def resume_writing(self) -> None:
        """Tell that the server takes more again."""
        self.ssh.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the connection has ended."""
        self.ssh.connection_lost(exc)


class Wiring:
    """Opens TCP connections for `asyncssh.connect`, which takes this as its `tunnel`."""

    async def create_connection(
        self, make: Callable[[], asyncssh.SSHClientConnection], host: str, port: int
    ) -> tuple[asyncio.Transport, asyncssh.SSHClientConnection]:
        """Return a TCP connection, and the SSH connection over it."""
        transport, wire = await asyncio.get_running_loop().create_connection(
            lambda: Wire(make()), host, port
        )
        return transport, wire.ssh

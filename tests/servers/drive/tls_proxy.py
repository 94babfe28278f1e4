"""
A CONNECT proxy that ends TLS for `*.googleapis.com`, so that clients of the real service come here.

Run as a process of its own: `python -m tests.servers.drive.tls_proxy PORT CA_FILE` forwards to
an emulator on that port, writes the certificate to trust to CA_FILE, and prints its own port.
A thread serves each connection: OpenSSL works outside of the interpreter's lock.
"""

from __future__ import annotations

import argparse
import select
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.servers.processes import die_with_parent

_PIECE = 512 * 1024
_MOST_HEADERS = 64 * 1024
_DOMAIN = ".googleapis.com"
_NEVER = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class TlsProxy:
    """A running proxy, and the certificate that its clients must trust."""

    port: int
    ca_file: Path

    @property
    def url(self) -> str:
        """Its address, for `HTTPS_PROXY`."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def tls_proxy(target: int, ca_file: Path) -> Generator[TlsProxy]:
    """Run a proxy in front of an emulator until the block ends."""
    command = [sys.executable, "-m", "tests.servers.drive.tls_proxy", str(target), str(ca_file)]
    process = subprocess.Popen(
        command,
        cwd=Path(__file__).parents[3],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        preexec_fn=die_with_parent,  # noqa: PLW1509  # it calls nothing but the kernel
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            yield TlsProxy(int(process.stdout.readline()), ca_file)
        finally:
            process.terminate()
            process.wait()


def serve(target: int, ca_file: Path) -> None:
    """Serve until the process is ended."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(f"*{_DOMAIN}").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, target, context), daemon=True).start()


def _serve(client: socket.socket, target: int, context: ssl.SSLContext) -> None:
    with ExitStack() as open_ends, suppress(OSError):
        open_ends.enter_context(client)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not _is_for_google(_headers(client)):
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        inner = open_ends.enter_context(context.wrap_socket(client, server_side=True))
        plain = open_ends.enter_context(socket.create_connection(("127.0.0.1", target)))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            _forward(inner, plain)
        except OSError:  # one end was cut: cut the other, without a goodbye
            for end in (inner, plain):
                with suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NEVER)


def _forward(inner: ssl.SSLSocket, plain: socket.socket) -> None:
    """Pass on what comes at either end, until one ends."""
    ends: list[socket.socket] = [inner, plain]
    while True:
        ready = [inner] if inner.pending() else select.select(ends, [], [])[0]
        for source in ready:
            piece = source.recv(_PIECE)
            if not piece:
                return
            (plain if source is inner else inner).sendall(piece)


def _headers(client: socket.socket) -> bytes:
    """Return the request for a tunnel; nothing of the TLS behind it is read."""
    text = b""
    while not text.endswith(b"\r\n\r\n") and len(text) < _MOST_HEADERS:
        piece = client.recv(1)
        if not piece:
            return b""
        text += piece
    return text


def _is_for_google(headers: bytes) -> bool:
    method, _, rest = headers.partition(b" ")
    host = rest.partition(b" ")[0].partition(b":")[0].decode()
    return method == b"CONNECT" and host.endswith(_DOMAIN)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.servers.drive.tls_proxy")
    parser.add_argument("target", type=int, help="the emulator's port")
    parser.add_argument("ca_file", type=Path, help="where to write the certificate to trust")
    given = parser.parse_args()
    serve(given.target, given.ca_file)

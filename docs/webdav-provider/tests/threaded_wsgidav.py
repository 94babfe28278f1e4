"""
wsgidav on the standard library's server, a thread a connection: no more has to be installed for it.

Called with a folder, a port, a user and a password.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, BinaryIO
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from wsgidav.wsgidav_app import WsgiDAVApp  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # none exist

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class _Threaded(ThreadingMixIn, WSGIServer):
    """A server whose slow clients hold nobody up."""

    daemon_threads = True
    request_queue_size = 64


class _Quiet(WSGIRequestHandler):
    """It logs no request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


class _Body:
    """A request's body with an end; the standard library's server leaves that to its program."""

    def __init__(self, source: BinaryIO, length: int) -> None:
        self._source = source
        self._left = length

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes of the body."""
        wanted = self._left if size < 0 else min(size, self._left)
        found = self._source.read(wanted)
        self._left -= len(found)
        return found


class _Bounded:
    """Hands a program requests whose bodies end."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = _Body(environ["wsgi.input"], length)
        return self._app(environ, start_response)


def main(folder: str, port: str, user: str, password: str) -> None:
    """Serve until somebody ends us."""
    app: Any = WsgiDAVApp(
        {
            "provider_mapping": {"/": folder},
            "simple_dc": {"user_mapping": {"*": {user: {"password": password}}}},
            "http_authenticator": {
                "accept_basic": True,
                "accept_digest": False,
                "default_to_digest": False,
            },
            "logging": {"enable": False},
        }
    )
    make_server("127.0.0.1", int(port), _Bounded(app), _Threaded, _Quiet).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])

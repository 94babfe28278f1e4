"""Which server is believed to be the right one, and what to say when it is not."""

from __future__ import annotations

from pathlib import Path

import asyncssh

from providers.base import SiteError
from providers.sftp.options import SftpOptions

_STANDARD_PORT = 22


class HostKeys:
    """
    The host keys that a site's settings trust. Read again for every connection.

    `known` is what asyncssh looks in; keys of other kinds come to `Witness`.
    """

    def __init__(self, site: str, options: SftpOptions) -> None:
        self._site = site
        self._options = options
        self.known = self._read()

    def trusts(self, key: asyncssh.SSHKey) -> bool:
        """Return whether this key is the pinned one."""
        pinned = self._options.host_key
        return pinned is not None and pinned == key.get_fingerprint()

    def refusal(self, seen: asyncssh.SSHKey | None) -> SiteError:
        """Return the error for a server that showed a key which is not trusted."""
        shown = _shown(seen) if seen else "a revoked or unreadable key"
        return SiteError("login", f"site {self._site!r}: {self._advice(shown)}")

    def _read(self) -> asyncssh.SSHKnownHosts:
        pinned = self._options.host_key
        if pinned is not None:
            line = f"* {pinned}" if not pinned.startswith("SHA256:") else ""
            return asyncssh.import_known_hosts(line)
        try:
            return asyncssh.import_known_hosts(_text(self._options.known_hosts))
        except (ValueError, OSError) as error:
            raise SiteError(
                "settings",
                f"site {self._site!r}: known_hosts {self._options.known_hosts} "
                f"cannot be used: {error}",
            ) from None

    def _advice(self, shown: str) -> str:
        host, port, file = self._options.host, self._options.port, self._options.known_hosts
        if self._options.host_key is not None:
            return (
                f"{host}:{port} shows {shown}, and host_key pins another key. Ask the server's "
                "administrator; set host_key to the new one only if it is confirmed"
            )
        line = self._line()
        if line is not None:
            return (
                f"the host key of {host}:{port} changed: it shows {shown}, {file} line {line} "
                "has another. Somebody may be listening in: ask the server's administrator, "
                "and remove that line only if the new key is confirmed"
            )
        return (
            f"{host}:{port} is not known: it shows {shown}. If the server's administrator "
            f'confirms that, set host_key = "{shown.rsplit(maxsplit=1)[-1]}", or run: '
            f"ssh-keyscan -p {port} {host} >> {file}"
        )

    def _line(self) -> int | None:
        """Return the number of the line in `known_hosts` that speaks of this server."""
        port = None if self._options.port == _STANDARD_PORT else self._options.port
        for number, line in enumerate(_text(self._options.known_hosts).splitlines(), 1):
            keys, authorities, *_ = asyncssh.import_known_hosts(line).match(
                self._options.host, "", port
            )
            if keys or authorities:
                return number
        return None


class Witness(asyncssh.SSHClient):
    """Remembers the host key that a server showed, for the message if it is refused."""

    def __init__(self, keys: HostKeys) -> None:
        self._keys = keys
        self.seen: asyncssh.SSHKey | None = None

    def validate_host_public_key(
        self,
        host: str,  # noqa: ARG002  # asyncssh's signature
        addr: str,  # noqa: ARG002  # asyncssh's signature
        port: int,  # noqa: ARG002  # asyncssh's signature
        key: asyncssh.SSHKey,
    ) -> bool:
        """Decide on a key that `HostKeys.known` does not hold."""
        self.seen = key
        return self._keys.trusts(key)


def _shown(key: asyncssh.SSHKey) -> str:
    return f"{key.get_algorithm()} {key.get_fingerprint()}"


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""

"""
Logging in: one SSH connection with its SFTP channel, or a `SiteError` that says why not.

Nothing is taken from `~/.ssh/config` or an agent: what a site's settings say is all.
"""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass

import anyio
import asyncssh
from asyncssh.constants import OPEN_CONNECT_FAILED

from providers.base import SiteError
from providers.sftp.channel import Channel
from providers.sftp.credentials import load_key
from providers.sftp.host_keys import HostKeys, Witness
from providers.sftp.options import SftpOptions
from providers.sftp.wire import Wiring

# The first that the server takes. AES-GCM runs on the processor's own instructions: through
# asyncssh it reads twice as fast as ChaCha20, and writes a quarter faster.
_CIPHERS = [
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
]
_SECONDS = 20
_NOT_CONNECTED = OPEN_CONNECT_FAILED  # what the library says where there is none any more
_RECEIVE_WINDOW = 4 * 1024 * 1024
# Larger than asyncssh's own: fewer, larger packets come from servers that send them.
_RECEIVE_PACKET = 128 * 1024


@dataclass(frozen=True, slots=True)
class Link:
    """A connection that has logged in, and its SFTP channel."""

    connection: asyncssh.SSHClientConnection
    channel: Channel

    def close(self) -> None:
        """End the connection; what waits on it is told."""
        self.connection.close()

    async def closed(self) -> None:
        """Return when the connection has ended."""
        await self.connection.wait_closed()


async def connect(site: str, options: SftpOptions) -> Link:
    """Log in and open the SFTP channel, within a bounded time."""
    _quiet()
    key = await anyio.to_thread.run_sync(load_key, site, options)
    try:
        with anyio.fail_after(_SECONDS):
            connection = await _logged_in(site, options, key)
            return await _opened(site, options, connection)
    except TimeoutError:
        raise _unreachable(site, options, f"no answer within {_SECONDS} s") from None


async def _logged_in(
    site: str, options: SftpOptions, key: asyncssh.SSHKey | None
) -> asyncssh.SSHClientConnection:
    trusted = await anyio.to_thread.run_sync(HostKeys, site, options)
    witness = Witness(trusted)
    try:
        return await asyncssh.connect(
            options.host,
            options.port,
            config=None,
            tunnel=Wiring(),
            client_factory=lambda: witness,
            username=options.user,
            password=options.password.get_secret_value() if options.password else None,
            client_keys=[key] if key else None,
            agent_path=None,
            known_hosts=trusted.known,
            encryption_algs=_CIPHERS,
            compression_algs=["none"],
            keepalive_interval=options.keepalive,
        )
    except asyncssh.HostKeyNotVerifiable:
        raise trusted.refusal(witness.seen) from None
    except (OSError, asyncssh.Error) as error:
        raise _why(site, options, error) from error


async def _opened(
    site: str, options: SftpOptions, connection: asyncssh.SSHClientConnection
) -> Link:
    address = f"{options.host}:{options.port}"
    channel = Channel(address)
    try:
        await connection.create_session(
            lambda: channel,
            subsystem="sftp",
            encoding=None,
            window=_RECEIVE_WINDOW,
            max_pktsize=_RECEIVE_PACKET,
        )
        await channel.start()
    except BaseException as error:
        connection.abort()
        if isinstance(error, asyncssh.ChannelOpenError) and error.code != _NOT_CONNECTED:
            raise SiteError(
                "settings", f"site {site!r}: {address} offers no SFTP to this user ({error.reason})"
            ) from error
        if isinstance(error, OSError | asyncssh.Error):  # what the connection was lost by
            raise _unreachable(site, options, str(error) or type(error).__name__) from error
        raise
    return Link(connection, channel)


def _why(site: str, options: SftpOptions, error: Exception) -> SiteError:
    """Return the error for a login that did not come about."""
    if isinstance(error, asyncssh.PermissionDenied):
        way = "password" if options.password else f"key {options.key_file}"
        return SiteError(
            "login",
            f"site {site!r}: {options.host}:{options.port} refuses user {options.user!r} with "
            f"this {way}; correct it, or ask the server's administrator to let it in",
        )
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return SiteError(
            "settings",
            f"site {site!r}: no cipher, or no kind of host key that is known, in common with "
            f"{options.host}:{options.port} ({error.reason})",
        )
    if isinstance(error, socket.gaierror):
        return _unreachable(site, options, "its name is not known; correct host, or the network")
    return _unreachable(site, options, str(error) or type(error).__name__)


def _unreachable(site: str, options: SftpOptions, why: str) -> SiteError:
    return SiteError(
        "unreachable",
        f"site {site!r}: cannot reach {options.host}:{options.port}: {why}",
    )


def _quiet() -> None:
    """Keep asyncssh's account of each connection out of the log, unless somebody asked."""
    logger = logging.getLogger("asyncssh")
    if logger.level == logging.NOTSET:
        asyncssh.set_log_level(logging.ERROR)

"""
Checksums over the server's own bytes, computed there: by an SFTP extension or a command.

A command sees the server's disk through a shell, which may show other folders than SFTP
does (chroot, virtual roots); it is believed for a root only after it has shown the same marker.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import anyio
import asyncssh

from providers.base import SiteError
from providers.sftp import requests
from providers.sftp.channel import Pending
from providers.sftp.errors import is_missing
from providers.sftp.packets import Code, Mode, StatusError
from providers.sftp.pool import Pool

# By mod_sftp and others; draft-ietf-secsh-filexfer-extensions-00 names the algorithms.
_BY_EXTENSION = frozenset({"md5", "sha256"})
_COMMANDS = {
    "xxh128": "xxh128sum",
    "blake2b": "b2sum",
    "sha256": "sha256sum",
    "md5": "md5sum",
}
_PROBE = f"for c in sh cat {' '.join(_COMMANDS.values())}; do command -v $c; done"
_PROBE_SECONDS = 10
# Reads how many names come, then those; prints what the command says of them, and an empty line.
# It stays, and starts one command for many: a login shell, or a process a file, takes a server
# longer than hashing a small file.
_LOOP = (
    "exec 2>/dev/null; while IFS= read -r n; do set --; "
    'while [ "$n" -gt 0 ] && IFS= read -r f; do set -- "$@" "$f"; n=$((n - 1)); done; '
    '{command} "$@"; echo; done'
)
_AT_ONCE = 4
_LONGEST_OUTPUT = 64 * 1024
_FILES_A_COMMAND = 100
_BYTES_A_COMMAND = 64 * 1024  # of names; POSIX promises a command little more
# A line that begins with a backslash has a name in which these are escaped.
_ESCAPED = re.compile(rb"\\([\\nr])")
_MEANT = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}

_Loop = asyncssh.SSHClientProcess[bytes]


class Hashing(Protocol):
    """A way to have the server hash its files."""

    @property
    def algorithms(self) -> frozenset[str]:
        """What it can compute."""
        ...

    async def of(self, marker: bytes, path: bytes, algorithm: str) -> str | None:
        """Return hex digits, or None if it cannot tell; the root's marker proves the place."""
        ...

    async def of_many(
        self, marker: bytes, paths: Sequence[bytes], algorithm: str
    ) -> list[str | None]:
        """Return hex digits of each, or None of those that it cannot tell together."""
        ...


class ByExtension:
    """`check-file`: the SFTP server hashes, so what it names is what it serves."""

    algorithms = _BY_EXTENSION

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of(self, marker: bytes, path: bytes, algorithm: str) -> str | None:  # noqa: ARG002  # needs no proof
        """Return hex digits, or None where the server does not know the algorithm."""
        async with self._pool.channel() as channel:
            used, digest = await channel.ask(requests.check_file(path, algorithm))
        return digest if used == algorithm else None

    async def of_many(
        self,
        marker: bytes,  # noqa: ARG002  # needs no proof
        paths: Sequence[bytes],
        algorithm: str,
    ) -> list[str | None]:
        """Return hex digits of each; None where the server refuses, as some do of nothing."""
        async with self._pool.channel() as channel:
            asked = [channel.send(requests.check_file(path, algorithm)) for path in paths]
            return [await _told(one, algorithm) for one in asked]


async def _told(asked: Pending[tuple[str, str]], algorithm: str) -> str | None:
    try:
        used, digest = await asked.result()
    except StatusError:
        return None
    return digest if used == algorithm else None


async def hashing_by_extension(pool: Pool, home: bytes) -> Hashing | None:
    """Return a way by `check-file`, or None; mod_sftp has it and does not say so."""
    async with pool.channel() as channel:
        try:
            await channel.ask(requests.check_file(home, "md5"))
        except StatusError as error:
            return None if error.code == Code.OP_UNSUPPORTED else ByExtension(pool)
    return ByExtension(pool)


@dataclass(eq=False)
class _Wish:
    """One file to hash; those that wait are served by one command."""

    path: bytes
    algorithm: str
    digest: str | None = None
    again: bool = False
    settled: anyio.Event = field(default_factory=anyio.Event)


class ByCommand:
    """`b2sum` and its like, many files a call."""

    def __init__(self, pool: Pool, commands: Mapping[str, str]) -> None:
        self._pool = pool
        self._commands = commands
        self._wishes: list[_Wish] = []
        self._turns = anyio.Semaphore(_AT_ONCE)
        self._idle: dict[str, list[_Loop]] = {}
        self._same: dict[bytes, bool] = {}
        self._comparing = anyio.Lock()

    @property
    def algorithms(self) -> frozenset[str]:
        """The algorithms whose commands the server has."""
        return frozenset(self._commands)

    async def of(self, marker: bytes, path: bytes, algorithm: str) -> str | None:
        """Return hex digits, or None where the command printed none for this file."""
        command_can = algorithm in self._commands and _can_be_told(path)
        if not command_can or not await self._shows_same(marker):
            return None
        while (wish := await self._served(_Wish(path, algorithm))).again:
            pass
        return wish.digest

    async def of_many(
        self, marker: bytes, paths: Sequence[bytes], algorithm: str
    ) -> list[str | None]:
        """Return hex digits of each, by one command; None where it printed none."""
        command_can = algorithm in self._commands and all(map(_can_be_told, paths))
        if not command_can or not await self._shows_same(marker):
            return [None] * len(paths)
        async with self._turns:
            digests = await self._run(self._commands[algorithm], [*paths])
        return [digests.get(path) for path in paths]

    async def _served(self, wish: _Wish) -> _Wish:
        self._wishes.append(wish)
        try:
            async with self._turns:
                if wish in self._wishes:
                    await self._serve(self._taken(wish))
        finally:
            if wish in self._wishes:
                self._wishes.remove(wish)
        await wish.settled.wait()
        return wish

    def _taken(self, first: _Wish) -> list[_Wish]:
        """Take a wish, and as many like it as one command may serve."""
        taken, size, left = [first], len(first.path), list[_Wish]()
        for wish in self._wishes:
            if wish is first:
                continue
            size += len(wish.path)
            fits = len(taken) < _FILES_A_COMMAND and size < _BYTES_A_COMMAND
            (taken if fits and wish.algorithm == first.algorithm else left).append(wish)
        self._wishes = left
        return taken

    async def _serve(self, wishes: list[_Wish]) -> None:
        """Run one command; where it is not carried through, the others ask again."""
        command = self._commands[wishes[0].algorithm]
        try:
            digests = await self._run(command, [wish.path for wish in wishes])
            for wish in wishes:
                wish.digest = digests.get(wish.path)
        except BaseException:
            for wish in wishes:
                wish.again = True
            raise
        finally:
            for wish in wishes:
                wish.settled.set()

    async def _run(self, command: str, paths: list[bytes]) -> dict[bytes, str]:
        """Ask a loop that stands idle; one that has ended since is replaced once."""
        idle = self._idle.setdefault(command, [])
        while idle:
            if (digests := await self._ask(idle.pop(), idle, paths)) is not None:
                return digests
        loop = await _start(self._pool, command)
        return (loop and await self._ask(loop, idle, paths)) or {}

    async def _ask(
        self, loop: _Loop, idle: list[_Loop], paths: list[bytes]
    ) -> dict[bytes, str] | None:
        """Return the digests; a loop that was not asked to the end is of no more use."""
        try:
            digests = await _digests(loop, paths)
        except BaseException:
            loop.close()
            raise
        if digests is None:
            loop.close()
        else:
            idle.append(loop)
        return digests

    async def _shows_same(self, marker: bytes) -> bool:
        """Return whether the shell shows the marker that SFTP shows."""
        async with self._comparing:
            if marker not in self._same:
                content = await self._content(marker)
                if not content:
                    return False  # it may be made yet
                command = f"cat {shlex.quote(marker.decode())}"
                self._same[marker] = await _output(self._pool, command) == content
            return self._same[marker]

    async def _content(self, path: bytes) -> bytes:
        """Return what SFTP shows of a marker; nothing where there is none."""
        async with self._pool.channel() as channel:
            try:
                handle = await channel.open(requests.open_file(path, Mode.READ))
            except StatusError as error:
                if is_missing(error):
                    return b""
                raise
            content = await channel.ask(requests.read(handle, 0, 4096))
            await channel.ask(requests.close(handle))
            return content


async def hashing_by_command(pool: Pool) -> Hashing | None:
    """Return a way by commands, or None where the server runs none for this user."""
    # A server that forces SFTP upon every command takes the end of input for its own end.
    with anyio.move_on_after(_PROBE_SECONDS):
        found = {
            line.rpartition(b"/")[2].strip().decode(errors="replace")
            for line in (await _output(pool, _PROBE)).splitlines()
        }
        commands = {name: command for name, command in _COMMANDS.items() if command in found}
        if commands and {"sh", "cat"} <= found:
            return ByCommand(pool, commands)
    return None


async def _output(pool: Pool, command: str) -> bytes:
    """Run a command on the server and return how its output begins; nothing where it may not run."""
    output = b""
    lease = await pool.lease()
    try:
        process = await lease.link.connection.create_process(command, encoding=None)
        async with process:
            process.stdin.write_eof()
            output = await _beginning(process.stdout)
    except asyncssh.ChannelOpenError:
        return b""
    except (OSError, asyncssh.Error) as error:
        raise SiteError("unreachable", f"the connection was lost: {error}") from error
    finally:
        lease.release()
    return output


async def _beginning(stream: asyncssh.SSHReader[bytes]) -> bytes:
    """Return all that comes, up to a limit."""
    try:
        return await stream.readexactly(_LONGEST_OUTPUT)
    except asyncio.IncompleteReadError as whole:
        return whole.partial


async def _start(pool: Pool, command: str) -> _Loop | None:
    """Start a loop on the server, or return None where it may not run."""
    lease = await pool.lease()
    try:
        loop = shlex.quote(_LOOP.format(command=command))
        return await lease.link.connection.create_process(f"sh -c {loop}", encoding=None)
    except asyncssh.ChannelOpenError:
        return None
    except (OSError, asyncssh.Error) as error:
        raise SiteError("unreachable", f"the connection was lost: {error}") from error
    finally:
        lease.release()


def _can_be_told(path: bytes) -> bool:
    """Return whether a path is one line and no option."""
    return path.startswith(b"/") and b"\n" not in path


async def _digests(loop: _Loop, paths: list[bytes]) -> dict[bytes, str] | None:
    """Return what a loop prints of each path; None where it has ended, or prints something else."""
    found: dict[bytes, str] = {}
    try:
        loop.stdin.write(b"\n".join([b"%d" % len(paths), *paths, b""]))
        while (line := await loop.stdout.readline()) != b"\n":
            if not line.endswith(b"\n") or len(found) >= len(paths):
                return None
            digits, _, name = line[:-1].partition(b" ")
            name = name[1:]  # after a space for text, or a star
            if line.startswith(b"\\"):
                digits, name = digits[1:], _ESCAPED.sub(lambda m: _MEANT[m[1]], name)
            found[name] = digits.decode("ascii", "replace")
    except (OSError, asyncssh.Error):
        return None
    return found

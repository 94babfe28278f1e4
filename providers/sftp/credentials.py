"""The private key of a site, read once, with a clear word where it cannot serve."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import asyncssh

from providers.base import SiteError
from providers.sftp.options import SftpOptions

_PUTTY = b"PuTTY-User-Key-File"


def load_key(site: str, options: SftpOptions) -> asyncssh.SSHKey | None:
    """Return the key to log in with, or None for a site with a password. Blocks."""
    if options.key_file is None:
        return None
    data, found = _read(site, options.key_file)
    if data.startswith(_PUTTY):
        raise _no_key(site, _putty_advice(options.key_file))
    key = _opened(site, options, options.key_file, data)
    if _is_everybodys(found):
        raise _no_key(
            site,
            f"key file {options.key_file} may be read or written by others than its owner, so it "
            f"is not used (nor would ssh use it); run: chmod 600 {options.key_file}",
        )
    return key


def _read(site: str, file: Path) -> tuple[bytes, os.stat_result]:
    try:
        with file.open("rb") as opened:
            return opened.read(), os.fstat(opened.fileno())
    except FileNotFoundError:
        raise _no_key(site, f"there is no key file {file}; correct key_file") from None
    except PermissionError:
        raise _no_key(
            site,
            f"key file {file} may not be read by this user; make it readable "
            f"(on Linux and macOS: chown it to this user and chmod 600 {file})",
        ) from None
    except OSError as error:
        raise _no_key(site, f"key file {file} cannot be read: {error.strerror}") from None


def _is_everybodys(found: os.stat_result) -> bool:
    """Return whether a key of ours is open to others; that of another user is that one's concern."""
    if sys.platform == "win32":
        return False  # rights are no bits there
    return found.st_uid == os.geteuid() and bool(found.st_mode & 0o077)


def _opened(site: str, options: SftpOptions, file: Path, data: bytes) -> asyncssh.SSHKey:
    secret = options.key_passphrase.get_secret_value() if options.key_passphrase else None
    try:
        return asyncssh.import_private_key(data, secret)
    except asyncssh.KeyEncryptionError:
        raise _no_key(site, f"key_passphrase does not open key file {file}") from None
    except asyncssh.KeyImportError as error:
        if secret is None and "passphrase" in str(error).lower():
            raise _no_key(
                site, f"key file {file} is locked by a passphrase; set key_passphrase"
            ) from None
        raise _no_key(
            site, f"{file} holds no private key in OpenSSH or PEM format; correct key_file"
        ) from None


def _putty_advice(file: Path) -> str:
    target = file.with_suffix(".pem")
    return (
        f"key file {file} is in PuTTY's format; convert it and set key_file to the result: "
        f"puttygen {file} -O private-openssh -o {target}"
    )


def _no_key(site: str, message: str) -> SiteError:
    return SiteError("settings", f"site {site!r}: {message}")

"""This machine's site id: made once, and kept in the user's `machine.toml`."""

from __future__ import annotations

import os
import re
import secrets
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import tomli_w

from config.errors import SettingsError
from config.tables import unwrapped
from config.toml_file import read_table, read_text


def keep_new_site_id(file: Path) -> None:
    """
    Add a new site id to `file`, which only its owner may read from then on.

    One that is there by now stays; of several processes that make the file, the first one's does.
    """
    try:
        if file.exists():
            _add(file.resolve())
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            _write(file, tomli_w.dumps(_settings()), _place)
    except OSError as error:
        raise SettingsError(
            [
                f"{file}: this machine's site id cannot be kept there: {error.strerror}; "
                "set SITESYNC_SITE_ID to a name for this machine"
            ]
        ) from None


def _settings() -> dict[str, object]:
    return {"machine": {"site_id": _new_site_id(socket.gethostname())}}


def _new_site_id(host: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", host.partition(".")[0].lower()).strip("-")
    return f"{name[:24] or 'machine'}-{secrets.token_hex(3)}"


def _add(file: Path) -> None:
    table = read_table(file)
    if "site_id" in table.table("machine").entries:
        return
    if "machine" in table.entries:  # and empty: there is no other key
        data = {key: unwrapped(node) for key, node in table.entries.items()}
        text = tomli_w.dumps({**data, **_settings()})
    else:
        text = f"{read_text(file).rstrip()}\n\n{tomli_w.dumps(_settings())}"
    _write(file, text, Path.replace)


def _write(file: Path, text: str, place: Callable[[Path, Path], object]) -> None:
    """Write a file that only its owner may read, then put it in its place in one step."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    made = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        place(made, file)
    finally:
        made.unlink(missing_ok=True)


def _place(made: Path, file: Path) -> None:
    """Give a new file its name unless another process was first."""
    try:
        file.hardlink_to(made)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        made.replace(file)

"""rclone as a server of the tests, and the configurations that their remotes are in."""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from providers.base import Provider, Setup
from providers.rclone import KIND, RcloneOptions
from providers.rclone.program import find_rclone
from tests.servers.processes import free_port, served

RCLONE = find_rclone("tests", None)

Remotes = Mapping[str, Mapping[str, str]]


@contextmanager
def serving(protocol: str, folder: Path, *options: str) -> Generator[int]:
    """Have rclone serve a folder by a protocol, and yield the port."""
    port = free_port()
    kept = folder.parent / f"rclone-{port}"  # else in the home of whoever runs the tests
    home = ["--config", str(kept / "rclone.conf"), "--cache-dir", str(kept)]
    address = ["--addr", f"127.0.0.1:{port}"]
    command = [str(RCLONE), *home, "serve", protocol, str(folder), *address, *options]
    with served(command, port, folder.parent / f"{protocol}-{port}.log"):
        yield port


def configuration(file: Path, remotes: Remotes) -> Path:
    """Write rclone's configuration, and return the file."""
    sections = (
        "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in keys.items())])
        for name, keys in remotes.items()
    )
    file.write_text("\n\n".join(sections) + "\n")
    return file


def obscured(password: str) -> str:
    """Return a password as rclone's configuration holds it."""
    command = [str(RCLONE), "obscure", "-"]
    done = subprocess.run(command, input=password, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def site(remote: str, config: Path, roots: Mapping[str, str], **options: object) -> Provider:
    """Return a provider of a remote."""
    settings = {"remote": remote, "config_file": config, **options}
    return KIND.make(Setup("cloud", roots, RcloneOptions.model_validate(settings)))

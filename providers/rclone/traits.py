"""What rclone says of a remote (`operations/fsinfo`), and what a site can do by that. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from providers.base import Features
from providers.checksums import ALGORITHMS
from providers.rclone.options import ChecksumChoice

_SECOND = 1_000_000_000
_NO_TIMES = 365 * 86_400 * _SECOND  # rclone says a hundred years where times are not kept
TRANSFERS = 8
_BUNDLE = 4
# By speed; all bytes that are read are held against it.
_TOLD = ("sha256", "dropbox", "md5", "sha1")
# What lies there is safe when they say so; of disks, servers and wrappers rclone does not know.
_DURABLE = frozenset(
    (
        *("azureblob", "azurefiles", "b2", "box", "drive", "dropbox", "google cloud storage"),
        *("jottacloud", "koofr", "mega", "onedrive", "oracleobjectstorage", "pcloud"),
        *("protondrive", "s3", "sharefile", "storj", "swift", "yandex", "zoho"),
    )
)


@dataclass(frozen=True, slots=True)
class Traits:
    """
    A remote as its provider treats it.

    `renames`: moving a file there changes nothing of its bytes, time and id. `is_local`: its files
    are on a disk of this machine. `times_are_slow`: each costs a call, so they are not asked for.
    `told` is the checksum that its service keeps and tells along with size and time; `compared`
    the one by which a copy is held against its original, though it may take a call of its own.
    """

    features: Features
    renames: bool
    is_local: bool
    folds_case: bool
    times_are_slow: bool
    told: str | None
    compared: str | None

    def options(self, *hashes: str) -> dict[str, object]:
        """Return what rclone is to tell of files: no more than costs nothing, and some hashes."""
        wanted = list(dict.fromkeys((*hashes, *([self.told] if self.told else ()))))
        return {
            "noMimeType": True,
            "noModTime": self.times_are_slow,
            "showHash": bool(wanted),
            "hashTypes": wanted,
        }

    @property
    def keeps_times(self) -> bool:
        """Whether files have the times that they are uploaded with."""
        return self.features.mtime_resolution_ns is not None


def traits_of(info: Mapping[str, Any], kind: str, checksum: ChecksumChoice) -> Traits:
    """Return the traits of a remote of a kind (its `type`) of which rclone tells this."""
    can: Mapping[str, bool] = info["Features"]
    is_local = can.get("IsLocal", False)
    hashes = ALGORITHMS.keys() & {*(info.get("Hashes") or ())} if checksum == "auto" else ()
    features = Features(
        # Of all others rclone wants the old file gone first, or nobody knows what their service does.
        atomic_replace=is_local,
        resume=False,
        revokes_unfinished=False,
        durable=kind in _DURABLE,
        checksums=frozenset(hashes),
        read_back=checksum == "read-back",
        mtime_resolution_ns=_resolution(info, can),
        transfers=TRANSFERS,
        bundle=_BUNDLE,
        space=can.get("About", False),
    )
    compared = _compared(features.checksums, can)
    return Traits(
        replace(features, copies=can.get("Copy", False) and compared is not None),
        renames=can.get("Move", False),
        is_local=is_local,
        folds_case=can.get("CaseInsensitive", False),
        times_are_slow=can.get("SlowModTime", False),
        # Where times need a call, a checksum may need one, too.
        told=None if can.get("SlowModTime", False) else compared,
        compared=compared,
    )


def _compared(checksums: Collection[str], can: Mapping[str, bool]) -> str | None:
    """Return the checksum that the service keeps, the fastest one."""
    if can.get("SlowHash", False):
        return None
    return next((name for name in _TOLD if name in checksums), None)


def _resolution(info: Mapping[str, Any], can: Mapping[str, bool]) -> int | None:
    """Return how fine times are; None where they are not kept, or not asked for."""
    precision = int(info["Precision"])
    if not 0 < precision < _NO_TIMES or can.get("SlowModTime", False):
        return None
    return precision

"""What a site can do, as data. Authors import this from `providers.base`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Features:
    """
    What a site can do, as data: callers look here and never ask what class a provider is.

    `checksums` are the algorithms that the site computes over its own bytes, without our
    reading them; `mtime_resolution_ns` is None where times are not kept; `derived_handles`
    means that a handle follows from place and claim, so it needs no journal to be revoked;
    `transfers` is how many at once suit the site, and `bundle` how many small files are best
    sent together as one of them. `read_back` asks for staged bytes to be read back where the site cannot hash them.

    Where what is staged is an upload that a service holds open: `published_checksum` is the
    algorithm that the facts returned by `publish` carry, for services that hash only what is
    whole; `reads_staged` tells whether staged bytes can be read back, and `cuts_staged` whether
    writing may go on anywhere in them (otherwise only where they end).
    `proves_writes` means that the service hashes what it is sent, piece by piece, and that what
    `Sink.flush` acknowledged is what it hashed: no more proof is needed than that all is there.
    Without `revokes_unfinished`, what is still being written is revoked for good only by the
    provider that writes it; what was flushed, by any. That is enough for transfers: they renew
    their claims after that, so none is published that anybody else may have revoked before.
    `lists_sizes_only`: listings tell neither times nor ids, which `facts` does.
    `bundles`: it is a `BundleProvider` (`providers.small`). `copies`, `changes` and `parts`: it
    is a `CopyingProvider`, a `ChangingProvider`, a `PartedProvider` (`providers.services`).
    `space`: it is a `SpaceProvider` (`providers.space`); `copies_staged`: it is a
    `StagedCopyProvider` (`providers.services`).
    """

    atomic_replace: bool = True
    resume: bool = True
    derived_handles: bool = True
    durable: bool = True
    checksums: frozenset[str] = frozenset()
    mtime_resolution_ns: int | None = None
    local_paths: bool = False
    read_back: bool = False
    published_checksum: str | None = None
    reads_staged: bool = True
    cuts_staged: bool = True
    proves_writes: bool = False
    lists_sizes_only: bool = False
    revokes_unfinished: bool = True
    transfers: int = 8
    bundle: int = 1
    bundles: bool = False
    copies: bool = False
    changes: bool = False
    parts: bool = False
    space: bool = False
    copies_staged: bool = False

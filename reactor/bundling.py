"""
Small files that go together: as one transfer, and from a disk in few steps for all of them.

The latter keeps the order of `reactor.transfer`, for files of which no former owner staged anything
and where nothing stands at their place. Whatever turns out otherwise is left as it was, to be
carried out by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import anyio
import structlog

from providers.base import Handle, ProviderError, SiteError
from providers.small import SMALL, BundleProvider, SmallFiles
from reactor.checksums import best_algorithm
from reactor.scheduler import Running
from reactor.sites import Site
from reactor.staging import copy_together, kernel_copies
from reactor.tasks import plain_errors
from reactor.transfer import Transfer

log = structlog.stdlib.get_logger()

BUNDLE_BYTES = 8 * SMALL
"""As much a bundle holds: what is sent together is in memory, once for each transfer of a site."""


class Started(NamedTuple):
    """A claimed transfer to one site, as it is run and as it is carried out."""

    running: Running
    transfer: Transfer


def bundles(started: Sequence[Started], most: int) -> Iterator[Sequence[Started]]:
    """Yield what counts as one transfer: some small files of one way, others alone, in order."""
    small: dict[str | None, list[Started]] = {}
    for one in started:
        if one.running.job.size <= SMALL:
            source = one.transfer.relay_source
            small.setdefault(source.label if source else None, []).append(one)
    for alike in small.values():
        yield from _filled(alike, most)
    for one in started:
        if one.running.job.size > SMALL:
            yield [one]


def _filled(alike: Sequence[Started], most: int) -> Iterator[Sequence[Started]]:
    """Yield bundles of at most so many files, of which no more bytes are kept than are good."""
    bundle: list[Started] = []
    size = 0
    for one in alike:
        if bundle and (len(bundle) == most or size + one.running.job.size > BUNDLE_BYTES):
            yield bundle
            bundle, size = [], 0
        bundle.append(one)
        size += one.running.job.size
    if bundle:
        yield bundle


def share(size: int, most: int) -> float:
    """Return the part of a transfer that a file of so many bytes is."""
    return max(1 / most, size / BUNDLE_BYTES) if size <= SMALL else 1.0


async def stage_together(transfers: Sequence[Transfer]) -> list[Transfer]:
    """
    Stage those transfers to one site that are plain; they have `staged` then.

    Raises nothing: what fails here fails again, and is told, where it is carried out alone.
    Returns those of which something was sent that may arrive later: a site was lost meanwhile.
    """
    unsure: list[Transfer] = []
    by_source: dict[str, tuple[Site, list[Transfer]]] = {}
    for transfer in transfers:
        if source := transfer.fresh_source:
            by_source.setdefault(source.label, (source, []))[1].append(transfer)
    for source, together in by_source.values():
        step = _copy if kernel_copies(source, together[0].destination) else _send
        try:
            await step(source, together)
        except ProviderError as error:
            log.debug("not staged together", site=source.label, why=str(error)[:200])
            unsure += together if isinstance(error, SiteError) else []
        except Exception:
            log.exception("unexpected", site=source.label)
    return unsure


async def _copy(source: Site, together: Sequence[Transfer]) -> None:
    handles = [transfer.handle for transfer in together]
    copies = await copy_together(source, together[0].destination, handles)
    for transfer, copied in zip(together, copies, strict=True):
        if copied is not None:
            await transfer.accept_fresh(source, copied)


async def _send(source: Site, together: Sequence[Transfer]) -> None:
    """Read all, send all, then verify each: the site hashes many together."""
    disk = cast("SmallFiles", source.provider)
    read = await disk.read_small([transfer.job.where for transfer in together])
    found = [(t, file) for t, file in zip(together, read, strict=True) if file is not None]
    site = cast("BundleProvider", together[0].destination.provider)
    done = await site.stage_bundle([(t.handle, file.content) for t, file in found])
    staged = [one for one, is_staged in zip(found, done, strict=True) if is_staged]
    try:
        checksums = await _told(site, [transfer.handle for transfer, _ in staged])
        with plain_errors():
            async with anyio.create_task_group() as verifying:
                for (transfer, file), told in zip(staged, checksums, strict=True):
                    if told is None:
                        verifying.start_soon(transfer.accept_sent, source, file, told)
                    else:  # it seldom waits for anything: a task would cost as much as it does
                        await transfer.accept_sent(source, file, told)
    except ProviderError:
        for transfer, _ in staged:
            if transfer.staged is None:  # it is staged again, alone
                await site.revoke(transfer.handle)
        raise


async def _told(site: BundleProvider, handles: Sequence[Handle]) -> Sequence[str | None]:
    """Return what a site tells of staged files; None for each that it has to be asked for alone."""
    algorithm = best_algorithm(site.features.checksums)
    if algorithm is None or not handles:
        return [None] * len(handles)
    return await site.staged_checksums(handles, algorithm)

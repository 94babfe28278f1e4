"""
Small files that go together: as one transfer, and from disk to disk in one hop into a thread.

The latter keeps the order of `reactor.transfer`, for files of which no former owner staged anything
and where nothing stands at their place. Whatever turns out otherwise is left as it was, to be
carried out by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import structlog

from providers.base import Handle, ProviderError
from reactor.scheduler import Running
from reactor.sites import Site
from reactor.staging import copy_together
from reactor.transfer import Transfer

log = structlog.stdlib.get_logger()

_SMALL = 1024 * 1024


class Started(NamedTuple):
    """A claimed transfer to one site, as it is run and as it is carried out."""

    running: Running
    transfer: Transfer


def bundles(started: Sequence[Started], most: int) -> Iterator[Sequence[Started]]:
    """Yield what counts as one transfer: some small files of one way, others alone, in order."""
    small: dict[str | None, list[Started]] = {}
    for one in started:
        if one.running.job.size <= _SMALL:
            source = one.transfer.relay_source
            small.setdefault(source.label if source else None, []).append(one)
    for alike in small.values():
        for index in range(0, len(alike), most):
            yield alike[index : index + most]
    for one in started:
        if one.running.job.size > _SMALL:
            yield [one]


async def stage_together(transfers: Sequence[Transfer]) -> None:
    """
    Stage those transfers to one site that are plain copies; they have `staged` then.

    Raises nothing: what fails here fails again, and is told, where it is carried out alone.
    """
    by_source: dict[str, tuple[Site, list[Transfer]]] = {}
    for transfer in transfers:
        if source := transfer.fresh_source:
            by_source.setdefault(source.label, (source, []))[1].append(transfer)
    for source, together in by_source.values():
        try:
            await _stage_from(source, together)
        except ProviderError as error:
            log.debug("not staged together", site=source.label, why=str(error)[:200])
        except Exception:
            log.exception("unexpected", site=source.label)


async def _stage_from(source: Site, together: Sequence[Transfer]) -> None:
    handles = [Handle(transfer.job.where, transfer.claim.id) for transfer in together]
    copies = await copy_together(source, together[0].destination, handles)
    for transfer, copied in zip(together, copies, strict=True):
        if copied is not None:
            await transfer.accept_fresh(source, copied)

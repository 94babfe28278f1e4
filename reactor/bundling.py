"""
Small files from disk to disk, looked at and copied together: one hop into a thread for all.

It keeps the order of `reactor.transfer`, for files of which no former owner staged anything
and where nothing stands at their place. Whatever turns out otherwise is left as it was, to be
carried out by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from providers.base import Handle, ProviderError
from reactor.sites import Site
from reactor.staging import copy_together
from reactor.transfer import Transfer

log = structlog.stdlib.get_logger()


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

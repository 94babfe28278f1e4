"""
Cancelled anywhere: nothing half-done is visible, and the provider serves on.

Each call is carried out once to its end, to know how long it takes, and is then cancelled
at several moments of that time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

from providers.base import CHUNK, ChangedFileError, Handle, MissingFileError, Provider, RevokedError
from providers.conformance.moves import (
    Conformance,
    at,
    content_at,
    difference,
    listed,
    new_claim,
    payload,
    publish,
    put,
    stage,
    staged_content,
    write,
)
from providers.conformance.needs import needs

_MOMENTS = (0.0, 0.2, 0.5, 0.8)
_PLACE = "shot/file.exr"
_OLD = payload(1000)
_NEW = payload(CHUNK + 5)

Act = Callable[[Provider, Handle], Awaitable[object]]


async def _checksums(provider: Provider, handle: Handle) -> None:
    for algorithm in provider.features.checksums:
        await provider.checksum(handle, algorithm)


async def _write(provider: Provider, handle: Handle) -> None:
    """Write from the start: over what is staged, or, where that cannot be cut, beside it."""
    if not provider.features.cuts_staged:
        handle = await provider.stage(handle.where, new_claim(), len(_NEW))
    await write(provider, handle, _NEW)


ACTS: dict[str, Act] = {
    "marker": lambda provider, _: provider.marker("work"),
    "make_marker": lambda provider, _: provider.make_marker("bare"),
    "facts": lambda provider, _: provider.facts(at(_PLACE)),
    "read": lambda provider, _: content_at(provider, _PLACE),
    "read_staged": staged_content,
    "stage": lambda provider, handle: provider.stage(handle.where, new_claim(), len(_NEW)),
    "write": _write,
    "staged_size": lambda provider, handle: provider.staged_size(handle),
    "checksum": _checksums,
    "adopt": lambda provider, handle: provider.adopt(handle, new_claim()),
    "publish": publish,
    "revoke": lambda provider, handle: provider.revoke(handle),
    "remove": lambda provider, _: provider.remove(at(_PLACE)),
    "listing": lambda provider, _: listed(provider),
}


async def _found(provider: Provider) -> bytes | None:
    """Return what stands at the place, once nothing that was cancelled is at work there any more."""
    while True:
        try:
            return await content_at(provider, _PLACE)
        except MissingFileError:
            return None
        except ChangedFileError:
            await anyio.sleep(0.1)


class CancellationConformance(Conformance):
    """Every call may be cancelled at every moment."""

    @pytest.mark.parametrize("call", ACTS)
    async def test_after_a_cancelled_call_files_are_whole_and_it_serves_on(
        self, provider: Provider, other: Provider, call: str
    ) -> None:
        if call == "read_staged":
            needs(provider, "reads_staged")
        act = ACTS[call]
        possible = _possible(provider, call)
        await put(provider, _PLACE, _OLD)
        handle, began = await stage(provider, _PLACE, _NEW), anyio.current_time()
        await act(provider, handle)
        took = anyio.current_time() - began

        for moment in _MOMENTS:
            await put(provider, _PLACE, _OLD)
            handle = await stage(provider, _PLACE, _NEW)
            with anyio.move_on_after(took * moment):
                await act(provider, handle)
            await other.revoke(handle)

            found = await _found(other)
            assert found in possible
            with pytest.raises(RevokedError):
                await publish(provider, handle)
            assert await _found(provider) in (found, None if call == "remove" else found)
            assert set(await listed(provider)) <= {_PLACE}

        await put(provider, "shot/after.exr", _NEW)
        assert not difference(await content_at(other, "shot/after.exr"), _NEW)


def _possible(provider: Provider, call: str) -> tuple[bytes | None, ...]:
    """Return what may stand at the place after a cancelled call: whole files, or what it takes away."""
    if call == "publish":
        return (_OLD, _NEW) if provider.features.atomic_replace else (_OLD, _NEW, None)
    return (_OLD, None) if call == "remove" else (_OLD,)

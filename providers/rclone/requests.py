"""One call of rclone's remote control: parameters there, an answer or rclone's word why not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import aiohttp
from anyio import to_thread

_WORTH_A_THREAD = 256 * 1024
_OK = 200
_NOT_FOUND = 404

Answer = dict[str, Any]


class RcError(Exception):
    """
    What rclone answers instead: its own words, which may hold secrets.

    They are for `providers.rclone.errors` alone; nobody else shows them. `is_missing` tells that
    there is no such file or folder.
    """

    def __init__(self, text: str, *, is_missing: bool) -> None:
        super().__init__("rclone refused")
        self.text = text
        self.is_missing = is_missing


async def ask(session: aiohttp.ClientSession, url: str, parameters: Mapping[str, object]) -> Answer:
    """Call a function of rclone's; `RcError` where it answers with an error."""
    async with session.post(url, json=parameters) as response:
        body = await response.read()
        if response.status != _OK:
            raise refusal(body, response.status)
    return await _parsed(body)


def refusal(body: bytes, status: int) -> RcError:
    """Return what rclone said; what is not its own JSON does not tell that anything is missing."""
    try:
        answer = cast("Answer", json.loads(body))
        return RcError(str(answer["error"]), is_missing=status == _NOT_FOUND)
    except (ValueError, KeyError):
        return RcError(body.decode(errors="replace"), is_missing=False)


async def _parsed(body: bytes) -> Answer:
    """Parse an answer; that of a large folder would hold everybody else up."""
    if len(body) < _WORTH_A_THREAD:
        return cast("Answer", json.loads(body))
    return cast("Answer", await to_thread.run_sync(json.loads, body))

"""The calls that are made: what is known of them, and how often an account makes them."""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, cast

import anyio

from tests.providers.gdrive.sites import Studio


def _described(description: dict[str, Any]) -> Iterator[str]:
    for name, resource in description["resources"].items():
        for method in resource["methods"]:
            yield f"{name}.{method}"


def test_the_description_of_the_api_has_the_calls_that_are_made_and_no_others() -> None:
    text = files("providers.gdrive").joinpath("drive_v3.json").read_text(encoding="utf-8")
    source = files("providers.gdrive").joinpath("calls.py").read_text(encoding="utf-8")
    made = {
        cast("ast.Constant", node.args[0]).value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "call"
    }
    assert set(_described(json.loads(text))) == made


async def test_all_sites_of_an_account_share_its_pace(studio: Studio) -> None:
    rate, calls = 20.0, 25
    studio.drive.settings(calls_per_second=2 * rate)  # what a full bucket and its refill come to
    try:
        async with (
            studio.provider(calls_per_second=rate) as one,
            studio.provider(calls_per_second=rate) as other,
        ):
            began = time.monotonic()
            async with anyio.create_task_group() as together:
                for _ in range(calls):
                    together.start_soon(one.marker, "bare")
                    together.start_soon(other.marker, "bare")
            took = time.monotonic() - began
    finally:
        studio.drive.settings(calls_per_second=None)
    assert took > (2 * calls - rate) / rate * 0.9

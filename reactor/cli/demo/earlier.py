"""What an earlier demo left: work that was interrupted is finished, anything else is cleared."""

from __future__ import annotations

from typing import Any

from anyio import to_thread

from config.models import Mongo
from reactor.cli.demo.layout import DRIVE, PROJECT, Layout
from reactor.cli.demo.watching import Watch
from reactor.database import Client


async def clear_unless_interrupted(client: Client, layout: Layout) -> bool:
    """
    Return whether there is unfinished work; if there is none, nothing of before is left.

    What failed, rather than being interrupted, is cleared too: it would fail again.
    """
    watch = Watch(layout, client[DATABASE][PROJECT])
    await watch.read()
    missing = list(watch.missing())
    failed = any(entry and entry.error for _, entry in missing)
    begun = any(entry or copy.site != DRIVE for copy, entry in missing)
    if begun and not failed:  # what lacks at a Drive alone may be of a demo that had none
        return True
    for name in (DATABASE, STATE):
        await client.drop_database(name)
    await to_thread.run_sync(layout.clear_sites)
    await client[DATABASE][PROJECT].insert_one(_PROJECT_DOCUMENT.copy())
    return False


DATABASE: str = Mongo().database
STATE: str = Mongo().state_database
_PROJECT_DOCUMENT: dict[str, Any] = {"type": "project", "name": PROJECT, "data": {"code": "demo"}}

"""
OpenPype's own sync loop, which must not run for a site that we serve.

It leaves no sign of life in the database; only the traces that its writes leave can be seen.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from reactor.cli.checks.finding import Finding, ok, warning
from reactor.presence import Presence
from reactor.queries import REPRESENTATION, Stage

_LOOKED_AT = 10_000


async def check_predecessor(
    database: AsyncDatabase[dict[str, Any]],
    projects: Collection[str],
    sites: Collection[str],
    presence: Presence,
) -> Finding:
    """Return whether wanted entries show progress that no claim accounts for."""
    claimed = {(claim.project, claim.path) for claim in presence.claims}
    for project in projects:
        cursor = await database[project].aggregate(_in_progress(sorted(sites)))
        async for found in cursor:
            if (project, found["path"]) not in claimed:
                return warning(
                    "predecessor",
                    f"{found['path']} of project {project} shows progress at {found['site']}, "
                    "but no reactor works on it: OpenPype's own sync loop may be running",
                    "turn OpenPype's Sync Server off for these sites, or end its `syncserver` "
                    "(an old trace of it goes away with the next transfer)",
                )
    return ok(
        "predecessor",
        "no trace of OpenPype's own sync loop; it must not run for these sites: "
        f"{', '.join(sorted(sites)) or 'none'}",
    )


def _in_progress(sites: list[str]) -> list[Stage]:
    """Return the pipeline for files with progress at wanted entries of some sites."""
    entry = {"files.sites.name": {"$in": sites}, "files.sites.created_dt": None}
    wanted = {"files.sites": {"$elemMatch": {"name": {"$in": sites}, "created_dt": None}}}
    return [
        {"$match": {**REPRESENTATION, **wanted}},
        {"$limit": _LOOKED_AT},
        {"$project": {"files.path": 1, "files.sites": 1}},
        {"$unwind": "$files"},
        {"$unwind": "$files.sites"},
        {"$match": {**entry, "files.sites.progress": {"$type": "number"}}},
        {"$limit": 1000},
        {"$project": {"path": "$files.path", "site": "$files.sites.name"}},
    ]

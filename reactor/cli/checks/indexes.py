"""The two indexes of each project, without which every scan reads everything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from config.errors import nearest
from config.models import Settings
from reactor.cli.checks.finding import Finding, ok, problem, warning
from reactor.database import Client
from reactor.queries import INDEXES, REPRESENTATION
from reactor.reader import Reader


async def check_projects(client: Client, settings: Settings) -> list[Finding]:
    """Return what is to be said of each enabled project's collection."""
    database = settings.mongo.database
    there = await Reader(client[database]).projects()
    findings = [
        warning(
            f"project {name}",
            f"the settings speak of it, but {database!r} has no such project",
            f"create it, or correct its name{nearest(name, there)}",
        )
        for name in settings.projects
        if name not in there
    ]
    rights = await _Rights.read(client)
    enabled = [name for name in there if settings.project(name).enabled]
    findings += [await _check_indexes(client, database, name, rights) for name in enabled]
    return findings or [warning("projects", f"{database!r} has no project yet", "create one")]


async def _check_indexes(client: Client, database: str, project: str, rights: _Rights) -> Finding:
    found = await client[database][project].index_information()
    missing = [name for name in INDEXES if not _is_right(name, found.get(name))]
    about = f"project {project}"
    if not missing:
        return ok(about, "has both indexes")
    text = f"lacks the index {' and '.join(missing)}: scans are slow"
    if rights.may_index(database, project):
        return warning(about, text, "start a reactor (`sitesync run`): it makes them")
    commands = "; ".join(_command(database, project, name) for name in missing)
    return problem(
        about, f"{text}, and this login may not create it", f"run in mongosh: {commands}"
    )


def _is_right(name: str, found: Mapping[str, Any] | None) -> bool:
    if found is None:
        return False
    partial = found.get("partialFilterExpression") == REPRESENTATION
    return partial and [tuple(key) for key in found["key"]] == INDEXES[name]


def _command(database: str, project: str, index: str) -> str:
    keys = json.dumps(dict(INDEXES[index]))
    options = json.dumps({"name": index, "partialFilterExpression": REPRESENTATION})
    where = f"db.getSiblingDB({json.dumps(database)}).getCollection({json.dumps(project)})"
    return f"{where}.createIndex({keys}, {options})"


class _Rights:
    """What our login may do; all, where the server asks for no login."""

    def __init__(self, status: Mapping[str, Any]) -> None:
        self._has_login = bool(status["authenticatedUsers"])
        self._privileges: list[Mapping[str, Any]] = status["authenticatedUserPrivileges"]

    @classmethod
    async def read(cls, client: Client) -> _Rights:
        answer = await client.admin.command("connectionStatus", showPrivileges=True)
        return cls(answer["authInfo"])

    def may_index(self, database: str, collection: str) -> bool:
        return not self._has_login or any(
            "createIndex" in privilege["actions"]
            and _covers(privilege["resource"], database, collection)
            for privilege in self._privileges
        )


def _covers(resource: Mapping[str, Any], database: str, collection: str) -> bool:
    if resource.get("anyResource"):
        return True
    names = (resource.get("db"), resource.get("collection"))
    return names[0] in ("", database) and names[1] in ("", collection)

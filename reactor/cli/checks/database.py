"""MongoDB: its version, how far its history reaches, and whether its clock is ours."""

from __future__ import annotations

from typing import Any

from pymongo.errors import OperationFailure

from reactor.cli.amounts import duration_text
from reactor.cli.checks.finding import Finding, ok, problem, warning
from reactor.clock import DatabaseClock
from reactor.database import Client

_TRIED_WITH = (6, 0)
_WINDOW_HOURS = 24
_SKEW_SECONDS = 2
_LENGTHEN = (
    "run db.adminCommand({replSetResizeOplog: 1, minRetentionHours: 72}) on each of its servers: "
    "a reactor that is down for longer has to scan everything"
)


async def check_server(client: Client) -> Finding:
    """Return what server this is. That it is a replica set was seen when connecting."""
    hello = await client.admin.command("hello")
    build = await client.admin.command("buildInfo")
    return server_finding(build["version"], _kind(hello))


def server_finding(version: str, kind: str) -> Finding:
    """Return what it means that a server of this version answers."""
    text = f"version {version}, {kind}, answers"
    if tuple(int(part) for part in version.split(".")[:2]) < _TRIED_WITH:
        return warning("MongoDB", text, "upgrade it: SiteSync was tried with 6.0 and later")
    return ok("MongoDB", text)


def _kind(hello: dict[str, Any]) -> str:
    return f"replica set {hello['setName']}" if "setName" in hello else "sharded cluster"


async def check_history(client: Client) -> Finding:
    """Return how far back the oplog reaches: for so long a reactor may be down."""
    oplog = client["local"]["oplog.rs"]
    try:
        first = await oplog.find_one(sort=[("$natural", 1)])
        last = await oplog.find_one(sort=[("$natural", -1)])
    except OperationFailure:
        first = last = None
    if not first or not last:
        return warning(
            "history",
            "how far the oplog reaches cannot be read with this login",
            "let it read the database `local`, or see that rs.printReplicationInfo() says "
            f"{_WINDOW_HOURS} hours or more",
        )
    return history_finding(last["ts"].time - first["ts"].time, whole=_is_the_beginning(first))


def history_finding(seconds: int, *, whole: bool) -> Finding:
    """Return what it means that the oplog reaches so far back; `whole`: nothing was lost yet."""
    text = f"the oplog reaches {duration_text(seconds)} back"
    if whole:
        return ok("history", f"{text}, to the beginning")
    if seconds < _WINDOW_HOURS * 3600:
        return warning("history", text, _LENGTHEN)
    return ok("history", text)


def _is_the_beginning(entry: dict[str, Any]) -> bool:
    """Return whether nothing has fallen out of the oplog yet."""
    return entry.get("op") == "n" and "initiating" in str(entry.get("o", {}).get("msg"))


async def check_clock(client: Client) -> Finding:
    """Return how far this machine's clock is from the database's."""
    ahead = (await DatabaseClock().ask(client)).total_seconds()
    return clock_finding(ahead)


def clock_finding(ahead: float) -> Finding:
    """Return what it means that the database's clock is so many seconds ahead."""
    text = f"the database's clock is {abs(ahead):.1f} s {'ahead' if ahead > 0 else 'behind'}"
    if abs(ahead) > _SKEW_SECONDS:
        return warning(
            "clock",
            text,
            "set this machine's clock by the network (NTP); files are moved rightly all the same, "
            "but times in logs do not agree",
        )
    return ok("clock", text)


def unreachable(why: str) -> Finding:
    """Return that there is no database to look at."""
    return problem("MongoDB", why)

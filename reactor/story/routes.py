"""
Which reactors could bring a file to a site, and what keeps them from it.

One end of a transfer is the reactor's own site, unless it relays (DESIGN §3). What other
machines would serve is judged by this machine's settings; whether they run, the database tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reactor.model import File, Topology
from reactor.presence import SeenReactor, Suspended
from reactor.sourcing import Candidate, Choice, Way, best_first
from reactor.story.finding import Finding, command, names, note, reason
from reactor.story.situation import Situation

_RELAY = command("run", "--relay")


@dataclass(frozen=True, slots=True)
class Route:
    """
    How a reactor of one own site would bring a file: from one of `sources` to `destination`.

    Some take one that `relays`.
    """

    own: str
    destination: str
    sources: tuple[str, ...]
    relays: bool = False


@dataclass(frozen=True, slots=True)
class Mover:
    """A reactor that was seen lately, and the route that it has."""

    reactor: SeenReactor
    route: Route


def routes_of(file: File, case: Situation) -> list[Route]:
    """Return a file's routes, of each own site that a reactor could have, and of those that relay."""
    routes: list[Route] = []
    for own, view in case.rules.views.items():
        plain = _route(file, case.site, view)
        relayed = _route(file, case.site, view.relaying())
        routes += [Route(own, *plain)] if plain else []
        routes += [Route(own, *relayed, relays=True)] if relayed and relayed != plain else []
    return routes


def _route(file: File, site: str, view: Topology) -> tuple[str, tuple[str, ...]] | None:
    destination = view.destination(site) if view.is_serving else None
    sources = view.sources(file, destination) if destination else []
    return (destination, tuple(sources)) if destination and sources else None


def movers_of(routes: Sequence[Route], case: Situation) -> list[Mover]:
    """Return the reactors that were seen lately and have one of the routes, each with its widest."""
    return [
        Mover(reactor, own[-1])
        for reactor in case.presence.alive
        if (own := [one for one in routes if _has(reactor, one)])
    ]


def _has(reactor: SeenReactor, route: Route) -> bool:
    return reactor.site == route.own and (reactor.relays or not route.relays)


def best_of(mover: Mover, file: File, case: Situation) -> list[Choice]:
    """Return the sources of a reactor's route, the one first that it would ask first."""
    rules, reactor, to = case.rules, mover.reactor, mover.route.destination
    ways = {(way.source, way.destination): way for way in reactor.ways}
    resting = {one.site for one in reactor.suspended}
    own = rules.views[mover.route.own].alternatives_of(mover.route.own)

    def seen(name: str) -> Candidate:
        label = rules.label(name)
        way = ways.get((label, rules.label(to)), Way(label, to))
        return Candidate(name, name in own, way.copies, rate=way.rate, doubtful=label in resting)

    return best_first([seen(name) for name in mover.route.sources], file.size or 0)


def pause_findings(routes: Sequence[Route], case: Situation) -> Iterator[Finding]:
    """Yield the pauses that stop every reactor which has a route; where none runs, the site's."""
    movers = movers_of(routes, case)
    destinations = {mover.route.destination for mover in movers} or {case.site}
    for pause in case.presence.pauses:
        if all(pause.covers(case.project, destination) for destination in destinations):
            project = ["--project", pause.project] if pause.project else []
            site = ["--site", pause.site] if pause.site else []
            where = f" at {pause.site!r}" if pause.site else ""
            what = f"Project {pause.project!r}" if pause.project else "Everything"
            todo = command("resume", *project, *site)
            text = f"{what} is paused{where}."
            yield reason("paused", text, todo, by=pause.by, ago_seconds=pause.ago)


def route_findings(file: File, case: Situation, routes: Sequence[Route]) -> Iterator[Finding]:
    """Yield why no reactor brings a file now; nothing where one could."""
    holders = [entry.name for entry in file.entries if file.available_at(entry.name)]
    movers = movers_of(routes, case)
    if not holders:
        yield _no_source(file, case)
    elif not movers:
        plain = [route for route in routes if not route.relays]
        yield from _off_course(holders, case, routes)
        if plain:
            yield _no_reactor(case, plain, can_relay=len(plain) < len(routes))
    else:
        yield from _suspensions(case, movers)


def _no_source(file: File, case: Situation) -> Finding:
    stale = sorted({entry.name for entry in file.entries if entry.available})
    if stale:
        return reason(
            "source_stale",
            f"It was published again, but no site has the new content yet: what is at "
            f"{names(stale)} was made from earlier content.",
            f"see where it was published to; is it there, then: {_validate(stale[0])}",
        )
    wanted = sorted({entry.name for entry in file.entries} - {case.site})
    others = f" {names(wanted)} should have it, too." if wanted else ""
    back = wanted[0] if wanted else case.rules.active_site
    return reason(
        "no_source",
        f"It is available nowhere.{others}",
        f"publish it again, or put the file back and run: {_validate(back)}",
    )


def _validate(site: str) -> str:
    return command("validate", "--site", site)


def _off_course(
    holders: Sequence[str], case: Situation, routes: Sequence[Route]
) -> Iterator[Finding]:
    """Yield what in the settings leaves a file without a route, or with none but a pull."""
    problems = list(_problems(holders, case))
    yield from problems
    fetched = {case.rules.own, case.rules.active_site, *case.view.always}
    plain = [route for route in routes if not route.relays]
    is_pull = all(route.own in case.group for route in plain)
    needs_push = case.site in case.view.known and not fetched.intersection(case.group)
    if not problems and (not plain or (is_pull and needs_push)):
        yield _not_served(holders, case, can_relay=len(plain) < len(routes))


def _problems(holders: Sequence[str], case: Situation) -> Iterator[Finding]:
    """Yield why sites cannot be served from anywhere."""
    served = {name for view in case.rules.views.values() for name in view.reachable}
    for site in (case.site, *holders):
        if site not in served and (problem := case.rules.problems.get(site)):
            yield reason("site_problem", f"Nobody can serve {site!r}: {problem}")


def _not_served(holders: Sequence[str], case: Situation, *, can_relay: bool) -> Finding:
    site, project, remote = case.site, case.project, case.rules.remote_site
    table = f"[projects.{project}] (or under [defaults])"
    to_set = f'set remote_site = "{site}" under {table}'
    if not remote and not case.view.always:
        text = f'remote_site of project {project!r} is "", so nothing of it is synced.'
        return reason("no_remote_site", text, to_set)
    if remote == case.rules.active_site and not case.view.always:
        text = f"Active and remote site of project {project!r} are both {remote!r}: no syncing."
        return reason("same_site", text, to_set)
    text = f"It is available at {names(holders)}, but by the settings no reactor of there brings "
    text += f"files of project {project!r} to {site!r}."
    if can_relay:
        return reason("not_served", text, f"let one that reaches both sites relay: {_RELAY}")
    between = remote or case.view.always[0]
    through = command("site", "add", between, "--representation", case.representation)
    every = f'or add "{site}" to always_accessible_on; or go through {between!r}: {through}'
    return reason("not_served", text, f"{to_set}, {every}")


def _no_reactor(case: Situation, routes: Sequence[Route], *, can_relay: bool) -> Finding:
    ranked = sorted(routes, key=lambda route: _preference(route, case))
    best, owns = ranked[0], list(dict.fromkeys(route.own for route in ranked))
    seen = [one for one in case.presence.reactors if one.site in owns]
    last = min(seen, key=lambda one: one.seen, default=None)
    return reason(
        "no_reactor",
        f"No reactor runs that brings it: one with {' or '.join(map(repr, owns))} as its own "
        "site is needed.",
        _start(best, case) + (f"; or let one that runs relay: {_RELAY}" if can_relay else ""),
        seen_ago_seconds=last.seen if last else None,
        host=last.host if last else None,
    )


def _preference(route: Route, case: Situation) -> tuple[bool, bool, bool]:
    """Return what makes a route the better one to start a reactor for: false comes first."""
    return (
        not _is_here(route, case),
        route.own not in case.view.known,
        route.own in case.group,
    )


def _is_here(route: Route, case: Situation) -> bool:
    reached = case.rules.reached
    ends = route.destination in reached and not reached.isdisjoint(route.sources)
    return route.own == case.rules.own and ends


def _start(route: Route, case: Situation) -> str:
    if _is_here(route, case):
        return f"start one on this machine: {command('run')}"
    if route.own not in case.view.known:
        return f"start the reactor of the machine whose site is {route.own!r}"
    start = command("run", "--active-site", route.own)
    return f"start one on a machine that reaches {route.own!r}: {start}"


def _suspensions(case: Situation, movers: Sequence[Mover]) -> Iterator[Finding]:
    """Yield the sites that rest; they are reasons only if no reactor is without."""
    resting = {mover: _resting(mover, case) for mover in movers}
    say = reason if all(resting.values()) else note
    told: dict[str, Finding] = {}
    for mover, found in resting.items():
        for why in found:
            text = f"The reactor on {mover.reactor.host} lets {why.site!r} rest, "
            text += f"{why.kind}: {why.why}"
            todo = f"mend that; it goes on by itself. {command('doctor')} checks the site"
            told[text] = say("suspended", text, todo)
    yield from told.values()


def _resting(mover: Mover, case: Situation) -> list[Suspended]:
    """Return what keeps a reactor from its route: its destination, or all of its sources, rest."""
    suspended = {one.site: one for one in mover.reactor.suspended}
    destination = suspended.get(case.rules.label(mover.route.destination))
    sources = [suspended.get(case.rules.label(name)) for name in mover.route.sources]
    if destination is not None:
        return [destination]
    return [one for one in sources if one] if all(sources) else []

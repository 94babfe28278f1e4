"""
What may befall a studio, one by one: each is drawn with the world's dice and happens at a step.

Reactors are paused, killed and started again; leases end; the database and sites fail, with or
without having done what they were asked; publishers and operators do their work beside all that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any

from pymongo.errors import AutoReconnect, NotPrimaryError, PyMongoError

from providers.base import FileError, SiteError
from tests.simulation.judge import SITE_TROUBLE
from tests.simulation.reactors import OperatorProcess, ReactorProcess
from tests.simulation.studio import AT, CLAIMS, REACTORS, STATE, Place, Studio
from tests.simulation.values import Document
from tests.simulation.world import Process, Step, World

_PAST_LEASES = (31.0, 31.0, 31.0, 700.0)
_NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_RESTING = ("tries", "retry_at", "error", "last_failed_dt")


class Agenda:
    """What is to happen at which step, in order."""

    def __init__(self) -> None:
        self._items: list[tuple[int, int, Callable[[], None]]] = []
        self._serials = count()
        self.next = 1 << 60

    def __bool__(self) -> bool:
        return bool(self._items)

    def add(self, step: int, act: Callable[[], None]) -> None:
        """Let something happen at a step."""
        heappush(self._items, (step, next(self._serials), act))
        self.next = self._items[0][0]

    def take(self) -> Callable[[], None]:
        """Return what comes first, whether its step has come or not."""
        _, _, act = heappop(self._items)
        self.next = self._items[0][0] if self._items else 1 << 60
        return act


@dataclass(slots=True)
class Trouble:
    """
    Everything that befalls one studio.

    `errors` is how many commands of the database are going to fail, or, negative, of sites.
    """

    studio: Studio
    agenda: Agenda
    reactors: list[ReactorProcess] = field(default_factory=list[ReactorProcess])
    errors: int = 0
    _started: int = 0
    _deaths: int = -1

    @property
    def world(self) -> World:
        return self.studio.world

    def kinds(self) -> tuple[Callable[[Process], None], ...]:
        """Return all that may happen, the more frequent more than once."""
        return (
            *(self.pause,) * 4,
            *(self.kill,) * 2,
            *(self._republish,) * 3,
            *(self._remove,) * 2,
            self._change_entry,
            self._add_again,
            self._end_leases,
            self._fail_database,
            self._fail_site,
            self._fill,
            self._delete,
        )

    def start(self, own: str, host: str) -> ReactorProcess:
        """Start a reactor that serves as a site."""
        self._started += 1
        letter = _NAMES[(self._started - 1) % 26]
        made = ReactorProcess(self.studio, f"{own}{letter}", host, own)
        made.behind = self.world.dice.choice((0.0, 0.0, 0.0, 3600.0, -3600.0))
        self.reactors.append(made)
        self.world.say(made.name, f"is started on host {host}")
        return made

    def _later(self, *steps: int) -> int:
        return self.world.steps + self.world.dice.choice(steps)

    def _place(self) -> Place:
        return self.world.dice.choice(self.studio.places)

    # Processes.

    def pause(self, process: Process) -> None:
        """Stop a process as SIGSTOP does, mostly for longer than its leases."""
        self._pause(process, self._later(5, 15, 40, 100, 400))

    def overtake(self, process: Process) -> None:
        """Stop a process for longer than its leases, while others do the same and go on."""
        self._end_leases(process)
        self._pause(process, self._later(60, 100, 400, 400))
        meanwhile = (self._republish, self._republish, self._remove, self._remove, None)
        if act := self.world.dice.choice(meanwhile):
            act(process)

    def _pause(self, process: Process, until: int) -> None:
        if process.paused or process.dead or process is self.studio.hands:
            return
        process.paused = True
        self.world.say(process.name, "is paused")
        if self.world.dice.random() < 0.6:
            self._end_leases(process)
        self.agenda.add(until, lambda: self._resume(process))

    def _resume(self, process: Process) -> None:
        if not process.paused:
            return
        process.paused = False
        self.world.say(process.name, "goes on")
        process.kernel.fire(self.world.now)

    def kill(self, process: Process) -> None:
        """Kill a process as SIGKILL does; a reactor is started again."""
        if process.dead or process is self.studio.hands:
            return
        self.world.say(process.name, "is killed")
        process.kill()
        if isinstance(process, ReactorProcess):
            own, host = process.own, process.host
            self.agenda.add(self._later(1, 20, 60), lambda: self._restart(own, host))

    def _restart(self, own: str, host: str) -> None:
        self.start(own, host)

    def _end_leases(self, _: Process) -> None:
        self.world.server.ahead += self.world.dice.choice(_PAST_LEASES)
        self.world.say("time", "leases end")

    # Publishers and operators.

    def publish_anew(self) -> None:
        """Publish something anew, be it for the first time since all came to rest."""
        for _ in range(self.world.dice.choice((1, 1, 1, 2))):
            self._republish(self.studio.hands)

    def forget_dead(self) -> None:
        """Let a week pass for what is said of processes that have ended."""
        world = self.world
        dead = [one for one in self.reactors if one.dead]
        self.reactors = [one for one in self.reactors if not one.dead]
        world.forget_dead()
        known = world.server.collections.get((STATE, "reactors"), {})
        alive = {str(process.pid) for process in world.processes}
        for name in [n for n, said in known.items() if str(said["pid"]) not in alive]:
            del known[name]
        world.server.collections.pop((STATE, "attempts"), None)
        for process in dead:
            process.bury()

    def _republish(self, _: Process) -> None:
        """Publish anew under the same path: bytes first, then the document."""
        dice, place = self.world.dice, self._place()
        if place.is_publishing:
            return
        place.is_publishing = True
        facts = self.studio.write_version(place, longer=dice.random() < 0.15)
        self.world.say("publisher", f"writes version {place.version} of {place.name}")
        element, keeps = self.studio.element(place, facts), dice.random() < 0.5
        archives = "archive" in self.studio.kinds and dice.random() < 0.5

        def change(before: Document) -> Document:
            kept = [e for e in before["sites"] if e["name"] != place.home and "source_hash" in e]
            names = {entry["name"] for entry in kept}
            fresh = [entry for entry in element["sites"] if entry["name"] not in names]
            made = {**element, "sites": fresh + kept} if keeps else element
            return self.studio.archived(place, made) if archives else made

        def then() -> None:
            place.is_publishing = False

        self.studio.change_file(place, change, then)

    def _remove(self, _: Process) -> None:
        """
        Let an operator remove a representation from a site, with its bytes; it may be missed.

        Not where it is published: between the last look at bytes and their removal somebody who
        asks for no claim may have written others, and no disk could prevent that.
        """
        dice, place = self.world.dice, self._place()
        homes = {one.home for one in self.studio.places if one.document == place.document}
        sites = [
            n for n in (*["vendor"] * 3, "artist") if n in self.studio.kinds and n not in homes
        ]
        self._started += 1
        site, name = dice.choice(sites), f"operator{_NAMES[(self._started - 1) % 26]}"
        self.world.say(name, f"removes the document of {place.name} at {site}, with its bytes")
        missed = dice.random() < 0.6
        operator = OperatorProcess(self.studio, name, site, place.document)
        if missed:
            operator.then = lambda: self._miss(place)

    def _miss(self, place: Place) -> None:
        """Want a file again that was just removed; who slept meanwhile may wake up now."""
        self._want(place)
        for process in self.world.processes:
            if process.paused and self.world.dice.random() < 0.7:
                self.agenda.add(self._later(1, 3, 8, 20), partial(self._resume, process))

    def _add_again(self, _: Process) -> None:
        self._want(self._place())

    def _want(self, place: Place) -> None:
        names = [name for name in ("vendor", "artist") if name in self.studio.kinds]
        names = [name for name in names if name != place.home]
        self.world.say("somebody", f"wants {place.name} at {names}")

        def change(element: Document) -> Document:
            there = {entry["name"] for entry in element["sites"]}
            added = [{"name": name} for name in names if name not in there]
            return {**element, "sites": element["sites"] + added}

        self.studio.change_file(place, change)

    def _change_entry(self, _: Process) -> None:
        """Change an entry as other tools do, without asking anybody."""
        dice, place = self.world.dice, self._place()
        kept = (place.home, "archive")
        site = dice.choice([name for name in self.studio.kinds if name not in kept])
        change = dice.choice((_reset, _reset, _forgotten, _paused, _tried_anew))
        self.world.say("somebody", f"changes {place.name} at {site}: {change.__name__}")
        self.studio.change_entry(place, site, change)
        if change is _paused:
            later = self._later(10, 50)
            self.agenda.add(later, lambda: self.studio.change_entry(place, site, _resumed))

    def start_missing(self) -> bool:
        """
        Start a reactor for each site that none serves; return whether there was one.

        And on each host where somebody died holding a claim: others cannot see that he is gone,
        and no lease ends it (DESIGN §4.5).
        """
        if self._deaths == self.world.deaths:
            return False
        self._deaths = self.world.deaths
        alive = {(one.own, one.host) for one in self.reactors if not one.dead}
        missing = {
            (own, self.studio.hosts.get(own, "one"))
            for own in self.studio.topologies.keys() - {own for own, _ in alive}
        }
        missing |= {("studio", host) for host in self._holding() - {host for _, host in alive}}
        for own, host in sorted(missing):
            self.start(own, host)
        return bool(missing)

    def _holding(self) -> set[str]:
        """Return the hosts whose processes hold claims that no lease ends."""
        claims = self.world.server.collections.get(CLAIMS, {}).values()
        known = self.world.server.collections.get(REACTORS, {})
        owners = {claim["process"] for claim in claims if claim.get("held")}
        return {known[owner]["host"] for owner in owners & known.keys()}

    def retry_all(self) -> None:
        """Forget failures, as `sitesync retry` does, and pauses: they are of times that are over."""

        def change(element: Document) -> Document:
            fresh = [_resumed(_tried_anew(entry)) for entry in element["sites"]]
            return {**element, "sites": fresh}

        documents = self.world.server.collections.get(AT, {})
        for place in self.studio.places:
            document = documents.get(place.document)
            entries = document["files"][place.position]["sites"] if document else ()
            if any("tries" in entry or "paused" in entry for entry in entries):
                self.studio.change_file(place, change)

    # Storage and the database.

    def _fill(self, _: Process) -> None:
        store = self.world.dice.choice(list(self.world.stores.values()))
        store.full = True
        self.world.say(store.name, "is full")
        self.agenda.add(self._later(10, 60), lambda: self._clear(store))

    def _clear(self, store: Any) -> None:
        store.full = False
        self.world.say(store.name, "has room again")

    def _delete(self, _: Process) -> None:
        """Delete a file by hand."""
        place = self._place()
        site = self.world.dice.choice([n for n in self.studio.kinds if n != place.home])
        store, root = self.studio.stores[site], self.studio.root_of(site)
        if place.name in root.published:
            self.studio.told(store.name, place.name)
            self.world.say("somebody", f"deletes {place.name} at {site}")
            store.put(root, place.name, None, "hands")

    def _fail_database(self, _: Process) -> None:
        self.errors = self.world.dice.choice((1, 1, 2, 5))

    def _fail_site(self, _: Process) -> None:
        self.errors = -self.world.dice.choice((1, 1, 2, 5))

    def fault(self, step: Step) -> tuple[Exception | None, bool]:
        """Return with what a step fails, if it does, and whether it is done all the same."""
        if step.by is self.studio.hands or (step.site != "") is (self.errors > 0):
            return None, False
        self.errors -= 1 if self.errors > 0 else -1
        done = not step.local and self.world.dice.random() < 0.5
        if step.label == "revoke" and not done:
            self.studio.stores[step.site].refused = True
        return (self._site_error(step) if step.site else self._database_error(step)), done

    def _database_error(self, step: Step) -> PyMongoError:
        kind = self.world.dice.choice((AutoReconnect, NotPrimaryError))
        error: PyMongoError = kind("simulated trouble of the database")
        if step.label not in ("commit", "abort"):
            error._add_error_label("TransientTransactionError")
        return error

    def _site_error(self, step: Step) -> Exception:
        if step.label not in ("marker", "open", "revoke") and self.world.dice.random() < 0.2:
            return FileError("simulated trouble of the file")
        kind = self.world.dice.choice(("unreachable", "login", "quota", "read-only", "rate"))
        return SiteError(kind, SITE_TROUBLE)


def _reset(entry: Document) -> Document:
    return {"name": entry["name"]}


def _forgotten(entry: Document) -> None:
    return None


def _paused(entry: Document) -> Document:
    return entry if "created_dt" in entry else {**entry, "paused": True}


def _resumed(entry: Document) -> Document:
    return {name: value for name, value in entry.items() if name != "paused"}


def _tried_anew(entry: Document) -> Document:
    return {name: value for name, value in entry.items() if name not in _RESTING}
